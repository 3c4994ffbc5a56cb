"""The settings as they stand now: the default, else what a person chose, else what the environment says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from runtime.telemetry import get_logger

from portal.preferences.environment import Lock, locks
from portal.preferences.models import ChangedSetting
from portal.preferences.values import DEFAULTS, Preferences, refusal, validated

log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class CurrentSettings:
    """The settings, and where each value comes from."""

    values: Preferences
    locks: Mapping[str, Lock]
    """Those that the environment sets."""
    changed: Mapping[str, ChangedSetting]
    """What the database has, also where the environment wins over it."""
    faults: Mapping[str, str] = field(default_factory=dict)
    """Rows of the database that cannot be used, with the reason; the default stands in for them."""


def preferences() -> Preferences:
    """All settings, with one query. Nonsense in the database is logged, and the default taken."""
    return current_settings().values


def held_alone() -> Preferences:
    """The settings without the database: the defaults, and what the environment says."""
    return DEFAULTS.model_copy(update={name: lock.value for name, lock in locks().items()})


def locked() -> dict[str, str]:
    """The settings that the environment sets, with the variable's name."""
    return {name: lock.variable for name, lock in locks().items()}


def current_settings() -> CurrentSettings:
    """The settings, and where each value comes from."""
    held = locks()
    rows = {row.name: row for row in ChangedSetting.objects.select_related("changed_by")}
    faults: dict[str, str] = {}
    values: dict[str, Any] = {}
    for name in Preferences.model_fields:
        if name in rows:
            try:
                values[name] = validated(name, rows[name].value)
            except ValidationError as error:
                faults[name] = _fault(name, rows[name].value, error)
        if name in held:
            values[name] = held[name].value
    return CurrentSettings(values=DEFAULTS.model_copy(update=values), locks=held, changed=rows, faults=faults)


def _fault(name: str, value: Any, error: ValidationError) -> str:
    message = f"The database has {name} = {value!r}: {refusal(name, error)}"
    log.warning("a setting in the database cannot be used; its default is", setting=name, reason=message)
    return message
