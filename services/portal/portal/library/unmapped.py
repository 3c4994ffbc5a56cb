"""The tags of this library that stand for no genre, and how many songs have each."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection

from portal.genres.models import spellings
from portal.genres.spelling import genres_of

# Of a song that we wrote to, Plex shows what we wrote; that stands for a genre, or did when it was written.
_TAGS = """
SELECT tag, count(*), count(*) FILTER (WHERE tag_genre_id IS NULL), min(artist || ' – ' || title)
FROM library_track, unnest(plex_genres) AS tag
WHERE removed_time IS NULL GROUP BY tag ORDER BY 3 DESC, 2 DESC, tag
"""


@dataclass(frozen=True, kw_only=True)
class UnmappedTag:
    """A tag that no alias knows."""

    tag: str
    songs: int
    without_genre: int
    """Of these, songs that no other tag gives a genre: what an alias would gain."""
    example: str
    """A song that has it."""


def unmapped_tags() -> Iterator[UnmappedTag]:
    """All of them, those first that would give most songs a genre."""
    known = spellings()
    with connection.cursor() as cursor:
        cursor.execute(_TAGS)
        for tag, songs, without_genre, example in cursor.fetchall():
            if not genres_of((tag,), known):
                yield UnmappedTag(tag=tag, songs=songs, without_genre=without_genre, example=example)
