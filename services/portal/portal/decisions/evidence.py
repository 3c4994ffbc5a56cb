"""What is known of songs, artist by artist, and of whom it has changed since their songs were decided."""

import hashlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from portal.decisions.judged import judged_songs
from portal.genres.models import Genre
from portal.library.presence import unchosen_libraries
from portal.preferences.values import Preferences
from portal.registry.models import TrainedModel
from portal.remote.decisions import AlbumEvidence, ArtistEvidence, JudgementEvidence, SongEvidence

# Whoever is the album artist of songs by more artists than this, and of none of his own, is the name of a series of
# compilations: as a training sees it.
MANY_ARTISTS = 5
NOBODY = "Various Artists"
# Rows that are taken from the database together.
_ROWS_AT_ONCE = 2000
# A message of as many songs has about a third of a megabyte; an artist of more, such as a whole unnamed library, is
# several to inference.
MOST_SONGS = 1000


def _name(column: str) -> str:
    """What spellings of one name share, as `library.names.name_key` finds it but for letters that only Unicode's case
    folding makes equal."""
    return f"btrim(regexp_replace(lower(normalize({column}, NFKC)), '\\s+', ' ', 'g'))"


# 1. Every song of which a model in service, or one before it, said something that means anything.
# 2. Whose album it is: its album artist, else its artist. An album of several artists of whom none is its album artist
#    ("Various Artists") is nobody's. It stands alone; songs on no album are then their own artists'. What random
#    weights decided means nothing, so such a song stands alone, and tells no other anything.
# 3. A digest of all that is known of a song. What people have judged has a digest of its own, for a push asks for what
#    its dry run showed; their other corrections are in this one.
# 4. An artist is out of date by any song of which something else is known, or that was decided by other `SharedInputs`.
_EVIDENCE = f"""
WITH songs AS (
  SELECT t.id, p.id AS prediction, p.model_version, p.sound, p.random_weights,
    COALESCE(a.content_key, '') AS content_key,
    CASE WHEN t.tag_genre_id IS NULL THEN '{{}}' ELSE t.tag_genre_id || t.additional_tag_genres END AS tags,
    CASE WHEN o.genre_id IS NULL THEN j.genres ELSE ARRAY[o.genre_id] END AS word,
    CASE WHEN j.id IS NULL THEN o.genre_id END AS correction,
    t.artist, t.album_artist, t.album, {_name("t.artist")} AS artist_name, {_name("t.album")} AS album_name,
    COALESCE(NULLIF({_name("t.album_artist")}, ''), {_name("t.artist")}) AS owner_name
  FROM verdicts_prediction p JOIN library_track t ON t.id = p.track_id
  LEFT JOIN library_audio a ON a.id = t.audio_id
  LEFT JOIN verdicts_override o ON o.track_id = t.id LEFT JOIN verdicts_judgement j ON j.track_id = t.id
  WHERE p.current AND p.sound <> '' AND p.outcome <> 'out_of_distribution'
    AND t.removed_time IS NULL AND NOT t.library_id = ANY(%(unchosen)s)
), owned AS (
  SELECT songs.*, NOT bool_or(artist_name = owner_name) OVER of_album
    AND min(artist_name COLLATE "C") OVER of_album <> max(artist_name COLLATE "C") OVER of_album AS is_nobodys
  FROM songs WINDOW of_album AS (PARTITION BY owner_name, album_name)
), series AS (
  SELECT owner_name FROM songs GROUP BY owner_name
  HAVING NOT bool_or(artist_name = owner_name) AND count(DISTINCT artist_name) > {MANY_ARTISTS}
), grouped AS (
  SELECT owned.*, series.owner_name IS NOT NULL AS is_series, md5(CASE
      WHEN random_weights THEN ROW(id)
      WHEN owner_name <> '' AND NOT is_nobodys THEN ROW(owner_name)
      WHEN album_name <> '' THEN ROW(owner_name, album_name)
      WHEN artist_name <> '' THEN ROW(artist_name)
      ELSE ROW(id, '', '') END::text)::uuid AS artist_group
  FROM owned LEFT JOIN series USING (owner_name)
), evidence AS MATERIALIZED (
  SELECT grouped.*, md5(ROW(prediction, model_version, sound, content_key, tags, correction, artist, album_artist,
    album, artist_group, is_series)::text)::uuid AS evidence
  FROM grouped
), outdated AS MATERIALIZED (
  SELECT e.artist_group FROM evidence e LEFT JOIN verdicts_decision d ON d.track_id = e.id
  WHERE d.evidence IS DISTINCT FROM e.evidence OR d.basis <> %(basis)s
    OR %(judged_counts)s AND d.judged <> %(judged)s
  UNION
  SELECT d.artist_group FROM verdicts_decision d LEFT JOIN evidence e ON e.id = d.track_id
  WHERE e.evidence IS DISTINCT FROM d.evidence
)
"""  # noqa: S608 # our own words
_OUTDATED = f"""{_EVIDENCE}
SELECT (SELECT count(*) FROM evidence JOIN outdated USING (artist_group)), (
  SELECT COALESCE(array_agg(d.track_id), '{{}}') FROM verdicts_decision d
  WHERE NOT EXISTS (SELECT FROM evidence e WHERE e.id = d.track_id))
"""  # noqa: S608 # our own words
_CHANGED = f"""{_EVIDENCE}
SELECT artist_group, id, prediction, evidence, model_version, sound, content_key, tags, word, album_name, album,
  CASE WHEN is_series THEN '{NOBODY}' ELSE COALESCE(NULLIF(btrim(album_artist), ''), artist) END
FROM evidence JOIN outdated USING (artist_group)
ORDER BY artist_group, album_name, id
"""  # noqa: S608 # our own words


_RESTS_ON_SOMETHING_ELSE = """
SELECT EXISTS (SELECT FROM verdicts_decision WHERE (basis, judged) < (%(basis)s, %(judged)s))
  OR EXISTS (SELECT FROM verdicts_decision WHERE (basis, judged) > (%(basis)s, %(judged)s))
"""


@dataclass(frozen=True, kw_only=True)
class SharedInputs:
    """What all decisions rest on beside their songs: where it is another one, every song is decided anew."""

    basis: UUID
    """Digest of the model in service, the sources, and the names of genres."""
    judged: UUID
    """Digest of what people have said of songs that were put to them."""
    judged_counts: bool = True
    """Whether that alone is a reason to decide anew."""

    @property
    def name(self) -> str:
        """Tells them from others."""
        return f"{self.basis} {self.judged}"


@dataclass(frozen=True, kw_only=True)
class Outdated:
    """What is to be decided anew."""

    songs: int
    """Songs of the artists of whom something has changed."""
    gone: Sequence[int]
    """Tracks that have a decision, and of which nothing is known any more."""


class Key(NamedTuple):
    """What a decision is stored with; goes with its song as the key of that, and comes back."""

    track: int
    prediction: int
    artist_group: UUID
    evidence: UUID

    def __str__(self) -> str:
        return " ".join(map(str, self))

    @classmethod
    def of(cls, text: str) -> "Key":
        """The key that `str` wrote."""
        track, prediction, artist_group, evidence = text.split()
        return cls(int(track), int(prediction), UUID(artist_group), UUID(evidence))


class _Row(NamedTuple):
    artist_group: UUID
    track: int
    prediction: int
    evidence: UUID
    model_version: str
    sound: bytes
    content_key: str
    tags: Sequence[int]
    word: Sequence[int] | None
    """What a person said of it; None where nobody has."""
    album_name: str
    album: str
    album_artist: str


def shared_inputs(settings: Preferences, *, judged_counts: bool = True) -> SharedInputs:
    """What decisions rest on now. `judged_counts`: whether new judgements alone are a reason to decide anew."""
    sources = (settings.evidence_tags, settings.evidence_albums, settings.evidence_artists)
    return SharedInputs(
        basis=_digest((model_in_service(), sources, sorted(genre_names().items()))),
        judged=_digest(judged_songs()),
        judged_counts=judged_counts,
    )


def _digest(known: object) -> UUID:
    return UUID(bytes=hashlib.md5(repr(known).encode(), usedforsecurity=False).digest())


def rests_on_something_else(now: SharedInputs) -> bool:
    """Whether any decision does: in a blink, unlike `outdated`, which looks at songs too."""
    with connection.cursor() as cursor:
        cursor.execute(_RESTS_ON_SOMETHING_ELSE, vars(now))
        (found,) = cursor.fetchone()
    return bool(found)


def model_in_service() -> str:
    """Its name; empty where none is known here."""
    serving = TrainedModel.objects.filter(state=TrainedModel.State.IN_SERVICE)
    return serving.values_list("name", flat=True).first() or ""


def genre_names() -> dict[int, str]:
    """The genres in use by their ids."""
    return dict(Genre.objects.filter(retired=False).values_list("pk", "name"))


def outdated(now: SharedInputs) -> Outdated:
    """Look for songs of which something else is known than what they were decided by: two seconds for 100,000."""
    with connection.cursor() as cursor:
        cursor.execute(_OUTDATED, _arguments(now))
        songs, gone = cursor.fetchone()
    return Outdated(songs=songs, gone=gone)


def changed_artists(now: SharedInputs) -> Generator[ArtistEvidence, None, None]:
    """All songs of the artists of whom something has changed, artist by artist, from a cursor of the server."""
    names = genre_names()
    for _, songs in groupby(_rows(now), key=lambda row: row.artist_group):
        yield from _artists(songs, names)


def _arguments(now: SharedInputs) -> dict[str, Any]:
    return {**vars(now), "unchosen": unchosen_libraries()}


def _rows(now: SharedInputs) -> Iterator[_Row]:
    with connection.chunked_cursor() as cursor:
        cursor.execute(_CHANGED, _arguments(now))
        while rows := cursor.fetchmany(_ROWS_AT_ONCE):
            yield from map(_Row._make, rows)


def _artists(rows: Iterator[_Row], names: Mapping[int, str]) -> Iterator[ArtistEvidence]:
    """One, or several where the songs are too many for a message; an album that is not too large stays whole."""
    albums: list[AlbumEvidence] = []
    for _, of_album in groupby(rows, key=lambda row: row.album_name):
        for album in _albums(list(of_album), names):
            if albums and ArtistEvidence(albums=(*albums, album)).song_count > MOST_SONGS:
                yield ArtistEvidence(albums=tuple(albums))
                albums = []
            albums.append(album)
    yield ArtistEvidence(albums=tuple(albums))


def _albums(rows: Sequence[_Row], names: Mapping[int, str]) -> Iterator[AlbumEvidence]:
    for first in range(0, len(rows), MOST_SONGS):
        songs = tuple(_song(row, names) for row in rows[first : first + MOST_SONGS])
        yield AlbumEvidence(title=rows[0].album.strip(), album_artist=rows[0].album_artist, songs=songs)


def _song(row: _Row, names: Mapping[int, str]) -> SongEvidence:
    return SongEvidence(
        key=str(Key(row.track, row.prediction, row.artist_group, row.evidence)),
        model_version=row.model_version,
        sound=bytes(row.sound),
        tags=tuple(names[tag] for tag in row.tags if tag in names),
        content_key=row.content_key,
        judgement=_word(row.word, names),
    )


def _word(genres: Sequence[int] | None, names: Mapping[int, str]) -> JudgementEvidence | None:
    if genres is None:
        return None
    return JudgementEvidence(genres=tuple(names[genre] for genre in genres if genre in names))
