"""The files of models: one that names the model in service, and for each model what it is made of."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter
from runtime.telemetry import get_logger

from inference.errors import ModelBrokenError, ModelUnknownError
from inference.registry.atomic_files import replace, writing
from inference.registry.models import PREFIX, InService, Model, number_of
from inference.registry.oof_predictions import SONGS_FILE, read_song_ids

log = get_logger(__name__)

POINTER = "model.current"
SUFFIX = ".json"
MODELS = TypeAdapter(Model)
POINTERS = TypeAdapter(InService)


class ModelFiles:
    """Below the folder of the model repository, beside the folders of heads; Triton looks at folders only.

    model.current                 the model in service
    model-7.json                  its heads, and how it compares with the one before
    model-7.songs.json, ...       its attachments: what belongs to it beside its heads
    """

    def __init__(self, repository: Path) -> None:
        self.repository = repository
        self._pointer = repository / POINTER
        self._seen: tuple[tuple[int, int], InService] | None = None

    def in_service(self) -> InService | None:
        """What answers, or None before the first training; raises ModelBrokenError when the pointer is damaged."""
        try:
            # Every call asks, and another process may have switched: a look at the file costs less than its reading.
            state = os.stat(self._pointer)
            known = (state.st_ino, state.st_mtime_ns)
            if self._seen is None or self._seen[0] != known:
                self._seen = (known, POINTERS.validate_json(self._pointer.read_bytes()))
            return self._seen[1]
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise ModelBrokenError(
                f"{POINTER}, which names the model in service, is damaged: {why(error)}. "
                "Promote a model (`reclass models promote NAME`), or train again."
            ) from error

    def point_to(self, service: InService) -> None:
        """Make this what answers: in one step, for every process."""
        with writing(self.repository):
            replace(self._pointer, POINTERS.dump_json(service, indent=1) + b"\n")

    def numbers(self) -> list[int]:
        """Numbers of the models that have a file, be it damaged, the newest first."""
        names = (path.name.removesuffix(SUFFIX) for path in self.repository.glob(f"{PREFIX}*{SUFFIX}"))
        return sorted((number for number in map(number_of, names) if number), reverse=True)

    def read(self, name: str) -> Model:
        """A model; raises ModelUnknownError, and ModelBrokenError when its file is damaged."""
        path = self.repository / f"{name}{SUFFIX}"
        try:
            if number_of(name) is None:
                raise FileNotFoundError
            return MODELS.validate_json(path.read_bytes())
        except FileNotFoundError as error:
            kept = ", ".join(f"{PREFIX}{number}" for number in self.numbers()) or "none"
            raise ModelUnknownError(
                f"there is no model “{name}”; kept are: {kept}. `reclass models` lists them"
            ) from error
        except (OSError, ValueError) as error:
            raise ModelBrokenError(f"{path.name} is damaged: {why(error)}. {ADVICE}") from error

    def all(self) -> list[Model]:
        """Every model whose file can be read, the newest first."""
        found = []
        for number in self.numbers():
            try:
                found.append(self.read(f"{PREFIX}{number}"))
            except ModelBrokenError as error:
                log.warning("model left out of the list", because=str(error))
        return found

    def write(self, model: Model) -> None:
        """From now on there is this model; its heads and other files must be there already."""
        with writing(self.repository):
            replace(self.repository / f"{model.name}{SUFFIX}", MODELS.dump_json(model, indent=1) + b"\n")

    def attachments(self, name: str) -> list[Path]:
        """The other files of a model."""
        return sorted(path for path in self.repository.glob(f"{name}.*") if path.name != f"{name}{SUFFIX}")

    def song_ids(self, name: str) -> list[str]:
        """The callers' keys of the songs that a model was trained on; raises ModelBrokenError."""
        path = self.repository / f"{name}.{SONGS_FILE}"
        try:
            return read_song_ids(path)
        except (OSError, ValueError) as error:
            raise ModelBrokenError(f"{path.name} is damaged: {why(error)}. {ADVICE}") from error

    def remove(self, name: str) -> None:
        """Forget a model: first the file that makes it one."""
        for path in (self.repository / f"{name}{SUFFIX}", *self.attachments(name)):
            path.unlink(missing_ok=True)


PICTURE_TYPES = {".png": "image/png", ".svg": "image/svg+xml"}


@dataclass(frozen=True, kw_only=True)
class PictureFile:
    """A figure of a report."""

    name: str
    media_type: str
    path: Path


def pictures_among(paths: Mapping[str, Path]) -> list[PictureFile]:
    """Those of the files, by their names in a report, that are pictures."""
    return [
        PictureFile(name=name, media_type=PICTURE_TYPES[path.suffix], path=path)
        for name, path in paths.items()
        if path.suffix in PICTURE_TYPES
    ]


ADVICE = "Promote another model, train again, or bring the file back from a backup."


def why(error: Exception) -> str:
    """What is wrong with a file; the names in pydantic's own words mean nothing to who looks after the songs."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return "it is not what a training of this version of the service wrote"
