"""A line in the log for each login: who, from where, and whether it was let in."""

from collections.abc import Mapping
from typing import Any

from axes.signals import user_locked_out
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest
from runtime.telemetry import get_logger

log = get_logger(__name__)
LONGEST_NAME = 150


@receiver(user_logged_in)
def signed_in(sender: object, request: HttpRequest, user: User, **_: Any) -> None:
    """Somebody is in."""
    log.info("signed in", account=user.get_username(), address=request.META.get("REMOTE_ADDR"))


@receiver(user_login_failed)
def refused(
    sender: object, credentials: Mapping[str, Any], request: HttpRequest | None = None, **_: Any
) -> None:
    """A wrong name or password, or one that came during a pause."""
    address = request.META.get("REMOTE_ADDR") if request else None
    log.warning(
        "a login failed", account=str(credentials.get("username", ""))[:LONGEST_NAME], address=address
    )


@receiver(user_locked_out)
def paused(sender: object, request: HttpRequest, username: str, **_: Any) -> None:
    """No password is looked at for a while."""
    address = request.META.get("REMOTE_ADDR")
    log.warning("logins are paused after too many failures", account=username[:LONGEST_NAME], address=address)
