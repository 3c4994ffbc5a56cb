"""Changes settings: validates, stores, and keeps who changed what from what to what."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction
from pydantic import ValidationError

from portal.preferences.current import CurrentSettings, current_settings
from portal.preferences.models import ChangedSetting, SettingChange
from portal.preferences.values import DEFAULTS, Preferences, refusal, validated

NOT_APPLIED = (
    "write_automatically cannot be switched on yet: no write batch has been applied. Plan one "
    "(`reclass push --dry-run`), look it over and apply it; then this can be left to the schedule."
)


class ChangeRefusedError(Exception):
    """Nothing was changed; `faults` has a sentence for each setting that is at fault."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__(" ".join(faults.values()))
        self.faults = faults


def change(
    wanted: Mapping[str, Any], *, user: User | AnonymousUser | None = None, may_write: bool = False
) -> list[SettingChange]:
    """Make these settings so, all or none; what was changed. One at its default needs no row.

    may_write : whether writing may be left to the schedule, because a person has applied a batch before.

    Raises `ChangeRefusedError` for values that make no sense and for settings that the environment holds.
    """
    by = user if isinstance(user, User) else None
    with transaction.atomic():
        # Two people who save at once come one after the other, so that the history has what each has seen.
        list(ChangedSetting.objects.select_for_update().order_by("pk"))
        now = current_settings()
        values = _checked(wanted, now, may_write=may_write)
        return [
            _store(name, value, now, by)
            for name, value in values.items()
            if value != getattr(now.values, name) or name in now.faults
        ]


def reset(name: str, *, user: User | AnonymousUser | None = None) -> list[SettingChange]:
    """Back to the default."""
    return change({name: getattr(DEFAULTS, name, None)}, user=user)


def _checked(wanted: Mapping[str, Any], now: CurrentSettings, *, may_write: bool) -> dict[str, Any]:
    values: dict[str, Any] = {}
    faults: dict[str, str] = {}
    for name, value in wanted.items():
        if name not in Preferences.model_fields:
            faults[name] = f"There is no setting {name}; there are {', '.join(Preferences.model_fields)}."
        elif name in now.locks:
            faults[name] = (
                f"{name} cannot be changed here: {now.locks[name].variable} in the portal's environment sets it."
            )
        else:
            try:
                values[name] = validated(name, value)
            except ValidationError as error:
                faults[name] = f"{name} cannot be {value!r}: {refusal(name, error)}"
    if values.get("write_automatically") and not may_write:
        faults["write_automatically"] = NOT_APPLIED
    if faults:
        raise ChangeRefusedError(faults)
    return values


def _store(name: str, value: Any, now: CurrentSettings, by: User | None) -> SettingChange:
    is_default = value == getattr(DEFAULTS, name)
    if is_default:
        ChangedSetting.objects.filter(name=name).delete()
    else:
        ChangedSetting.objects.update_or_create(
            name=name, defaults={"value": as_json(value), "changed_by": by}
        )
    before = None if name in now.faults else as_json(getattr(now.values, name))
    return SettingChange.objects.create(
        name=name, before=before, after=as_json(value), to_default=is_default, changed_by=by
    )


def as_json(value: Any) -> Any:
    """As the database keeps a value."""
    return list(value) if isinstance(value, tuple) else value
