"""What happens after too many wrong passwords: no more is looked at for a while, and the login page says so."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse

FAILURES = 5
"""Wrong passwords from one address, or in one known browser, after which it waits."""
PAUSE = timedelta(minutes=15)
MESSAGE = (
    "Too many wrong passwords for this account, from your address or in this browser. Wait 15 minutes and try again. "
    "Whoever runs the portal can end the wait at once, and make a new password, as it says below."
)


def locked_out(request: HttpRequest, response: HttpResponse, credentials: Mapping[str, Any]) -> HttpResponse:
    """The login page with its message, by a status that a program understands."""
    response.status_code = 429
    response.headers["Retry-After"] = str(int(PAUSE.total_seconds()))
    return response
