"""The tags of this library that stand for no genre, and how many songs have each."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection

from portal.counting import counted, listed
from portal.genres.models import spellings
from portal.genres.spelling import all_unknown, unknown_tags
from portal.library.presence import unchosen_libraries

# Of a song that we wrote to, Plex shows what we wrote; that stands for a genre, or did when it was written.
_OF_A_SONG = "CASE WHEN plex_genres = '{}' THEN file_genres ELSE plex_genres END"
_TAGS = f"""
SELECT tag, count(*), count(*) FILTER (WHERE tag_genre_id IS NULL), min(artist || ' – ' || title)
FROM library_track, unnest({_OF_A_SONG}) AS tag
WHERE removed_time IS NULL AND NOT library_id = ANY(%s) GROUP BY tag ORDER BY 3 DESC, 2 DESC, tag
"""  # noqa: S608 # our own words
_WITHOUT_GENRE = f"""
SELECT {_OF_A_SONG} AS tags, count(*) FROM library_track
WHERE removed_time IS NULL AND NOT library_id = ANY(%s) AND tag_genre_id IS NULL GROUP BY tags
"""  # noqa: S608 # our own words
TAGS_LISTED = 5


@dataclass(frozen=True, kw_only=True)
class UnmappedTag:
    """A tag that no alias knows, and that nobody has said to ignore."""

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
        cursor.execute(_TAGS, [unchosen_libraries()])
        for tag, songs, without_genre, example in cursor.fetchall():
            if unknown_tags((tag,), known):
                yield UnmappedTag(tag=tag, songs=songs, without_genre=without_genre, example=example)


@dataclass(frozen=True, kw_only=True)
class UnknownTagSongs:
    """Songs that have tags, of which none is known: they are neither learned from nor written."""

    songs: int
    tags: tuple[tuple[str, int], ...]
    """Their tags with the songs of each, the most frequent first."""

    def __str__(self) -> str:
        named = listed([f"{tag} ({songs})" for tag, songs in self.tags], TAGS_LISTED)
        have = counted(self.songs, "song", verb=("has", "have"))
        return (
            f"{have} tags of which nobody has said what they stand for: {named}. They are neither learned from "
            "nor written: say under Unknown tags in the admin which genre each is, or that it is to be ignored."
        )


def unknown_tag_songs() -> UnknownTagSongs:
    """Those of this library."""
    known = spellings()
    songs, tags = 0, Counter[str]()
    with connection.cursor() as cursor:
        cursor.execute(_WITHOUT_GENRE, [unchosen_libraries()])
        for genres, count in cursor.fetchall():
            unknown = all_unknown(genres, known)
            songs += count if unknown else 0
            tags.update(dict.fromkeys(unknown, count))
    return UnknownTagSongs(
        songs=songs, tags=tuple(sorted(tags.items(), key=lambda each: (-each[1], each[0])))
    )
