"""The models: listed, promoted, rolled back."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from runtime.telemetry import get_logger

from inference.classify.voting_rule import Rule
from inference.decision.decision_model import DecisionModel
from inference.decision.promise import HeldOutSongs
from inference.errors import (
    ModelBrokenError,
    ModelOutdatedError,
    ModelUnknownError,
    NoEarlierModelError,
    NoModelError,
)
from inference.registry.model_files import PictureFile, pictures_among
from inference.registry.models import InService, Model, RegisteredModel, heads_of, registered_model
from inference.registry.oof_predictions import OofPrediction
from inference.registry.records import HeadRecord
from inference.registry.store import ModelStore
from inference.serving.heads import Heads

log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class AvailableVersions:
    """The feature versions of the vectors that there are, as far as anybody knows."""

    current: Mapping[str, str]
    """By name of the kind: of the vectors that features computes now."""
    stored: frozenset[str] = frozenset()
    """Of the vectors that the caller keeps; empty where that is not known."""


class Models:
    """All that can be done with models that are there."""

    def __init__(self, *, store: ModelStore, heads: Heads) -> None:
        self._store = store
        self._heads = heads
        # Of the last model that was asked for; what stands in the file of a model never changes.
        self._decisions: tuple[str, DecisionModel] | None = None
        self._held_out: tuple[str, HeldOutSongs] | None = None

    def all(self) -> list[RegisteredModel]:
        """The newest first."""
        service = self._in_service()
        return [registered_model(model, service) for model in self._store.models.all()]

    def previous(self) -> str:
        """The model that a rollback would put back; empty where there is none."""
        service = self._in_service()
        return (service.previous or "") if service else ""

    def get(self, name: str) -> RegisteredModel:
        """A model by name, the one in service without; raises ModelUnknownError, ModelBrokenError."""
        service = self._in_service() if name else self._store.models.in_service()
        if not name and service:
            name = service.name
        if not name:
            raise ModelUnknownError("there is no model in service: run `reclass train` first")
        return registered_model(self._store.models.read(name), service)

    def records(self, model: Model) -> Mapping[str, HeadRecord]:
        """The records of its heads, by their names; raises ModelBrokenError where one is damaged."""
        return self._store.records(model)

    def pictures(self, model: Model) -> list[PictureFile]:
        """The figures of its report: those of the whole, then those of each stage."""
        attachments = self._store.models.attachments(model.name)
        of_stages = {
            f"{stage.model}-{path.name}": path
            for stage, version in heads_of(model.versions)
            for path in sorted(self._store.folder(stage, version).iterdir())
        }
        return pictures_among(
            {path.name.removeprefix(f"{model.name}."): path for path in attachments} | of_stages
        )

    def oof_predictions(self, model: Model, rule: Rule) -> Iterator[OofPrediction]:
        """The out-of-fold predictions of its training, voted on by this rule; raises ModelBrokenError."""
        return self._store.oof_predictions(model, rule)

    def decision_model(self, name: str) -> tuple[Model, DecisionModel]:
        """A model by name, the one in service without, and what its decisions need.

        Raises NoModelError, ModelUnknownError, ModelBrokenError.
        """
        if not name and self._store.models.in_service() is None:
            raise NoModelError("there is no model in service: run `reclass train` first")
        model = self.get(name).model
        known = self._decisions
        if known is None or known[0] != model.name:
            known = self._decisions = (model.name, self._store.decision_model(model))
        return model, known[1]

    def held_out_songs(self, model: Model) -> HeldOutSongs:
        """What is kept of the songs of its training; raises ModelBrokenError."""
        known = self._held_out
        if known is None or known[0] != model.name:
            known = self._held_out = (model.name, self._store.held_out_songs(model))
        return known[1]

    def promote(self, name: str, available: AvailableVersions) -> RegisteredModel:
        """Put a model into service, by hand; raises ModelUnknownError, ModelOutdatedError, and what loading raises."""
        with self._store.training_lock():
            model = self._store.models.read(name)
            service = self._in_service()
            if service is None or service.name != name:
                refuse_outdated(model, available)
                self._heads.require_triton()
                self._heads.switch(model, lambda: put_into_service(self._store, model))
                self._store.prune()
        return self.get(name)

    def rollback(self, in_service: str, available: AvailableVersions) -> RegisteredModel:
        """Put the previous model back, unless another one than `in_service` is in service by now."""
        with self._store.training_lock():
            service = self._store.models.in_service()
            if service and in_service in ("", service.name):
                model = self._model_before(service)
                refuse_outdated(model, available)
                self._heads.require_triton()
                back = lambda: self._store.models.point_to(service.rolled_back(model, datetime.now(UTC)))  # noqa: E731
                self._heads.switch(model, back)
                self._store.prune()
        return self.get("")

    def _model_before(self, service: InService) -> Model:
        if service.previous is None:
            raise NoEarlierModelError(
                f"{service.name} is the first model in service that is kept: there is none to roll back to. "
                "`reclass models` lists those that can be promoted."
            )
        return self._store.models.read(service.previous)

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
    """Move the pointer to a model; the previous one is remembered."""
    now = datetime.now(UTC)
    first = InService(history=(model.name,), versions=model.versions, promoted_times={model.name: now})
    service = in_service_if_known(store)
    store.models.point_to(service.promoted(model, now) if service else first)


def refuse_outdated(model: Model, available: AvailableVersions) -> None:
    """Raise ModelOutdatedError for a model that could classify none of the songs that are extracted now."""
    for kind, learned in model.feature_versions.items():
        current = available.current.get(kind, learned)
        if current != learned:
            raise ModelOutdatedError(
                f"{model.name} has learned from {kind} vectors of the feature version {learned}, and features computes "
                f"{current} now: run `reclass extract`, then `reclass train`, or set back the excerpt, or what was "
                "changed of the model of embeddings. The model in service stays."
            )
        if available.stored and learned not in available.stored:
            raise ModelOutdatedError(
                f"{model.name} has learned from {kind} vectors of the feature version {learned}, of which hardly any "
                "are stored: run `reclass train` to learn from those that are, or set back what was changed and run "
                "`reclass extract`. The model in service stays."
            )
