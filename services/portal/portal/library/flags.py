"""What may be true of a song besides its states: whose verdict it has, whether Plex has it, and in which library."""

from collections.abc import Collection
from typing import Any

from django.db import models
from django.db.models import QuerySet

from portal.library.annotations import with_fields, with_prediction
from portal.library.models import Track
from portal.library.presence import present


class Flag(models.TextChoices):
    """One song may be all of it."""

    STALE = "stale", "Stale"
    REMOVED = "removed", "Removed"
    RANDOM_WEIGHTS = "random weights", "Random weights"
    NOT_CHOSEN = "not chosen", "Not chosen"


def count_stale(serving: Collection[str]) -> int:
    """Songs in Plex whose current prediction is of a model that is not in service; none while nothing serves."""
    if not serving:
        return 0
    songs = with_fields(_present(), "ai_model")
    return songs.filter(ai_model__isnull=False).exclude(ai_model__in=serving).count()


def count_of_random_weights() -> int:
    """Songs in Plex whose current prediction is a trial's."""
    return with_fields(_present(), "ai_random_weights").filter(ai_random_weights=True).count()


def _present() -> QuerySet[Any]:
    return with_prediction(Track.objects.filter(present()))


def flags_of(
    *,
    model_version: str | None,
    removed: bool,
    serving: Collection[str],
    random_weights: bool = False,
    not_chosen: bool = False,
) -> tuple[Flag, ...]:
    """What is true of one song."""
    is_stale = bool(model_version and serving and model_version not in serving)
    found = {
        Flag.STALE: is_stale,
        Flag.REMOVED: removed,
        Flag.RANDOM_WEIGHTS: random_weights,
        Flag.NOT_CHOSEN: not_chosen and not removed,
    }
    return tuple(each for each, holds in found.items() if holds)
