"""Which of the known songs the tracks of a list are: as Plex describes them, for their keys may be others' by now."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from django.db.models import QuerySet

from portal.library.identity import LOCAL, is_another
from portal.library.models import Library, Track
from portal.library.presence import unchosen_libraries
from portal.remote.plex import PlexTrack

_COMPARED = ("library_id", "rating_key", "guid", "file", "title", "artist", "part_key", "size_bytes")
_Rows = Mapping[str, Sequence[Track]]


@dataclass(frozen=True, kw_only=True)
class Recognised:
    """What became of some tracks."""

    track_ids: frozenset[int]
    unknown: int
    """Tracks of libraries that are read, which only a sync can tell: none of the songs that are known there."""


def recognise(server_id: str, tracks: Sequence[PlexTrack]) -> Recognised:
    """Find the songs of one server that these tracks are.

    1. The song under the track's key, if it has the track's file.
    2. Else the only song with its file; else the one under its key, unless that is another song; else the only one with
       its guid, for a server that was made anew may name its folders otherwise.
    3. The others are new, or a sync has to tell which they are.
    """
    known = Track.objects.filter(library__server_id=server_id, removed_time=None).only(*_COMPARED)
    by_key = _by("rating_key", known, {track.rating_key for track in tracks})
    found: set[int] = set()
    doubtful: list[PlexTrack] = []
    for track in tracks:
        sure = [row.pk for row in by_key.get(track.rating_key, ()) if row.file == track.file != ""]
        found.update(sure)
        if not sure:
            doubtful.append(track)
    left = _recognise_by_description(known, by_key, doubtful, found) if doubtful else []
    return Recognised(
        track_ids=frozenset(found), unknown=_in_libraries_read(server_id, by_key, left) if left else 0
    )


def _recognise_by_description(
    known: QuerySet[Track], by_key: _Rows, tracks: Sequence[PlexTrack], found: set[int]
) -> list[PlexTrack]:
    """Add the songs to those that were found; the tracks that are none of them."""
    by_file = _by("file", known, {track.file for track in tracks})
    by_guid = _by("guid", known, {track.guid for track in tracks if not track.guid.startswith(LOCAL)})
    left = []
    for track in tracks:
        under_key = [row for row in by_key.get(track.rating_key, ()) if not is_another(row, track)]
        alike = (by_file.get(track.file, ()), under_key, by_guid.get(track.guid, ()))
        songs = next((rows for rows in alike if len(rows) == 1), None)
        if songs is None:
            left.append(track)
        else:
            found.add(songs[0].pk)
    return left


def _in_libraries_read(server_id: str, by_key: _Rows, tracks: Sequence[PlexTrack]) -> int:
    libraries = Library.objects.filter(server_id=server_id, removed_time=None)
    read = dict(libraries.exclude(pk__in=unchosen_libraries()).values_list("pk", "key"))
    keys = set(read.values())
    return sum(
        track.library_key in keys or any(row.library_id in read for row in by_key.get(track.rating_key, ()))
        for track in tracks
    )


def _by(name: str, known: QuerySet[Track], values: Iterable[str]) -> _Rows:
    """The songs that have one of the values, by it; what is empty is not known."""
    rows: dict[str, list[Track]] = defaultdict(list)
    value_of = attrgetter(name)
    for row in known.filter(**{f"{name}__in": [value for value in values if value]}):
        rows[value_of(row)].append(row)
    return rows
