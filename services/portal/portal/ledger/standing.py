"""What of ours stands in Plex for songs whose plan came to nothing."""

from portal.ledger.exclusion import STATE_AFTER
from portal.ledger.models import WriteBatch, WriteRow
from portal.library.models import InPlex, Track


def stand_again(batch: WriteBatch) -> None:
    """Give the songs that are still planned in `batch` the state that their last real edit, or another plan, left."""
    track_ids = batch.rows.filter(state=WriteRow.State.PLANNED, track__in_plex=InPlex.PLANNED)
    states = dict.fromkeys(track_ids.values_list("track_id", flat=True), InPlex.UNTOUCHED)
    others = WriteRow.objects.filter(track_id__in=states).exclude(batch=batch)
    others = others.exclude(state=WriteRow.State.PLANNED, batch__state=WriteBatch.State.DISCARDED)
    others = others.exclude(state=WriteRow.State.PLANNED, batch__state=WriteBatch.State.ROLLED_BACK)
    last = others.order_by("track_id", "-pk").distinct("track_id")
    states.update((pk, STATE_AFTER[state]) for pk, state in last.values_list("track_id", "state"))
    for state in set(states.values()):
        ids = [pk for pk, each in states.items() if each == state]
        Track.objects.filter(pk__in=ids).update(in_plex=state)
