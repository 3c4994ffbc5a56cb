"""Which model versions are in service, as pages and counts need it: asked seldom, and known while nobody answers."""

from collections.abc import Iterable

from django.core.cache import cache as remembered
from django.db.models import Q, QuerySet
from runtime.errors import RemoteError

from portal.remote.inference import Stage, stages
from portal.runs.models import Run

TIMEOUT_SECONDS = 1.0
ASK_EVERY_SECONDS = 10
_FRESH, _LAST = "serving-versions", "serving-versions-last"


def serving_versions() -> frozenset[str]:
    """The versions that serve; those of the last answer, else of the last training, while inference is silent."""
    fresh: frozenset[str] | None = remembered.get(_FRESH)
    if fresh is None:
        try:
            fresh = note_serving(stages(timeout_seconds=TIMEOUT_SECONDS))
        except RemoteError:
            fresh = remembered.get(_LAST) or _last_trained()
            remembered.set(_FRESH, fresh, ASK_EVERY_SECONDS)
    return fresh


def note_serving(found: Iterable[Stage]) -> frozenset[str]:
    """Remember what inference has just said."""
    versions = frozenset(stage.model_version for stage in found if stage.ready)
    remembered.set(_FRESH, versions, ASK_EVERY_SECONDS)
    remembered.set(_LAST, versions, None)
    return versions


def forget_serving() -> None:
    """Ask anew: what serves was just changed."""
    remembered.delete(_FRESH)


def switches() -> QuerySet[Run]:
    """The runs that put a model into service: every promotion, and the trainings that made more than a candidate.

    Not by `exclude`: PostgreSQL compares nothing with what a promotion does not say, and leaves it out too.
    """
    trained = Q(kind=Run.Kind.TRAIN) & (Q(result__in_service=True) | ~Q(result__has_key="in_service"))
    return Run.objects.filter(trained | Q(kind=Run.Kind.PROMOTE), state=Run.State.DONE)


def _last_trained() -> frozenset[str]:
    run = switches().order_by("-pk").first()
    return frozenset(run.result.get("heads", ())) if run is not None else frozenset()
