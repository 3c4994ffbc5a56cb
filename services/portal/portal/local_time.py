"""The time zone in which people read times: that of the machine, as its clock shows it."""

import os
from pathlib import Path
from zoneinfo import ZoneInfo

LOCALTIME = Path("/etc/localtime")
FOLDER = "zoneinfo"


def machine_zone() -> str:
    """The zone's name: what TZ says, else where /etc/localtime leads; UTC where neither names one."""
    named = os.environ.get("TZ", "").removeprefix(":")
    _, found, linked = os.path.realpath(LOCALTIME).partition(f"/{FOLDER}/")
    return next((zone for zone in (named, linked if found else "") if zone and is_known(zone)), "UTC")


def is_known(zone: str) -> bool:
    """Whether there is a time zone of that name."""
    try:
        ZoneInfo(zone)
    except (LookupError, ValueError, OSError):  # no such zone, or no name of one
        return False
    return True
