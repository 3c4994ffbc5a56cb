"""When a song was removed from Plex: where a listing that can be believed no longer has it.

Only a complete listing tells, in which Plex said each row once, and only where it has at least half of what was known:
one of less is rather that of folders that are not mounted. A song that is removed keeps all that is known of it.
"""

from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from portal.counting import counted
from portal.library.models import Track
from portal.plex_sync.staging import Listing

HERE = "t.library_id = l.library_id AND t.rating_key = l.rating_key"
_REMOVE = f"""
WITH gone AS (
  UPDATE library_track t SET removed_time = %(now)s
  WHERE t.library_id = ANY(%(read)s) AND t.removed_time IS NULL AND NOT EXISTS (SELECT FROM listed l WHERE {HERE})
  RETURNING t.library_id)
SELECT library_id, count(*) FROM gone GROUP BY library_id
"""  # noqa: S608 # our own words
_UNLISTED = f"""
SELECT count(*) FROM library_track t
WHERE t.library_id = %s AND t.removed_time IS NULL AND NOT EXISTS (SELECT FROM listed l WHERE {HERE})
"""  # noqa: S608 # our own words


def tells_what_is_gone(listing: Listing) -> bool:
    """Whether songs that were not in it count as removed."""
    return listing.complete and not _implausible(listing)


def remove_unlisted(cursor: CursorWrapper, library_ids: list[int]) -> dict[int, int]:
    """Mark the songs of these libraries that are not in the table `listed`; how many in which library."""
    cursor.execute(_REMOVE, {"read": library_ids, "now": timezone.now()})
    return dict(cursor.fetchall())


def hindrance(listing: Listing) -> str:
    """Why songs that were not listed are not taken for removed; empty where they are, or where there are none."""
    present = Track.objects.filter(library=listing.library, removed_time=None)
    if _implausible(listing):
        return (
            f"“{listing.library.title}” listed {len(listing.rating_keys)} of {present.count()} known songs, fewer than "
            "half: nothing was marked as removed. Check in Plex that the library's folders are there, then sync again."
        )
    if listing.complete:
        return ""
    with connection.cursor() as cursor:
        cursor.execute(_UNLISTED, [listing.library.pk])
        left: int = cursor.fetchone()[0]
    if not left:
        return ""
    songs = counted(left, "song", verb=("was", "were"))
    return (
        f"“{listing.library.title}” changed while it was read, or Plex miscounts: it says {listing.total_size} songs "
        f"and listed {len(listing.rating_keys)}. {songs} not in the listing, "
        f"and {'was' if left == 1 else 'were'} not marked as removed. Sync again."
    )


def _implausible(listing: Listing) -> bool:
    """Whether so little was listed that the library's folders are rather not mounted than empty."""
    known = Track.objects.filter(library=listing.library, removed_time=None).count()
    return len(listing.rating_keys) * 2 < known
