"""How often a wrong password may be tried: by address, and, much later, by account from everywhere together.

An account is not closed to its owner by one stranger: that takes as many addresses as ACCOUNT_FACTOR says.
"""

from collections.abc import Mapping
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.db.models import Sum
from django.http import HttpRequest

ACCOUNT_FACTOR = 10
"""As many times the failures of one address, for one account from all addresses."""


class Throttle(AxesDatabaseHandler):
    """django-axes with a higher limit for an account than for an address."""

    def get_failures(self, request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> int:
        """The failures that count against this attempt, as if all came from its address."""
        by_address, by_account = (
            attempts.aggregate(sum=Sum("failures_since_start"))["sum"] or 0
            for attempts in self.get_user_attempts(request, credentials)
        )
        return int(max(by_address, by_account // ACCOUNT_FACTOR))

    def reset_user_attempts(self, request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> int:
        """After a success: the person's own mistakes, and not those of others for the account or from the address."""
        by_address, by_account = self.filter_user_attempts(request, credentials)
        return int((by_address & by_account).delete()[0])


def end_all_pauses() -> None:
    """Forget every failure."""
    AccessAttempt.objects.all().delete()
