"""Makes and revokes tokens, and hands the valid ones over to inference."""

import secrets

from django.core.exceptions import ValidationError
from django.utils import timezone
from runtime.errors import RemoteError
from runtime.rights import fingerprint

from portal.callers.models import CallerToken
from portal.configuration import PortalSettings
from portal.remote.callers import CallersClient, callers_at_hand

# So that a token is known for what it is, also by programs that look for such in other people's code.
PREFIX = "reclass_"
RANDOM_BYTES = 32


def give_token(caller: CallerToken, by: str) -> str:
    """Save a caller with a token of its own, which is returned, and can be had from nowhere afterwards."""
    token = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
    caller.fingerprint = fingerprint(token)
    caller.made_by = by
    caller.save()
    return token


def make(name: str, role: str, by: str) -> str:
    """A new token for a program of this name. Raises ValidationError, which says what is wrong with it."""
    caller = CallerToken(name=name.strip(), role=role)
    caller.clean_fields(exclude=("fingerprint", "made_by", "revoked_by"))
    caller.clean()
    return give_token(caller, by)


def revoke(caller: CallerToken, by: str) -> None:
    """Let this token open nothing any more."""
    caller.revoked_time = timezone.now()
    caller.revoked_by = by
    caller.save(update_fields=("revoked_time", "revoked_by"))


def named(name: str) -> CallerToken:
    """The valid token of this name. Raises ValidationError."""
    found = CallerToken.objects.filter(name=name.strip(), revoked_time=None).first()
    if found is None:
        raise ValidationError(f"no valid token is named “{name.strip()}”: `reclass tokens list` shows them")
    return found


def hand_over_to(inference: CallersClient) -> bool:
    """Tell inference which tokens are valid now; whether it knew others. Raises RemoteError."""
    valid = CallerToken.objects.filter(revoked_time=None)
    return inference.set_callers(list(valid.values_list("name", "role", "fingerprint")))


def hand_over() -> str:
    """Tell inference at once; where that fails, a sentence that says so, for the worker tries again by itself."""
    try:
        with callers_at_hand(PortalSettings.load()) as inference:
            hand_over_to(inference)
    except RemoteError as error:
        return (
            f"Inference could not be told yet, and will be within ten seconds of its return: {error.message} "
            "Until then it knows the tokens that it knew."
        )
    return ""
