"""What each stage can do at present, in words for a person."""

from dataclasses import dataclass
from datetime import datetime

from inference.classify.stages import FIRST_STAGE, Stage, VectorKind
from inference.classify.verdicts import BrokenHead, InstalledHead
from inference.errors import InferenceError
from inference.serving.heads import Heads


@dataclass(frozen=True, kw_only=True)
class StageState:
    """One stage."""

    stage: Stage
    head: InstalledHead | None = None
    """None when there is none, or none that can be read."""
    trained_time: datetime | None = None
    ready: bool = False
    """A trained head serves."""
    message: str = ""
    """Why it is not ready, and what to do."""
    broken: bool = False
    """A model should serve and cannot."""

    @property
    def kinds(self) -> tuple[VectorKind, ...]:
        """The kinds of its vectors: those that its head has learned from, else the usual ones."""
        return self.head.kinds if self.head else self.stage.kinds


def stage_states(heads: Heads) -> list[StageState]:
    """The state of each stage of the model in service, or of the first one before there is any.

    Asks Triton, and has it load what it should serve and does not.
    """
    installed = heads.installed()
    return [stage_state(head, heads) for head in installed] or [untrained()]


def untrained() -> StageState:
    """What a first training needs."""
    kinds = " and ".join(FIRST_STAGE.kinds)
    return StageState(
        stage=FIRST_STAGE, message=f"not trained: train on songs that have a genre and {kinds} vectors"
    )


def stage_state(head: InstalledHead | BrokenHead, heads: Heads) -> StageState:
    """The state of one stage."""
    if isinstance(head, BrokenHead):
        return StageState(stage=head.stage, message=str(head.error), broken=True)
    try:
        trained_time = heads.trained_time(head)
        heads.ensure_served(head)
    except InferenceError as error:
        return StageState(stage=head.stage, head=head, message=str(error), broken=True)
    return StageState(stage=head.stage, head=head, trained_time=trained_time, ready=True)
