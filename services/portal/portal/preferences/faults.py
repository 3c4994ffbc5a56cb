"""Why a value of a setting is refused, as a sentence."""

from pydantic import ValidationError


def reason(error: ValidationError) -> str:
    """The first fault in pydantic's words, without its prefix and full stop."""
    return error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ").rstrip(".")
