"""What people said of songs that were put to them, beside the overrides that most of it is."""

from collections.abc import Iterable

from django.db.models import CharField, Count, Q, QuerySet, Value
from django.db.models.functions import Cast, Coalesce, NullIf

from portal.verdicts.models import Judgement

JUDGED = "judged"
"""The note of an override that a judgement has set."""


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


def judged_together(track_ids: Iterable[int]) -> set[int]:
    """The songs that were judged by one act with these: all of them, but for those of which a person has said something
    else by hand since. Songs that were judged by themselves are left out."""
    as_judged = Judgement.objects.filter(Q(track__override=None) | Q(track__override__note=JUDGED))
    acts = as_judged.filter(track__in=list(track_ids)).exclude(act="").values("act")
    return set(as_judged.filter(act__in=acts).values_list("track", flat=True))
