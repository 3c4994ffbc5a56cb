"""Refuses what holds the character NUL: no text in PostgreSQL can, and no browser sends it by itself.

In a cookie it is written as an octal number, and the key of a session is looked up in the database.
"""

from collections.abc import Callable, Iterator

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse

NUL = "\0"


class NulMiddleware:
    """Answers such a request with 400 before anything reads it, so that no page has to think of it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if any(NUL in text for text in _texts(request)):
            raise BadRequest("The address or the form holds the character NUL.")
        # Its browser would send it for ever: whoever has one is somebody without it.
        request.COOKIES = {name: value for name, value in request.COOKIES.items() if NUL not in value}
        return self._get_response(request)


def _texts(request: HttpRequest) -> Iterator[str]:
    yield request.path
    for name, values in (*request.GET.lists(), *request.POST.lists()):
        yield name
        yield from values
