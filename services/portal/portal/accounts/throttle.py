"""How often a wrong password may be tried: by address, and, much later, by account from everywhere together.

An account is not closed to its owner by one stranger: that takes as many addresses as ACCOUNT_FACTOR says. Where
everybody has one address, as on one machine, one stranger can: so a browser in which the account has signed in before
(portal.accounts.device_cookies) has a counter of its own; strangers' counters neither close it nor count its failures.
"""

from collections.abc import Mapping
from functools import reduce
from operator import and_
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.helpers import get_client_ip_address, get_client_user_agent, get_client_username
from axes.models import AccessAttempt
from django.db.models import QuerySet, Sum
from django.http import HttpRequest

from portal.accounts.device_cookies import known_browser

ACCOUNT_FACTOR = 10
"""As many times the failures of one address, for one account from all addresses."""
KNOWN_BROWSERS = "100::1"
"""Stands in place of the address where axes writes down a failure in a known browser, and the browser's name in place
of its user agent. No stranger can have this address: it is of the range for discarded packets (RFC 6666), and of a
stranger's IPv6 address the network alone is kept."""
Credentials = Mapping[str, Any] | None


def counters(request: HttpRequest, credentials: Credentials = None) -> list[str | list[str]]:
    """What failures have in common with an attempt against which they count (AXES_LOCKOUT_PARAMETERS)."""
    if _is_known(request):
        return [["username", "ip_address", "user_agent"]]
    return ["ip_address", "username"]


class Throttle(AxesDatabaseHandler):
    """django-axes with a higher limit for an account than for an address, and a counter for each known browser."""

    def is_allowed(self, request: HttpRequest, credentials: Credentials = None) -> bool:
        """Whether the password is looked at."""
        _recognise(request, credentials)
        return bool(super().is_allowed(request, credentials))

    def get_failures(self, request: HttpRequest, credentials: Credentials = None) -> int:
        """The failures that count against this attempt, as if all came from its address or browser."""
        sums = (
            attempts.aggregate(sum=Sum("failures_since_start"))["sum"] or 0
            for attempts in self.get_user_attempts(request, credentials)
        )
        own, *of_account = sums
        return int(max([own, *(failures // ACCOUNT_FACTOR for failures in of_account)]))

    def filter_user_attempts(
        self, request: HttpRequest, credentials: Credentials = None
    ) -> list[QuerySet[AccessAttempt]]:
        """Of each counter its failures; a stranger's have none of a known browser."""
        found = super().filter_user_attempts(request, credentials)
        if _is_known(request):
            return list(found)
        return [attempts.exclude(ip_address=KNOWN_BROWSERS) for attempts in found]

    def reset_user_attempts(self, request: HttpRequest, credentials: Credentials = None) -> int:
        """After a success: the person's own mistakes, and not those of others for the account or from the address."""
        return int(reduce(and_, self.filter_user_attempts(request, credentials)).delete()[0])


def _recognise(request: HttpRequest, credentials: Credentials) -> None:
    """Have axes count by the browser where the account knows it."""
    browser = known_browser(request, get_client_username(request, credentials))
    request.axes_ip_address = KNOWN_BROWSERS if browser else get_client_ip_address(request)  # type: ignore[attr-defined]
    request.axes_user_agent = browser or get_client_user_agent(request)  # type: ignore[attr-defined]


def _is_known(request: HttpRequest) -> bool:
    return bool(request.axes_ip_address == KNOWN_BROWSERS)  # type: ignore[attr-defined]


def end_all_pauses() -> None:
    """Forget every failure."""
    AccessAttempt.objects.all().delete()
