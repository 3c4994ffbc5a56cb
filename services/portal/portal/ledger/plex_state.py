"""What of ours stands in Plex for a song, as the rows of the ledger tell."""

from collections import defaultdict
from collections.abc import Iterable
from itertools import groupby

from django.db.models import Q

from portal.ledger.models import WriteBatch, WriteRow
from portal.ledger.originals import same_genres
from portal.library.models import InPlex, Track

STATE_AFTER: dict[str, InPlex] = {
    WriteRow.State.PLANNED: InPlex.PLANNED,
    WriteRow.State.WRITTEN: InPlex.WRITTEN,
    WriteRow.State.UNCHANGED: InPlex.WRITTEN,
    WriteRow.State.CONFLICT: InPlex.CONFLICT,
    WriteRow.State.ROLLED_BACK: InPlex.ROLLED_BACK,
}
_OPEN = (WriteBatch.State.PLANNED, WriteBatch.State.APPLYING)
# An edit that failed left what stood there before it, and so did a plan that is not carried out any more.
_CAME_TO_NOTHING = Q(state=WriteRow.State.FAILED) | Q(state=WriteRow.State.PLANNED) & ~Q(
    batch__state__in=_OPEN
)


def restore_plex_state(track_ids: Iterable[int], *, instead_of: InPlex) -> int:
    """Give those of these songs that are `instead_of` the state that their rows tell; how many these are."""
    chosen = Track.objects.filter(pk__in=list(track_ids), in_plex=instead_of)
    states = dict.fromkeys(chosen.values_list("pk", flat=True), InPlex.UNTOUCHED)
    rows = WriteRow.objects.filter(track_id__in=states).exclude(_CAME_TO_NOTHING).order_by("track_id", "-pk")
    told = rows.only("track_id", "state", "before_genres", "after_genres").iterator(chunk_size=2000)
    of_each = groupby(told, key=lambda row: row.track_id)
    states.update((pk, _state_after(newest_first)) for pk, newest_first in of_each)
    by_state = defaultdict(list)
    for pk, state in states.items():
        by_state[state].append(pk)
    for state, pks in by_state.items():
        Track.objects.filter(pk__in=pks, in_plex=instead_of).update(in_plex=state)
    return len(states)


def _state_after(newest_first: Iterable[WriteRow]) -> InPlex:
    """What the rows of one song leave. Under one that was rolled back stands what it had been written over."""
    undone: WriteRow | None = None
    for row in newest_first:
        if row.state == WriteRow.State.ROLLED_BACK:
            undone = row
            continue
        state = STATE_AFTER[row.state]
        if undone is None:
            return state
        is_there_again = state == InPlex.WRITTEN and same_genres(row.after_genres, undone.before_genres)
        return state if is_there_again else InPlex.ROLLED_BACK
    return InPlex.ROLLED_BACK


def discard(batch: WriteBatch) -> None:
    """End a plan that is not carried out; one without rows has nothing to tell and goes altogether."""
    if not batch.rows.exists():
        batch.delete()
        return
    batch.state = WriteBatch.State.DISCARDED
    batch.save(update_fields=("state",))
    restore_plex_state(batch.rows.values_list("track_id", flat=True), instead_of=InPlex.PLANNED)
