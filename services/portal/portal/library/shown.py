"""Tracks as people look at them: each with its verdict, its shown genre and its agreement, in one query."""

from typing import Any

from django.db.models import F, FilteredRelation, Q, QuerySet
from django.db.models.functions import Coalesce

from portal.library.agreement import agreement
from portal.library.models import Track


def with_verdicts(tracks: QuerySet[Track]) -> QuerySet[Any]:
    """Adds `ai_genre`, `ai_confidence`, `ai_model`, `label_suspect`, `shown_genre`, `shown_confidence` and `agreement`.

    A song has at most one current prediction and one override, so no row is doubled.
    """
    return (
        tracks.alias(said=FilteredRelation("predictions", condition=Q(predictions__current=True)))
        .annotate(
            ai_genre_id=F("said__genre"),
            ai_genre=F("said__genre__name"),
            ai_confidence=F("said__confidence"),
            ai_model=F("said__model_version"),
            label_suspect=F("said__label_suspect"),
            override_genre=F("override__genre__name"),
        )
        .annotate(
            shown_genre=Coalesce("override_genre", "ai_genre"),
            agreement=agreement("ai_genre_id"),
        )
    )
