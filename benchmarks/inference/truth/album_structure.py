"""Which songs are on which albums of which artists, of which genre: of real music, or made with the same statistics."""

import csv
import gzip
import os
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from inference.arrays import Ints
from numpy.typing import NDArray

VARIABLE = "BENCH_JAMENDO"
USUAL_PLACE = Path(__file__).parents[4] / "shared" / "data" / "jamendo_genres.csv.gz"
GENRES = 12
"""The most frequent first genres; songs of others are left out."""
MOST_OF_AN_ARTIST = 120
"""Songs."""
MADE_ARTISTS = 3000
# Measured on the real file with those twelve genres: two songs of an album are of one genre in 83 % of cases, and the
# most common genre of an artist's other albums is a song's in 57 %.
ALBUM_UNITY, ARTIST_UNITY = 0.9, 0.63


@dataclass(frozen=True, kw_only=True)
class AlbumStructure:
    """All arrays have one row a song."""

    artists: Ints
    """[songs] from 0"""
    albums: Ints
    """[songs] from 0"""
    genres: Ints
    """[songs] from 0"""
    source: str
    """Where it is from, in words."""

    @property
    def prior(self) -> NDArray[np.float64]:
        """[genres] share of the songs."""
        counts = np.bincount(self.genres, minlength=GENRES)
        return counts / counts.sum()

    def draw(self, random: np.random.Generator, *sizes: int, largest: float = 0.1) -> list["AlbumStructure"]:
        """Samples of whole artists, of at least so many songs each; no artist is in two, or has more than `largest`."""
        songs = np.bincount(self.artists)
        order = random.permutation(len(songs))
        parts = []
        for size in sizes:
            count = np.searchsorted(songs[order].cumsum(), size) + 1
            parts.append(self._of_artists(order[:count]))
            order = order[count:]
        return parts

    def without_giants(self) -> "AlbumStructure":
        """Without artists who would be a large part of a library of a thousand songs."""
        songs = np.bincount(self.artists)
        return self._of_artists(np.flatnonzero(songs <= MOST_OF_AN_ARTIST))

    def _of_artists(self, taken: Ints) -> "AlbumStructure":
        own = np.isin(self.artists, taken)
        return AlbumStructure(
            artists=np.unique(self.artists[own], return_inverse=True)[1],
            albums=self.albums[own],
            genres=self.genres[own],
            source=self.source,
        )


@cache
def album_structure() -> AlbumStructure:
    """The real one where its file is, else one that is made."""
    path = Path(os.environ.get(VARIABLE, USUAL_PLACE))
    if path.exists():
        return real_structure(path).without_giants()
    if VARIABLE in os.environ:
        raise FileNotFoundError(f"{VARIABLE} names {path}, which is not there; name the file or unset it")
    return made_structure().without_giants()


def real_structure(path: Path) -> AlbumStructure:
    """Of a table with the columns artist, album and genres (joined by |), of which the first counts."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        songs = [(row["artist"], row["album"], row["genres"].split("|")[0]) for row in csv.DictReader(file)]
    frequent = [genre for genre, _ in Counter(genre for *_, genre in songs).most_common(GENRES)]
    code = {genre: number for number, genre in enumerate(frequent)}
    artists, albums, genres = zip(*(song for song in songs if song[2] in code), strict=True)
    return AlbumStructure(
        artists=np.unique(artists, return_inverse=True)[1],
        albums=np.unique(albums, return_inverse=True)[1],
        genres=np.array([code[genre] for genre in genres]),
        source="real albums (Jamendo)",
    )


def made_structure(seed: int = 0) -> AlbumStructure:
    """Artists with a genre, albums that mostly have it, songs that mostly have their album's."""
    random = np.random.default_rng(seed)
    prior = 1 / np.arange(1.5, GENRES + 1.5)
    prior /= prior.sum()
    albums_each = np.minimum(1 + np.floor(random.pareto(1.1, MADE_ARTISTS)), 30).astype(np.intp)
    artist_of = np.repeat(np.arange(MADE_ARTISTS), albums_each)
    singles = random.random(len(artist_of)) < 1 / 3
    sizes = np.where(singles, 1, 1 + random.negative_binomial(2, 0.27, len(artist_of)))
    artist_genre = random.choice(GENRES, size=MADE_ARTISTS, p=prior)
    album_genre = _mostly(artist_genre[artist_of], ARTIST_UNITY, prior, random)
    albums = np.repeat(np.arange(len(artist_of)), sizes)
    return AlbumStructure(
        artists=artist_of[albums],
        albums=albums,
        genres=_mostly(album_genre[albums], ALBUM_UNITY, prior, random),
        source="made albums",
    )


def _mostly(
    genres: Ints, unity: float, prior: NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.intp]:
    """These genres with the probability `unity`, else any."""
    others = random.choice(GENRES, size=len(genres), p=prior)
    return np.where(random.random(len(genres)) < unity, genres, others)
