"""Keeps the first guesses what they are to be: made anew when votes, genres or songs are others, gone with a model.

Nothing is analysed for it: the tags stand at the end of the vectors that are stored.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from django.db import connection, transaction

from portal.first_guess.guessing import NONE, average_song, guess
from portal.first_guess.known_tags import TagSource, tag_source
from portal.first_guess.models import FirstGuess, GuessBasis, TagVote
from portal.first_guess.tag_values import each_tags, mean_tags
from portal.registry.serving import serving_versions

DIGITS = 4
"""Of a share that is kept. The average song moves with each new one; further digits would move for nothing."""
# A number of ours for PostgreSQL: whoever makes guesses comes after whoever does already.
_LOCK = 0x6775657373

_SONGS = """
SELECT count(*), COALESCE(sum(hashint8extended(t.id, v.id)), 0) FROM library_track t
JOIN library_vector v ON v.audio_id = t.audio_id AND v.kind = %s AND v.version = %s
"""
_TABLE = "CREATE TEMPORARY TABLE guessed (audio_id bigint, genre_id bigint, share float8) ON COMMIT DROP"
_REMOVE = """
DELETE FROM first_guess_firstguess f USING library_track t
WHERE t.id = f.track_id AND NOT EXISTS (SELECT FROM guessed g WHERE g.audio_id = t.audio_id)
"""
_STORE = """
INSERT INTO first_guess_firstguess (track_id, genre_id, share)
SELECT t.id, g.genre_id, g.share FROM guessed g JOIN library_track t ON t.audio_id = g.audio_id
ON CONFLICT (track_id) DO UPDATE SET genre_id = EXCLUDED.genre_id, share = EXCLUDED.share
WHERE (first_guess_firstguess.genre_id, first_guess_firstguess.share) <> (EXCLUDED.genre_id, EXCLUDED.share)
"""


@dataclass(frozen=True, kw_only=True)
class Refreshed:
    """Of how many songs the guess is not what it was."""

    made: int = 0
    """A new one, another one, or another share for it."""
    gone: int = 0

    @property
    def songs(self) -> int:
        """All of them."""
        return self.made + self.gone


@dataclass(frozen=True, kw_only=True)
class _Votes:
    """The votes that count, as a matrix."""

    genres: tuple[int, ...]
    """Ids, one a column."""
    weights: npt.NDArray[np.float64]
    """[tags, genres]"""


@transaction.atomic
def refresh() -> Refreshed:
    """Make the guesses what they are to be, and say of how many songs one is another now.

    1. With a model in service there are none, nor without an embedding that gives tags, nor without votes.
    2. They stay where nothing that they rest on has changed, which costs one look at the songs.
    3. Else each song's is made anew from its stored tags.
    """
    _one_at_a_time()
    source = None if serving_versions() else tag_source()
    votes = _votes(source) if source else None
    if source is None or votes is None or not votes.genres:
        GuessBasis.objects.all().delete()
        return Refreshed(gone=FirstGuess.objects.all().delete()[0])
    digest = _digest(source, votes)
    if GuessBasis.objects.filter(digest=digest).exists():
        return Refreshed()
    songs, library = mean_tags(source)
    average = average_song(np.asarray(source.reference), library, songs)
    changed = _store(_guessed(source, votes, average))
    GuessBasis.objects.all().delete()
    GuessBasis.objects.create(digest=digest, recordings=songs)
    return changed


def _one_at_a_time() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _votes(source: TagSource) -> _Votes:
    """Those for genres in use of tags that this embedding gives."""
    found = TagVote.objects.filter(tag__in=source.tags, genre__retired=False)
    rows = list(found.order_by("genre", "tag").values_list("tag", "genre", "weight"))
    genres = tuple(sorted({genre for _, genre, _ in rows}))
    weights = np.zeros((len(source.tags), len(genres)))
    for tag, genre, weight in rows:
        weights[source.tags.index(tag), genres.index(genre)] = weight
    return _Votes(genres=genres, weights=weights)


def _digest(source: TagSource, votes: _Votes) -> str:
    """Of all that guesses rest on: tags and their reference, votes, and which song has which vector."""
    with connection.cursor() as cursor:
        cursor.execute(_SONGS, [source.kind, source.version])
        songs = [str(each) for each in cursor.fetchone()]
    known = [source.kind, source.version, source.tags, source.reference, votes.genres, votes.weights.tolist()]
    return hashlib.sha256(json.dumps([*known, songs]).encode()).hexdigest()


def _guessed(
    source: TagSource, votes: _Votes, average: npt.NDArray[np.floating]
) -> Iterator[Iterator[tuple[int, int, float]]]:
    """Chunk by chunk the recordings that have a guess, with genre and share."""
    for audio_ids, tags in each_tags(source):
        found = guess(tags, average, votes.weights)
        shares = np.round(found.shares, DIGITS).tolist()
        rows = zip(audio_ids, found.genres.tolist(), shares, strict=True)
        yield ((audio_id, votes.genres[genre], share) for audio_id, genre, share in rows if genre != NONE)


def _store(guessed: Iterable[Iterable[tuple[int, int, float]]]) -> Refreshed:
    """Into a table of its own first: the songs whose guess stays as it was are not written."""
    with connection.cursor() as cursor:
        cursor.execute(_TABLE)
        for chunk in guessed:
            with cursor.copy("COPY guessed FROM STDIN") as copy:
                for row in chunk:
                    copy.write_row(row)
        cursor.execute("ANALYZE guessed")
        cursor.execute(_REMOVE)
        gone = cursor.rowcount
        cursor.execute(_STORE)
        made = cursor.rowcount
        cursor.execute("DROP TABLE guessed")  # the caller's transaction may make guesses once more
        return Refreshed(made=made, gone=gone)
