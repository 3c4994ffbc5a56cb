"""What a check of `reclass doctor` comes to: well, or what to do."""

from collections.abc import Callable
from dataclasses import dataclass

from django.db import OperationalError
from runtime.errors import RemoteError

from portal.setup import unreachable_message


class UnwellError(Exception):
    """Something is not as it must be; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a check found."""

    what: str
    well: bool
    message: str


def finding(what: str, check: Callable[[], str]) -> Finding:
    """Do a check: what it returns is well, what it raises is not."""
    try:
        return Finding(what=what, well=True, message=check())
    except (UnwellError, RemoteError) as error:
        return Finding(what=what, well=False, message=str(error))
    except OperationalError as error:
        return Finding(what=what, well=False, message=unreachable_message(error))
