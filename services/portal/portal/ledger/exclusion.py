"""Songs that a person wants never to be written, and back."""

from collections import defaultdict
from collections.abc import Iterable

from portal.ledger.models import WriteRow
from portal.library.models import InPlex, Track

# What a song's last row says of it, once it is no longer excluded.
STATE_AFTER: dict[str, InPlex] = {
    WriteRow.State.PLANNED: InPlex.PLANNED,
    WriteRow.State.WRITTEN: InPlex.WRITTEN,
    WriteRow.State.UNCHANGED: InPlex.WRITTEN,
    WriteRow.State.CONFLICT: InPlex.CONFLICT,
    WriteRow.State.FAILED: InPlex.UNTOUCHED,
    WriteRow.State.ROLLED_BACK: InPlex.ROLLED_BACK,
}


def exclude(track_ids: Iterable[int]) -> int:
    """No plan takes these songs any more; how many that are."""
    return Track.objects.filter(pk__in=list(track_ids)).update(in_plex=InPlex.EXCLUDED)


def include(track_ids: Iterable[int]) -> int:
    """Plans may take these songs again, each in the state that its last write left; how many were excluded."""
    excluded = Track.objects.filter(pk__in=list(track_ids), in_plex=InPlex.EXCLUDED)
    states = dict.fromkeys(excluded.values_list("pk", flat=True), InPlex.UNTOUCHED)
    rows = WriteRow.objects.filter(track_id__in=states).order_by("track_id", "-pk").distinct("track_id")
    states.update((pk, STATE_AFTER[state]) for pk, state in rows.values_list("track_id", "state"))
    by_state = defaultdict(list)
    for pk, state in states.items():
        by_state[state].append(pk)
    for state, pks in by_state.items():
        Track.objects.filter(pk__in=pks).update(in_plex=state)
    return len(states)
