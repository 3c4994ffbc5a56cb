"""The life of models: listed, looked at, put into service, taken back."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from runtime.telemetry import get_logger

from inference.classify.verdicts import Rule
from inference.errors import ModelBrokenError, ModelOutdatedError, ModelUnknownError, NoEarlierModelError
from inference.registry.models import InService, KeptModel, Model, kept_model
from inference.registry.oof_predictions import (
    SONGS_FILE,
    HeardOutOfFold,
    heard_out_of_fold,
    read_predictions,
    read_song_ids,
)
from inference.registry.records import HeadRecord
from inference.registry.store import ModelStore, version_name
from inference.serving.heads import Heads, heads_of

log = get_logger(__name__)
PICTURE_TYPES = {".png": "image/png", ".svg": "image/svg+xml"}


@dataclass(frozen=True, kw_only=True)
class Makes:
    """The vectors that there are to judge by, as far as anybody knows."""

    now: Mapping[str, str]
    """By name of the kind: the make of those that features makes now."""
    kept: frozenset[str] = frozenset()
    """Makes of those that the caller keeps; empty where that is not known."""


@dataclass(frozen=True, kw_only=True)
class PictureFile:
    """A drawing of the report."""

    name: str
    media_type: str
    path: Path


class Models:
    """All that can be done with models that are there."""

    def __init__(self, *, store: ModelStore, heads: Heads) -> None:
        self._store = store
        self._heads = heads

    def all(self) -> list[KeptModel]:
        """The newest first."""
        service = self._in_service()
        return [kept_model(model, service) for model in self._store.models.all()]

    def before(self) -> str:
        """The model that a rollback would put back; empty where there is none."""
        service = self._in_service()
        return (service.before or "") if service else ""

    def get(self, name: str) -> KeptModel:
        """A model by name, the one in service without; raises ModelUnknownError, ModelBrokenError."""
        service = self._store.models.in_service() if not name else self._in_service()
        if not name and service is None:
            raise ModelUnknownError("there is no model in service: run `reclass train` first")
        return kept_model(self._store.models.read(name or service.name), service)  # type: ignore[union-attr] # checked

    def records(self, model: Model) -> Mapping[str, HeadRecord]:
        """The records of its heads, by their names; raises ModelBrokenError where one is damaged."""
        return {
            version_name(stage, version): self._store.read(stage, version)
            for stage, version in heads_of(model.versions)
        }

    def pictures(self, model: Model) -> list[PictureFile]:
        """The drawings of its report: those of the whole, then those of each stage."""
        beside = [
            (path.name.removeprefix(f"{model.name}."), path) for path in self._store.models.beside(model.name)
        ]
        of_stages = [
            (f"{stage.model}-{path.name}", path)
            for stage, version in heads_of(model.versions)
            for path in sorted(self._store.folder(stage, version).iterdir())
        ]
        return [
            PictureFile(name=name, media_type=PICTURE_TYPES[path.suffix], path=path)
            for name, path in (*beside, *of_stages)
            if path.suffix in PICTURE_TYPES
        ]

    def out_of_fold(self, model: Model, rule: Rule) -> Iterator[HeardOutOfFold]:
        """What its training said of each of its songs, voted on by this rule."""
        found = [
            read_predictions(
                self._store.folder(stage, version),
                stage,
                version_name(stage, version),
                self._store.read(stage, version),
            )
            for stage, version in heads_of(model.versions)
        ]
        song_ids = read_song_ids(self._store.repository / f"{model.name}.{SONGS_FILE}")
        yield from heard_out_of_fold(song_ids, [each for each in found if each], rule)

    def promote(self, name: str, makes: Makes) -> KeptModel:
        """Put a model into service, by hand; raises ModelUnknownError, ModelOutdatedError, and what loading raises."""
        with self._store.training_lock():
            model = self._store.models.read(name)
            service = self._in_service()
            if service is None or service.name != name:
                refuse_outdated(model, makes)
                self._heads.require_triton()
                self._heads.switch(model, lambda: put_into_service(self._store, model))
                self._store.prune()
        return self.get(name)

    def rollback(self, in_service: str, makes: Makes) -> KeptModel:
        """Put the model before back, unless another one than `in_service` is in service by now."""
        with self._store.training_lock():
            service = self._store.models.in_service()
            if service and in_service in ("", service.name):
                model = self._before(service)
                refuse_outdated(model, makes)
                self._heads.require_triton()
                back = lambda: self._store.models.point_to(service.back_to(model, datetime.now(UTC)))  # noqa: E731
                self._heads.switch(model, back)
                self._store.prune()
        return self.get("")

    def _before(self, service: InService) -> Model:
        if service.before is None:
            raise NoEarlierModelError(
                f"{service.name} is the first model in service that is kept: there is none to roll back to. "
                "`reclass models` lists those that can be promoted."
            )
        return self._store.models.read(service.before)

    def _in_service(self) -> InService | None:
        """What is in service; None also when its pointer is damaged, which promoting mends."""
        return in_service_if_known(self._store)


def in_service_if_known(store: ModelStore) -> InService | None:
    """What is in service, None also when nobody can say."""
    try:
        return store.models.in_service()
    except ModelBrokenError as error:
        log.warning("nothing is known to be in service", because=str(error))
        return None


def put_into_service(store: ModelStore, model: Model) -> None:
    """Move the pointer to a model; the one before is remembered."""
    now = datetime.now(UTC)
    first = InService(line=(model.name,), versions=model.versions, promoted_times={model.name: now})
    service = in_service_if_known(store)
    store.models.point_to(service.followed_by(model, now) if service else first)


def refuse_outdated(model: Model, makes: Makes) -> None:
    """Raise ModelOutdatedError for a model that could judge none of the songs that are heard now."""
    for kind, learned in model.feature_versions.items():
        made = makes.now.get(kind, learned)
        if made != learned:
            raise ModelOutdatedError(
                f"{model.name} has learned from {kind} vectors of another make ({learned}) than features makes now "
                f"({made}): run `reclass extract`, then `reclass train`, or set back the excerpt, or what was changed "
                "of the model of embeddings. The model in service stays."
            )
        if makes.kept and learned not in makes.kept:
            raise ModelOutdatedError(
                f"{model.name} has learned from {kind} vectors of a make ({learned}) of which hardly any are stored: "
                "run `reclass train` to learn from those that are, or set back what was changed and run "
                "`reclass extract`. The model in service stays."
            )
