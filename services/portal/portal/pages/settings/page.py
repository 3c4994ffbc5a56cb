"""What the settings page shows: every setting in its group, where its value comes from, and what was changed when."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.forms import BoundField
from runtime.errors import RemoteError

from portal.pages.settings.forms import SettingsForm
from portal.preferences.current import CurrentSettings
from portal.preferences.values import DEFAULTS, Group, Preferences, about, allowed
from portal.remote.features import capabilities_now
from portal.remote.plex import ConnectionSource, PlexConnection

FEATURES_TIMEOUT_SECONDS = 1.0
OF_FEATURES = "FEATURES_PATH_MAP of the features service (RECLASS_PATH_MAP for `reclass up`)"
HELD = (
    "Address and token are both set by the environment, which wins: change SYNC_PLEX_URL and SYNC_PLEX_TOKEN of the "
    "sync service there (PLEX_URL and PLEX_TOKEN for `reclass up`) and restart it, or take both away to set them here."
)
_SOURCES = {
    ConnectionSource.NONE: "not set",
    ConnectionSource.STORED: "set here",
    ConnectionSource.ENVIRONMENT: "set by the environment",
}


@dataclass(frozen=True, kw_only=True)
class Line:
    """One setting on the page."""

    field: BoundField
    name: str
    help: str
    default: str
    allowed: str
    effect: str
    locked_by: str
    """The variable that holds it; empty where a person may change it."""
    fault: str
    """What is wrong with what the database has."""
    note: str
    """What the services say of it."""
    differs: bool
    """A person changed it from its default."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the features service says of the settings that concern it."""

    path_mappings_locked: bool = False
    device: str = ""


def told_by_features(values: Preferences) -> Told:
    """Nothing while it is silent: the page is there all the same."""
    try:
        found = capabilities_now(values, FEATURES_TIMEOUT_SECONDS)
    except RemoteError:
        return Told()
    missed = "; ".join(f"{kind.kind}: {kind.detail}" for kind in found.kinds if not kind.available)
    return Told(path_mappings_locked=found.path_mappings_locked, device=missed)


def locked_by(current: CurrentSettings, told: Told) -> dict[str, str]:
    """The settings that cannot be changed here, with the variable that holds them."""
    of_others = {"path_mappings": OF_FEATURES} if told.path_mappings_locked else {}
    return of_others | {name: lock.variable for name, lock in current.locks.items()}


def groups(
    form: SettingsForm, current: CurrentSettings, locked: Mapping[str, str], told: Told
) -> list[dict[str, Any]]:
    """The settings, group by group."""
    lines = [_line(form[name], name, current, locked, told) for name in Preferences.model_fields]
    return [
        {"title": group, "lines": [line for line in lines if about(line.name).group is group]}
        for group in Group
    ]


def sources(connection: PlexConnection | None) -> list[tuple[str, str, bool]]:
    """Address and token: its name, where it comes from, and whether the environment holds it."""
    if connection is None:
        return []
    parts = (("url", connection.url), ("token", connection.token))
    return [(name, _SOURCES[source], connection.locked) for name, source in parts]


def held_by_environment(connection: PlexConnection | None) -> str:
    """Why nothing can be changed here, and where it can; empty where it can be."""
    if connection is None or not connection.locked:
        return ""
    return connection.trouble or HELD


def words(value: Any) -> str:
    """A value for people."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list | tuple):
        return ", ".join(value) or "none"
    return str(value)


def _line(
    field: BoundField, name: str, current: CurrentSettings, locked: Mapping[str, str], told: Told
) -> Line:
    return Line(
        field=field,
        name=name,
        help=" ".join((Preferences.model_fields[name].description or "").split()),
        default=words(getattr(DEFAULTS, name)),
        allowed=allowed(name),
        effect=about(name).effect,
        locked_by=locked.get(name, ""),
        fault=current.faults.get(name, ""),
        note=told.device if name == "device" else "",
        differs=name in current.changed,
    )
