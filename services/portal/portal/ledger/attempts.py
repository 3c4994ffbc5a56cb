"""What an edit that did not end well may have left in Plex."""

from django.db.models import Q
from runtime.errors import RemoteError

from portal.ledger.models import WriteRow, WriteTest
from portal.library.identity import is_another
from portal.remote.plex import GenreState
from portal.remote.sync import SyncClient

# A crash or a lost answer may have hidden that these were made. What provably did nothing bears no time of an attempt.
UNCERTAIN = Q(
    state__in=(WriteRow.State.FAILED, WriteRow.State.PLANNED, WriteRow.State.CONFLICT),
    attempted_time__isnull=False,
)
PERHAPS_WRITTEN = Q(state=WriteRow.State.WRITTEN) | UNCERTAIN
# A rollback takes these back; in a conflict something else stands in Plex already.
PERHAPS_IN_PLEX = PERHAPS_WRITTEN & ~Q(state=WriteRow.State.CONFLICT)

# Said before anything is sent to Plex; or there is no track on which anything could stand.
_NO_TRACK = "TRACK_NOT_FOUND"
REFUSED_BEFOREHAND = frozenset(
    {
        "GENRES_CHANGED",
        "SERVER_TOO_OLD",
        "NOT_CONFIGURED",
        "INVALID_REQUEST",
        "ANOTHER_TRACK",
        "ANOTHER_SERVER",
    }
)
_NOT_TAKEN = "WRITE_NOT_TAKEN"


def left_in_plex(
    sync: SyncClient, row: WriteRow, error: RemoteError, *, first_attempt: bool
) -> GenreState | None:
    """What an edit that failed has left in Plex; None where nobody knows.

    1. An edit that was refused before it was sent left what was there, and so did an attempt before it if there was
       none.
    2. Of one that Plex took and did not keep as asked, what Plex has now: what it had, what was sent in Plex's own
       spelling, or half of the edit.
    """
    if error.reason == _NO_TRACK or error.reason in REFUSED_BEFOREHAND:
        return before_state(row) if first_attempt else None
    if error.reason != _NOT_TAKEN:
        return None
    try:
        return present_state(sync, row)
    except RemoteError:
        return None  # the failure of the edit is what people are told


def present_state(sync: SyncClient, row: WriteRow) -> GenreState | None:
    """What Plex has now; None when the track is gone, or its key has another one."""
    track = sync.get_tracks([row.rating_key]).get(row.rating_key)
    return track.state if track and not is_another(row.track, track) else None


def before_state(row: WriteRow | WriteTest) -> GenreState:
    """What stood in Plex when the row was planned, or before the test."""
    return GenreState(genres=tuple(row.before_genres), locked=row.before_locked)


def after_state(row: WriteRow) -> GenreState:
    """What the row wants in Plex."""
    return GenreState(genres=tuple(row.after_genres), locked=row.after_locked)
