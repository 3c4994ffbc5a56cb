"""Tracks as people look at them: each with its verdict, its effective genre and its agreement, in one query.

A song has at most one current prediction and one override, so no row is doubled.
"""

from typing import Any

from django.db.models import BooleanField, Case, ExpressionWrapper, F, FilteredRelation, Q, QuerySet, When
from django.db.models.functions import Coalesce

from portal.library.models import InPlex, Track
from portal.library.presence import is_not_chosen
from portal.library.tag_agreement import agreement

# A tag that was written over, or whose song a person has decided, is not to be looked over again; a judgement without
# an override says that none of our genres is right.
# Both are asked for by their track: in that PostgreSQL sees an anti-join, which takes a fifth of the time.
LOOKS_WRONG = Q(
    said__suspected_label_error=True, override__track__isnull=True, judgement__track__isnull=True
) & ~Q(in_plex=InPlex.WRITTEN)

# A song that a person or a model has decided shows that. These, too, PostgreSQL asks for by their track.
GUESS_STANDS = Q(
    first_guess__track__isnull=False,
    said__track__isnull=True,
    override__track__isnull=True,
    judgement__track__isnull=True,
)

# By what they may be asked for; those that are made of others come after them.
FIELDS: dict[str, Any] = {
    "ai_genre_id": F("said__genre"),
    "ai_genre": F("said__genre__name"),
    "ai_confidence": F("said__confidence"),
    "ai_model": F("said__model_version"),
    "ai_random_weights": F("said__random_weights"),
    "suspected_label_error": ExpressionWrapper(LOOKS_WRONG, output_field=BooleanField()),
    "override_genre": F("override__genre__name"),
    "effective_genre": Coalesce(F("override__genre__name"), F("said__genre__name")),
    "first_guess_genre": Case(When(GUESS_STANDS, then=F("first_guess__genre__name"))),
    "agreement": agreement("ai_genre_id"),
}


def with_prediction(tracks: QuerySet[Track]) -> QuerySet[Any]:
    """Makes the current prediction known as `said`. It costs nothing before it is used."""
    return tracks.alias(said=FilteredRelation("predictions", condition=Q(predictions__current=True)))


def with_fields(tracks: QuerySet[Any], *names: str) -> QuerySet[Any]:
    """Makes some fields usable in filters of tracks from `with_prediction`: each costs a join with 100,000 rows."""
    wanted = {name: field for name, field in FIELDS.items() if name in names}
    if "agreement" in wanted:
        tracks = tracks.alias(ai_genre_id=FIELDS["ai_genre_id"])
    found: QuerySet[Any] = tracks.alias(**wanted)
    return found


def with_verdicts(tracks: QuerySet[Track]) -> QuerySet[Any]:
    """Adds all of `FIELDS`, and whether the song's library is not chosen."""
    together = {name: field for name, field in FIELDS.items() if name != "agreement"}
    named = with_prediction(tracks).annotate(**together, not_chosen=is_not_chosen())
    found: QuerySet[Any] = named.annotate(agreement=FIELDS["agreement"])
    return found
