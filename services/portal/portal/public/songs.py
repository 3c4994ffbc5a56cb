"""The songs of public tables as a training takes them: which of our genres each has, by the aliases as they are now."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import psycopg
from django.db import connection
from django.db.models import Count

from portal.genres.models import Genre, spellings
from portal.genres.spelling import genres_of
from portal.library.vectors import floats
from portal.public.fma_layout import GENRES
from portal.public.models import PublicSong
from portal.remote.audio import FMA_NATIVE, VectorValues
from portal.remote.inference import TrainingSong

KIND = FMA_NATIVE
SOURCE = "public"
_SONGS = """
    SELECT id, "table", key, artist, tag, "values" FROM public_publicsong
    WHERE id > %s AND tag = ANY(%s) AND version = %s ORDER BY id LIMIT 500
"""


@dataclass(frozen=True, kw_only=True)
class TagCount:
    """The songs that have one genre in a public table."""

    tag: str
    genres: tuple[str, ...]
    """Ours, by the aliases; empty where it stands for none."""
    songs: int
    artists: int


def tag_counts() -> list[TagCount]:
    """Every genre of the tables, the most frequent first."""
    found = PublicSong.objects.values_list("tag").annotate(
        songs=Count("pk"), artists=Count("artist", distinct=True)
    )
    known = spellings()
    names = dict(Genre.objects.values_list("pk", "name"))
    return [
        TagCount(
            tag=tag, genres=tuple(names[pk] for pk in genres_of((tag,), known)), songs=songs, artists=artists
        )
        for tag, songs, artists in found.order_by("-songs", "tag")
    ]


def songs_by_genre() -> Mapping[str, int]:
    """How many songs of public tables count for each of our genres."""
    counted = Counter[str]()
    for each in tag_counts():
        counted.update(dict.fromkeys(each.genres, each.songs))
    return counted


def gives() -> frozenset[str]:
    """Our genres that the FMA table has songs of, by the aliases as they are now; it need not be imported."""
    known = spellings()
    found = {pk for tag in GENRES for pk in genres_of((tag,), known)}
    return frozenset(Genre.objects.filter(pk__in=found).values_list("name", flat=True))


def public_songs(version: str) -> Iterator[TrainingSong]:
    """Every song whose genre is one of ours and whose values are of this version, a few hundred in memory at a time."""
    named = {each.tag: each.genres for each in tag_counts() if each.genres}
    connection.ensure_connection()
    last = 0
    # Its values are read as bytes, as those of the library are.
    with psycopg.Cursor(connection.connection) as cursor:
        while rows := cursor.execute(_SONGS, [last, list(named), version], binary=True).fetchall():
            last = rows[-1][0]
            for _, table, key, artist, tag, values in rows:
                genre, *also = named[tag]
                yield TrainingSong(
                    song_id=f"{table} {key}",
                    genre=genre,
                    additional_genres=tuple(also),
                    artist=artist,
                    source=SOURCE,
                    vectors=(VectorValues(kind=KIND, version=version, values=floats(values)),),
                )


def public_versions() -> list[str]:
    """The feature versions of the values of public tables."""
    return list(PublicSong.objects.values_list("version", flat=True).order_by().distinct())
