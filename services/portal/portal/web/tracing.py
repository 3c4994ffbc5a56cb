"""A request id for every page, so that its log lines and what it asks of the services can be found together."""

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from runtime.telemetry import bind_request_id

HEADER = "X-Request-ID"
# Anybody can send the header, and it is copied into logs and calls.
_HARMLESS = re.compile(r"[\w.-]{1,64}")


class RequestIdMiddleware:
    """Takes the id that a proxy has given, or makes one up, and answers with it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get(HEADER, "")
        request_id = bind_request_id(given if _HARMLESS.fullmatch(given) else None)
        response = self._get_response(request)
        response.headers[HEADER] = request_id
        return response
