"""What people said of songs that were put to them, beside the overrides that most of it is."""

from collections.abc import Iterable

from django.db.models import CharField, Count, F, Q, QuerySet, Value
from django.db.models.functions import Cast, Coalesce, NullIf

from portal.verdicts.models import Judgement

JUDGED = "judged"
"""The note of an override that a judgement has set, for whoever reads it; what is one is told by `as_said` alone."""


def none_is_right(track_ids: Iterable[int]) -> set[int]:
    """Those of the songs of which a person said that they are of none of our genres."""
    judged = Judgement.objects.filter(track__in=list(track_ids), genres=[])
    return set(judged.values_list("track", flat=True))


def judgement_count(judged: "QuerySet[Judgement] | None" = None) -> int:
    """How many times people have judged, of all or of these: a whole album that was judged at once counts once."""
    each = Coalesce(NullIf("act", Value("")), Cast("pk", CharField()))
    songs = Judgement.objects.all() if judged is None else judged
    found: int = songs.order_by().aggregate(count=Count(each, distinct=True))["count"]
    return found


def as_said() -> "QuerySet[Judgement]":
    """Judgements that stand as they were said: a person who says something else by hand makes a newer override.

    `portal.decisions.judge` sets the override before it keeps the judgement.
    """
    is_its_own = Q(track__override__created_time__lte=F("created_time"))
    return Judgement.objects.filter(Q(track__override=None) | is_its_own)


def judged_together(track_ids: Iterable[int]) -> set[int]:
    """The songs that were judged by one act with these: all of them, but for those of which a person has said something
    else by hand since. Songs that were judged by themselves are left out."""
    acts = as_said().filter(track__in=list(track_ids)).exclude(act="").values("act")
    return set(as_said().filter(act__in=acts).values_list("track", flat=True))
