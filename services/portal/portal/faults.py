"""What a person sees when the portal itself cannot go on: a plain page that says why."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import get_template

RETRY_SECONDS = 10


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler of exceptions that nobody caught: 503 when it was the database, else 500.

    The page asks the database for nothing, so it can be made without one.
    """
    database_is_down = isinstance(sys.exc_info()[1], OperationalError | InterfaceError)
    page = get_template("portal/fault.html").render(
        {"database_is_down": database_is_down, "retry": RETRY_SECONDS}
    )
    if not database_is_down:
        return HttpResponse(page, status=500)
    return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_SECONDS)})
