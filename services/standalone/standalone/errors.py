"""Why the system on this machine cannot start or go on; each message says what to do."""

from pathlib import Path


class StandaloneError(Exception):
    """Base of what `reclass up` says in a sentence instead of a traceback."""


class PortTakenError(StandaloneError):
    """A port that a part wants is in use."""


class AlreadyRunningError(StandaloneError):
    """Another `reclass up` runs on the same data folder."""


class NotRunningError(StandaloneError, RuntimeError):
    """Nothing runs on the data folder; a RuntimeError too, since the `reclass` command knows no type of ours."""


class FolderError(StandaloneError):
    """The data folder cannot be used."""


class MissingPartError(StandaloneError):
    """Something that the system starts is not installed."""


class PartFailedError(StandaloneError):
    """A part did not become healthy."""

    def __init__(self, part: str, reason: str, *, log: Path, tail: str) -> None:
        said = f"Its last words:\n{tail}" if tail else "It said nothing."
        super().__init__(f"{part} did not start: {reason}\n{said}\nIts whole log: {log}")
        self.part = part
