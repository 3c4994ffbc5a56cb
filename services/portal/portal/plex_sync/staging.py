"""A listing on its way into the database: its pages go into a temporary table, to be compared when all are there."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from itertools import islice
from operator import attrgetter

from django.db import connection
from django.db.backends.utils import CursorWrapper

from portal.library.models import Library, Track
from portal.remote.plex import Page, PlexTrack, SkippedRow

# What a listing says of a track, in the order of the table's columns.
LISTED = ("guid", "title", "artist", "album_artist", "album", "year", "duration_seconds", "file", "part_key",
          "size_bytes", "other_files", "added_time", "updated_time")  # fmt: skip
ODD_NAMED = 5
_CREATE = """
DROP TABLE IF EXISTS listed;
CREATE TEMP TABLE listed (
  library_id bigint NOT NULL, rating_key text NOT NULL, guid text NOT NULL, title text NOT NULL, artist text NOT NULL,
  album_artist text NOT NULL, album text NOT NULL, year smallint, duration_seconds double precision NOT NULL,
  file text NOT NULL, part_key text NOT NULL, size_bytes bigint NOT NULL, other_files text[] NOT NULL,
  added_time timestamptz, updated_time timestamptz);
"""
_listed_values = attrgetter(*LISTED)
_COPY = f"COPY listed (library_id, rating_key, {', '.join(LISTED)}) FROM STDIN"


@dataclass(kw_only=True)
class Listing:
    """What has been seen of one library's listing so far."""

    library: Library
    rating_keys: set[str] = field(default_factory=set)
    rows: int = 0
    total_size: int = 0
    odd: list[str] = field(default_factory=list)
    """Songs of which Plex has values that cannot be, and which these are; the first of them."""
    odd_count: int = 0
    skipped: list[SkippedRow] = field(default_factory=list)
    """Rows that Plex cannot show."""
    accounted: bool = False
    """Where rows were skipped: Plex was asked for each known song that was not listed."""
    kept: list[str] = field(default_factory=list)
    """Songs that Plex has, and cannot show: they stay as they were."""

    @property
    def whole(self) -> bool:
        """Whether every row was seen, once, or was one that Plex cannot show."""
        return self.rows == len(self.rating_keys) and self.rows + len(self.skipped) == self.total_size

    @property
    def complete(self) -> bool:
        """Whether what was not in it is gone."""
        return self.whole and (self.accounted or not self.skipped)

    @property
    def share(self) -> float:
        """How far it is, 0 to 1."""
        return len(self.rating_keys) / self.total_size if self.total_size else 1.0


def open_staging() -> None:
    """Make the table, for as long as this connection lasts: after a crash the listing is read anew."""
    with connection.cursor() as cursor:
        cursor.execute(_CREATE)


def close_staging() -> None:
    """Give its room back."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS listed")


def begin_listing(library: Library) -> Listing:
    """A listing of which nothing was seen."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM listed WHERE library_id = %s", [library.pk])
    return Listing(library=library)


def stage(listing: Listing, page: Page) -> None:
    """Take a page. A track that was there before is not taken twice."""
    listing.rows += len(page.tracks)
    listing.total_size = page.total_size
    listing.skipped += page.skipped
    new = {
        track.rating_key: track
        for track in page.tracks
        if track.rating_key and track.rating_key not in listing.rating_keys
    }
    listing.rating_keys.update(new)
    for track in page.tracks:
        if track.impossible or not track.rating_key:
            _note_odd(listing, track)
    _copy(listing.library.pk, new.values())


def unlisted(listing: Listing, at_most: int) -> list[str]:
    """Keys of present songs of the library that were not in the listing, the first of them."""
    present = Track.objects.filter(library=listing.library, removed_time=None)
    keys = present.order_by("pk").values_list("rating_key", flat=True)
    return list(islice((key for key in keys.iterator() if key not in listing.rating_keys), at_most))


def account_for(listing: Listing, tracks: Iterable[PlexTrack], unreadable: Collection[str]) -> None:
    """Take songs as listed that Plex has and did not list: as it says when asked for them, else as they were."""
    here = [track for track in tracks if track.library_key == listing.library.key]
    _copy(listing.library.pk, here)
    kept = Track.objects.filter(library=listing.library, rating_key__in=unreadable)
    listing.kept = [str(track) for track in kept.order_by("pk")[:ODD_NAMED]]
    columns = f"library_id, rating_key, {', '.join(LISTED)}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO listed ({columns}) SELECT {columns} FROM library_track "  # noqa: S608 # our own words
            "WHERE library_id = %s AND rating_key = ANY(%s)",
            [listing.library.pk, list(unreadable)],
        )
    listing.accounted = True


def _note_odd(listing: Listing, track: PlexTrack) -> None:
    listing.odd_count += 1
    if len(listing.odd) < ODD_NAMED:
        names = ", ".join(track.impossible) or "ratingKey"
        listing.odd.append(f"“{track.artist} – {track.title}” ({names})"[:500])


def close_listing(cursor: CursorWrapper) -> None:
    """Everything is staged: let the database know how much there is, and find it."""
    cursor.execute("CREATE UNIQUE INDEX ON listed (library_id, rating_key)")
    cursor.execute("ANALYZE listed")


def _copy(library_id: int, tracks: Iterable[PlexTrack]) -> None:
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        for track in tracks:
            # A tuple would be a composite, no array.
            values = (list(each) if isinstance(each, tuple) else each for each in _listed_values(track))
            copy.write_row((library_id, track.rating_key, *values))
