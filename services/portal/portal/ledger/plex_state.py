"""What of ours stands in Plex for a song, as the rows of the ledger tell."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
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
    told = rows.only("track_id", "state", "before_genres", "after_genres", "written_time", "rolled_back_time")
    of_each = groupby(told.iterator(chunk_size=2000), key=lambda row: row.track_id)
    states.update((pk, _state_after(list(newest_first))) for pk, newest_first in of_each)
    by_state = defaultdict(list)
    for pk, state in states.items():
        by_state[state].append(pk)
    for state, pks in by_state.items():
        Track.objects.filter(pk__in=pks, in_plex=instead_of).update(in_plex=state)
    return len(states)


def _state_after(newest_first: Sequence[WriteRow]) -> InPlex:
    """What the rows of one song leave. Under one that was rolled back stands what it had been written over.

    A row that found its genre in Plex says nothing any more once another row, which wrote it, was rolled back.
    """
    undone: WriteRow | None = None
    taken_back = max((row.rolled_back_time for row in newest_first if row.rolled_back_time), default=None)
    for row in newest_first:
        found_there = row.state == WriteRow.State.UNCHANGED and row.written_time
        if found_there and taken_back and found_there < taken_back:
            continue
        if row.state == WriteRow.State.ROLLED_BACK:
            undone = row
            continue
        state = STATE_AFTER[row.state]
        if undone is None:
            return state
        is_there_again = state == InPlex.WRITTEN and same_genres(row.after_genres, undone.before_genres)
        return state if is_there_again else InPlex.ROLLED_BACK
    return InPlex.ROLLED_BACK


def written_over_by(row: WriteRow) -> WriteRow | None:
    """The latest row of another batch that was written over this one and was not taken back."""
    since = row.written_time or row.attempted_time
    if since is None:
        return None
    later = WriteRow.objects.filter(track=row.track_id, state=WriteRow.State.WRITTEN).exclude(
        batch=row.batch_id
    )
    return later.filter(written_time__gt=since).order_by("-written_time").first()


def discard(batch: WriteBatch) -> None:
    """End a plan that is not carried out; one without rows has nothing to tell and goes altogether."""
    if not batch.rows.exists():
        batch.delete()
        return
    batch.state = WriteBatch.State.DISCARDED
    batch.save(update_fields=("state",))
    restore_plex_state(batch.rows.values_list("track_id", flat=True), instead_of=InPlex.PLANNED)
