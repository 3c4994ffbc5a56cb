"""Takes a library's listing into the database: new rows, changed rows, and those that are gone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.utils import timezone

from portal.library.models import Analysis, InPlex, Library, Track
from portal.remote.sync import PlexTrack

NO_MEDIA = "NO_MEDIA"
SONGS_NAMED = 5
# Plex keeps whole seconds, and its clock is not ours.
PLEX_TIME_STEP = timedelta(seconds=5)
NO_MEDIA_MESSAGE = "Plex has no file for this track: repair or remove it in Plex, then sync again."
_LISTED = ("guid", "title", "artist", "album_artist", "album", "year", "duration_seconds", "file", "part_key",
           "added_time", "updated_time")  # fmt: skip
_STATE = (
    "analysis",
    "analysis_reason",
    "analysis_message",
    "attempts",
    "next_try_time",
    "removed_time",
    "last_synced",
)
_LENGTHS = {"guid": 300, "title": 1000, "artist": 1000, "album_artist": 1000, "album": 1000, "part_key": 500}


@dataclass(kw_only=True)
class Listing:
    """What has been seen of one library's listing so far."""

    library: Library
    rating_keys: set[str] = field(default_factory=set)
    rows: int = 0
    total_size: int = 0
    new: int = 0
    changed: int = 0

    @property
    def complete(self) -> bool:
        """Whether every track was in it, once: only then is what was not in it gone."""
        return self.rows == len(self.rating_keys) == self.total_size


def take_page(listing: Listing, tracks: Sequence[PlexTrack], total_size: int) -> None:
    """Store a page. Rows that are as they were are not written again."""
    listing.rows += len(tracks)
    listing.total_size = total_size
    listed = {track.rating_key: track for track in tracks if track.rating_key not in listing.rating_keys}
    listing.rating_keys.update(listed)
    known = {
        track.rating_key: track
        for track in Track.objects.filter(library=listing.library, rating_key__in=list(listed))
    }
    new = [_new(listing.library, track) for key, track in listed.items() if key not in known]
    changed = [row for key, row in known.items() if _update(row, listed[key])]
    Track.objects.bulk_create(new, ignore_conflicts=True)
    Track.objects.bulk_update(changed, [*_LISTED, *_STATE], batch_size=500)
    listing.new += len(new)
    listing.changed += len(changed)


def mark_removed(listing: Listing) -> tuple[int, str]:
    """Mark what a complete listing no longer has; how many, and a sentence where nothing was marked."""
    present = Track.objects.filter(library=listing.library, removed_time=None)
    gone = [
        pk for pk, key in present.values_list("pk", "rating_key").iterator() if key not in listing.rating_keys
    ]
    if not gone:
        return 0, ""
    known = present.count()
    if len(listing.rating_keys) * 2 < known:
        return 0, (
            f"“{listing.library.title}” listed {len(listing.rating_keys)} of {known} known songs, fewer than half: "
            "nothing was marked as removed. Check in Plex that the library's folders are there, then sync again."
        )
    if not listing.complete:
        return 0, (
            f"“{listing.library.title}” changed while it was read: {len(gone)} songs were not in the listing and were "
            "not marked as removed. Sync again."
        )
    Track.objects.filter(pk__in=gone).update(removed_time=timezone.now())
    return len(gone), ""


def without_media(library: Library) -> str:
    """A sentence about the songs that Plex lists and has no file for; empty where there are none."""
    songs = Track.objects.filter(library=library, removed_time=None, file="").order_by("pk")
    named = ", ".join(f"“{song}”" for song in songs[:SONGS_NAMED])
    count = songs.count()
    if count > SONGS_NAMED:
        named += f" and {count - SONGS_NAMED} more"
    return f"Plex has no file for {named}: repair or remove it there" if count else ""


def _fields(track: PlexTrack) -> dict[str, Any]:
    values = {name: getattr(track, name) for name in _LISTED}
    return values | {name: values[name][:length] for name, length in _LENGTHS.items()}


def _new(library: Library, track: PlexTrack) -> Track:
    row = Track(library=library, rating_key=track.rating_key, in_plex=InPlex.UNTOUCHED, **_fields(track))
    _reset_analysis(row)
    return row


def _update(row: Track, track: PlexTrack) -> bool:
    fields = _fields(track)
    differing = [name for name, value in fields.items() if getattr(row, name) != value]
    if not differing and row.removed_time is None and not _read_too_soon(row):
        return False
    another_file = bool(row.part_key) and {"file", "part_key"} & set(differing)
    media_came = track.file and row.analysis_reason == NO_MEDIA
    for name in differing:
        setattr(row, name, fields[name])
    row.removed_time = None
    row.last_synced = None
    if another_file or media_came or not track.file:
        _reset_analysis(row)
    return True


def _read_too_soon(row: Track) -> bool:
    """Whether full metadata was read so soon after a change that another one may bear the same time."""
    if row.last_synced is None or row.updated_time is None:
        return False
    return row.last_synced - row.updated_time < PLEX_TIME_STEP


def _reset_analysis(row: Track) -> None:
    """Another file: to be heard anew. What is known of the old one stays until then."""
    row.analysis = Analysis.PENDING if row.file else Analysis.SKIPPED
    row.analysis_reason = "" if row.file else NO_MEDIA
    row.analysis_message = "" if row.file else NO_MEDIA_MESSAGE
    row.attempts = 0
    row.next_try_time = None
