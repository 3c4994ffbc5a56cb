"""Takes into the database what Plex says of tracks: listings, and full metadata.

Listings are one transaction, for a song may be new, changed, moved, back, under another key, or gone. Full metadata has
the genres in Plex and their lock, of which the labels are made.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from portal.counting import listed
from portal.genres.models import spellings
from portal.labels.tags import labels_of
from portal.library.adoption import adopt_all
from portal.library.models import Analysis, Library, Track
from portal.plex_sync.matching import Match, match
from portal.plex_sync.removal import HERE, remove_unlisted, tells_what_is_gone
from portal.plex_sync.staging import LISTED, Listing, close_listing
from portal.remote.plex import GenreState

NO_MEDIA = "NO_MEDIA"
NO_MEDIA_MESSAGE = "Plex has no file for this track: repair or remove it in Plex, then sync again."
SONGS_NAMED = 5

# Without the size: rows of an earlier version have none, and to learn it is no reason to read the song anew.
_SEEN = [name for name in LISTED if name != "size_bytes"]
_CHANGED = f"({', '.join(f't.{n}' for n in _SEEN)}) IS DISTINCT FROM ({', '.join(f'l.{n}' for n in _SEEN)})"
# Plex keeps whole seconds, and its clock is not ours: another change may bear the same time as the one that was read.
_READ_TOO_SOON = "COALESCE(t.last_synced - t.updated_time < interval '5 seconds', false)"
_SIZES_AGREE = "(t.size_bytes = l.size_bytes OR t.size_bytes = 0 OR l.size_bytes = 0)"
# A file that was moved keeps its size and the time of its last change, which is part of Plex's address of its bytes.
_SAME_BYTES = f"""({_SIZES_AGREE} AND t.file = l.file AND t.part_key = l.part_key
  OR t.size_bytes > 0 AND t.size_bytes = l.size_bytes AND split_part(t.part_key, '/', 5) <> ''
    AND split_part(t.part_key, '/', 5) = split_part(l.part_key, '/', 5))"""
_TO_BE_EXTRACTED = f"""(t.part_key <> '' AND l.file <> '' AND NOT {_SAME_BYTES}
  OR l.file <> '' AND t.analysis_reason = '{NO_MEDIA}'
  OR l.file <> '' AND t.other_files <> l.other_files AND t.analysis IN ('{Analysis.FAILED}', '{Analysis.SKIPPED}'))"""
# Another file is to be analysed anew. What is known of the old one stays until then.
_RESET: Mapping[str, tuple[str, str]] = {
    "analysis": (f"'{Analysis.PENDING}'", f"'{Analysis.SKIPPED}'"),
    "analysis_reason": ("''", f"'{NO_MEDIA}'"),
    "analysis_message": ("''", f"'{NO_MEDIA_MESSAGE}'"),
    "attempts": ("0", "0"),
    "next_try_time": ("NULL::timestamptz", "NULL::timestamptz"),
}
_UPDATE = f"""
UPDATE library_track t SET
  {", ".join(f"{name} = l.{name}" for name in LISTED)},
  last_synced = CASE WHEN {_CHANGED} OR t.removed_time IS NOT NULL OR {
    _READ_TOO_SOON
} THEN NULL ELSE t.last_synced END,
  removed_time = NULL,
  {
    ", ".join(
        f"{name} = CASE WHEN l.file = '' THEN {none} WHEN {_TO_BE_EXTRACTED} THEN {reset} ELSE t.{name} END"
        for name, (reset, none) in _RESET.items()
    )
}
FROM listed l WHERE {HERE} AND (
  {_CHANGED} OR t.size_bytes <> l.size_bytes OR t.removed_time IS NOT NULL OR {_READ_TOO_SOON})
"""  # noqa: S608 # our own words
# A key that Plex never gives, until the song is found under another one: its own has another song now.
_DISPLACE = """
UPDATE library_track t SET rating_key = left(t.rating_key, 25) || '~' || t.id FROM handed h WHERE h.id = t.id
"""
# Full metadata is read anew: what was read under the old key may have been another song's already.
_REKEY = """
UPDATE library_track SET library_id = m.library_id, rating_key = m.rating_key, last_synced = NULL
FROM unnest(%s::bigint[], %s::bigint[], %s::text[]) AS m (old_id, library_id, rating_key) WHERE id = m.old_id
"""
# A rollback goes to the key that Plex has now.
_REKEY_WRITES = tuple(
    f"UPDATE {table} w SET rating_key = t.rating_key FROM library_track t "  # noqa: S608 # our own words
    "WHERE t.id = w.track_id AND t.rating_key <> w.rating_key AND (t.id = ANY(%s) OR t.id IN (SELECT id FROM handed))"
    for table in ("ledger_writerow", "ledger_writetest")
)
_CREATE_DETAIL = """
CREATE TEMP TABLE detail (
  track_id bigint, plex_genres text[], plex_genres_locked boolean, tag_genre_id bigint,
  additional_tag_genres bigint[]) ON COMMIT DROP
"""
_COPY_DETAIL = (
    "COPY detail (track_id, plex_genres, plex_genres_locked, tag_genre_id, additional_tag_genres) FROM STDIN"
)
_UPDATE_DETAIL = """
UPDATE library_track SET plex_genres = d.plex_genres, plex_genres_locked = d.plex_genres_locked,
  tag_genre_id = d.tag_genre_id, additional_tag_genres = d.additional_tag_genres, last_synced = %s
FROM detail d WHERE id = d.track_id
"""


@dataclass(kw_only=True)
class Taken:
    """What came of listings, by the id of the library."""

    new: dict[int, int] = field(default_factory=dict)
    removed: dict[int, int] = field(default_factory=dict)
    rekeyed: int = 0
    handed: int = 0
    """Rating keys that have another song than before."""


def take(
    listings: Sequence[Listing],
    *,
    vanished: Iterable[Library],
    still_there: Callable[[list[str]], set[str]],
) -> Taken:
    """Store what was staged from libraries of one server. Rows that are as they were are not written again.

    `vanished`: libraries that the server has no more. `still_there` says which of some rating keys Plex knows.
    """
    read = [listing.library.pk for listing in listings if tells_what_is_gone(listing)]
    read += [library.pk for library in vanished]
    with connection.cursor() as cursor:
        close_listing(cursor)
        server_id = listings[0].library.server_id
        matches = match(cursor, server_id=server_id, read=read, still_there=still_there)
        with transaction.atomic():
            cursor.execute(_DISPLACE)
            handed = cursor.rowcount
            rekeyed = _rekey(cursor, matches)
            cursor.execute(_UPDATE)
            new = _insert(cursor)
            if new:
                # A plan made for a table that was empty a moment ago compares each row with each.
                cursor.execute("ANALYZE library_track")
            removed = remove_unlisted(cursor, read)
    return Taken(new=new, removed=removed, rekeyed=rekeyed, handed=handed)


def store_details(states: Mapping[int, GenreState], in_files: Mapping[int, Sequence[str]]) -> None:
    """Keep what Plex has of each of these tracks, read just now, beside the genres of their files."""
    in_plex = {track_id: state.genres for track_id, state in states.items()}
    labels = labels_of(in_plex, in_files, spellings())
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_CREATE_DETAIL)
        with cursor.copy(_COPY_DETAIL) as copy:
            for track_id, state in states.items():
                copy.write_row((track_id, list(state.genres), state.locked, *labels[track_id]))
        cursor.execute(_UPDATE_DETAIL, [timezone.now()])


def without_media(library: Library) -> str:
    """A sentence about the songs that Plex lists and has no file for; empty where there are none."""
    songs = Track.objects.filter(library=library, removed_time=None, file="").order_by("pk")
    named = listed([f"“{song}”" for song in songs[:SONGS_NAMED]], SONGS_NAMED, songs.count())
    return f"Plex has no file for {named}: repair or remove it there" if named else ""


def _rekey(cursor: CursorWrapper, matches: Sequence[Match]) -> int:
    """Songs keep their row under the new key; where that has a row already, the two become one.

    Keys may be exchanged in a circle: rows whose key has another song have left it before.
    """
    simple = [each for each in matches if each.new_id is None]
    old, keys = [each.old_id for each in simple], [each.rating_key for each in simple]
    cursor.execute(_REKEY, [old, [each.library_id for each in simple], keys])
    for statement in _REKEY_WRITES:
        cursor.execute(statement, [old])
    return len(simple) + adopt_all(
        [(each.old_id, each.new_id) for each in matches if each.new_id is not None]
    )


def _insert(cursor: CursorWrapper) -> dict[int, int]:
    """Rows for what has none yet; how many in which library."""
    listed = ("library_id", "rating_key", *LISTED)
    state = {
        name: f"CASE WHEN l.file = '' THEN {none} ELSE {reset} END" for name, (reset, none) in _RESET.items()
    }
    others = {
        str(each.column): each
        for each in Track._meta.concrete_fields
        if not (each.primary_key or each.generated or each.column in (*listed, *state))
    }
    columns = (*listed, *state, *others)
    values = (*(f"l.{name}" for name in listed), *state.values(), *("%s" for _ in others))
    statement = f"""
    WITH new AS (
      INSERT INTO library_track ({", ".join(columns)}) SELECT {", ".join(values)} FROM listed l
      WHERE NOT EXISTS (SELECT FROM library_track t WHERE {HERE})
      ORDER BY l.rating_key
      RETURNING library_id)
    SELECT library_id, count(*) FROM new GROUP BY library_id
    """  # noqa: S608 # our own words
    defaults = [each.get_db_prep_save(each.get_default(), connection) for each in others.values()]
    cursor.execute(statement, defaults)
    return dict(cursor.fetchall())
