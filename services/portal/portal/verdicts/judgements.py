"""What people said of songs that were put to them, beside the overrides that most of it is."""

from collections.abc import Iterable

from portal.verdicts.models import Judgement


def none_is_right(track_ids: Iterable[int]) -> set[int]:
    """Those of the songs of which a person said that they are of none of our genres."""
    judged = Judgement.objects.filter(track__in=list(track_ids), genres=[])
    return set(judged.values_list("track", flat=True))
