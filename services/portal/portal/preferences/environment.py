"""Settings that the environment sets: they win over what a person chose, and are locked."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from portal.preferences.values import Preferences, refusal, validated

# Names that a variable had before it could be set in the portal too, or that every service has.
_OTHER_NAMES: Mapping[str, str] = {
    "plex_libraries": "PORTAL_PLEX_LIBRARY",
    "web_host": "PORTAL_HOST",
    "web_port": "PORTAL_PORT",
}


@dataclass(frozen=True, kw_only=True)
class Lock:
    """A setting that a variable of the environment holds."""

    variable: str
    value: Any


class EnvironmentRefusedError(Exception):
    """A variable makes no sense; the message names it, its value and what is allowed."""


def variables(name: str) -> tuple[str, ...]:
    """The variables that set this setting, the one that wins first."""
    return (f"PORTAL_{name}".upper(), *([_OTHER_NAMES[name]] if name in _OTHER_NAMES else []))


def locks(environment: Mapping[str, str] | None = None) -> dict[str, Lock]:
    """The settings that the environment sets; a variable that is empty sets nothing."""
    found = os.environ if environment is None else environment
    locked: dict[str, Lock] = {}
    for name in Preferences.model_fields:
        variable = next((each for each in variables(name) if found.get(each, "").strip()), None)
        if variable is not None:
            locked[name] = Lock(variable=variable, value=_read(name, variable, found[variable].strip()))
    return locked


def refuse_nonsense() -> None:
    """End the process with status 2 and a line on the first variable that makes no sense."""
    try:
        locks()
    except EnvironmentRefusedError as error:
        sys.stderr.write(f"settings: {error}\n")
        sys.exit(2)


def _read(name: str, variable: str, text: str) -> Any:
    # One title, whole: it may hold a comma.
    value = (text,) if variable == _OTHER_NAMES["plex_libraries"] else text
    try:
        return validated(name, value)
    except ValidationError as error:
        raise EnvironmentRefusedError(f"{variable} is {text!r}: {refusal(name, error)}") from error
