"""A model, which is what one training gives: a head for each stage, and what is known of it as a whole."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from inference.classify.stages import Stage, stage_of
from inference.evaluation.comparison import Comparison

PREFIX = "model-"
# A number of more digits would be the name of no file.
NAME = re.compile(rf"{PREFIX}([1-9][0-9]{{0,8}})")


class ModelState(Enum):
    """Whether a model answers."""

    CANDIDATE = auto()
    """It never did."""
    IN_SERVICE = auto()
    RETIRED = auto()
    """It did before, and can be put back."""


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """How many songs of artists that were not in the training the vote of all stages gets right."""

    songs: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    """95 % interval, by bootstrap over artists."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model as its file keeps it."""

    number: int
    versions: Mapping[str, int]
    """Version of its head, by the name of the head in the model repository, in the order of the stages."""
    feature_versions: Mapping[str, str]
    """By name of the kind: of the vectors that it learned from."""
    genres: tuple[str, ...]
    song_count: int
    training_digest: str
    created_time: datetime
    held_out: HeldOut
    comparison: Comparison | None
    """With the model that was in service then; None for the first."""

    @property
    def name(self) -> str:
        """For example "model-7"."""
        return f"{PREFIX}{self.number}"

    @property
    def heads(self) -> tuple[str, ...]:
        """For example "genre_fma/7", by stage."""
        return tuple(f"{head}/{version}" for head, version in self.versions.items())


@dataclass(frozen=True, kw_only=True)
class InService:
    """What the pointer file says: the model that answers, and those that did before it."""

    history: tuple[str, ...]
    """Names of the models that were put into service one after the other; the last one answers."""
    versions: Mapping[str, int]
    """Of the heads that answer, by their names: with one look at one file all is known that a call needs."""
    promoted_times: Mapping[str, datetime]
    """When each model was put into service last, by its name."""

    @property
    def name(self) -> str:
        """The model that answers."""
        return self.history[-1]

    @property
    def previous(self) -> str | None:
        """The model that answered before it."""
        return self.history[-2] if len(self.history) > 1 else None

    def promoted(self, model: Model, now: datetime) -> "InService":
        """The same with another model in service."""
        history = (*self.history, model.name) if model.name != self.name else self.history
        return self._answered_by(model, history, now)

    def rolled_back(self, model: Model, now: datetime) -> "InService":
        """The same with the previous model in service again."""
        return self._answered_by(model, self.history[:-1], now)

    def _answered_by(self, model: Model, history: tuple[str, ...], now: datetime) -> "InService":
        times = {**self.promoted_times, model.name: now}
        return InService(history=history, versions=model.versions, promoted_times=times)

    def only(self, kept: set[str]) -> "InService":
        """The same without models that are not kept."""
        return InService(
            history=tuple(name for name in self.history if name in kept),
            versions=self.versions,
            promoted_times={name: time for name, time in self.promoted_times.items() if name in kept},
        )


@dataclass(frozen=True, kw_only=True)
class RegisteredModel:
    """A model and its state."""

    model: Model
    state: ModelState
    promoted_time: datetime | None
    """When it was put into service last."""


def heads_of(versions: Mapping[str, int]) -> list[tuple[Stage, int]]:
    """Stages and the versions of their heads, from versions by the heads' names."""
    return [(stage, versions[stage.model]) for stage in stages_of(versions)]


def stages_of(names: Iterable[str]) -> list[Stage]:
    """The stages among these names of heads, in their order; what is no head's name is passed over."""
    stages = [stage for stage in map(stage_of, names) if stage]
    return sorted(stages, key=lambda stage: (stage.number, stage.model))


def number_of(name: str) -> int | None:
    """The number in a model's name; None where it is no such name."""
    found = NAME.fullmatch(name)
    return int(found[1]) if found else None


def registered_model(model: Model, service: InService | None) -> RegisteredModel:
    """A model with the state that the pointer file gives it."""
    promoted = service.promoted_times.get(model.name) if service else None
    if service and service.name == model.name:
        state = ModelState.IN_SERVICE
    else:
        state = ModelState.RETIRED if promoted else ModelState.CANDIDATE
    return RegisteredModel(model=model, state=state, promoted_time=promoted)
