"""What a file of sound is called in HTTP, so that a browser knows how to play it."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

UNKNOWN = "application/octet-stream"
BY_CONTAINER: Mapping[str, str] = {
    "3gp": "audio/3gpp",
    "aac": "audio/aac",
    "aif": "audio/aiff",
    "aiff": "audio/aiff",
    "ape": "audio/x-ape",
    "asf": "audio/x-ms-wma",
    "caf": "audio/x-caf",
    "dff": "audio/x-dff",
    "dsf": "audio/x-dsf",
    "flac": "audio/flac",
    "m4a": "audio/mp4",
    "m4b": "audio/mp4",
    "matroska": "audio/x-matroska",
    "mka": "audio/x-matroska",
    "mov": "audio/mp4",
    "mp3": "audio/mpeg",
    "mp4": "audio/mp4",
    "mpc": "audio/x-musepack",
    "oga": "audio/ogg",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "wav": "audio/wav",
    "webm": "audio/webm",
    "wma": "audio/x-ms-wma",
    "wv": "audio/x-wavpack",
}
"""By what Plex calls a container, or how a file's name ends. The system's own table differs from machine to machine."""
_SOUND = re.compile(r"audio/[a-z0-9][a-z0-9.+-]{0,60}", re.ASCII)


def media_type(*, container: str, file_name: str, said: str) -> str:
    """By the container that Plex found in the file, else by its name, else what Plex `said` as it sent the bytes."""
    suffix = PurePosixPath(file_name).suffix.removeprefix(".")
    for name in (container, suffix):
        if found := BY_CONTAINER.get(name.strip().lower()):
            return found
    plain = said.partition(";")[0].strip().lower()
    return plain if _SOUND.fullmatch(plain) else UNKNOWN
