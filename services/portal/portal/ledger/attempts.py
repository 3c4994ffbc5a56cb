"""What an edit that did not end well may have left in Plex."""

from django.db.models import Q
from runtime.errors import RemoteError

from portal.ledger.models import WriteRow
from portal.library.identity import is_another
from portal.remote.sync import GenreState, SyncClient

# A crash or a lost answer may have hidden that these were made. What provably did nothing bears no time of an attempt.
UNCERTAIN = Q(
    state__in=(WriteRow.State.FAILED, WriteRow.State.PLANNED, WriteRow.State.CONFLICT),
    attempted_time__isnull=False,
)
PERHAPS_WRITTEN = Q(state=WriteRow.State.WRITTEN) | UNCERTAIN
# A rollback takes these back; in a conflict something else stands in Plex already.
PERHAPS_IN_PLEX = PERHAPS_WRITTEN & ~Q(state=WriteRow.State.CONFLICT)

# Said before anything is sent to Plex.
REFUSED_BEFOREHAND = frozenset(
    {"GENRES_CHANGED", "SERVER_TOO_OLD", "NOT_CONFIGURED", "INVALID_REQUEST", "ANOTHER_TRACK"}
)
_NOT_TAKEN = "WRITE_NOT_TAKEN"


def did_nothing(sync: SyncClient, row: WriteRow, error: RemoteError, *, first_attempt: bool) -> bool:
    """Whether it is certain that nothing of this edit stands in Plex.

    1. An edit that was refused before it was sent did nothing, and neither did an attempt before it if there was none.
    2. One that Plex took and ignored did nothing if Plex still has what it had.
    """
    if error.reason in REFUSED_BEFOREHAND:
        return first_attempt
    if error.reason != _NOT_TAKEN:
        return False
    try:
        present = present_state(sync, row)
    except RemoteError:
        return False  # the failure of the edit is what people are told
    return present is not None and present.same_as(before_state(row))


def present_state(sync: SyncClient, row: WriteRow) -> GenreState | None:
    """What Plex has now; None when the track is gone, or its key has another one."""
    track = sync.get_tracks([row.rating_key]).get(row.rating_key)
    return track.state if track and not is_another(row.track, track) else None


def before_state(row: WriteRow) -> GenreState:
    """What stood in Plex when the row was planned."""
    return GenreState(genres=tuple(row.before_genres), locked=row.before_locked)


def after_state(row: WriteRow) -> GenreState:
    """What the row wants in Plex."""
    return GenreState(genres=tuple(row.after_genres), locked=row.after_locked)
