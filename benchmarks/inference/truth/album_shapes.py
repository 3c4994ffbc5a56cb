"""Libraries of albums: the sound is simulated as calibrated probabilities, whose errors albums and artists share.

The sound of a song is a point with a coordinate for each genre: `strength` at its own, 0 at the others, and a normal
error in each, of variance 1: half of the shared part is the same for all songs of the artist, half for those of the
album. Of one song by itself the posterior is the softmax of log prior + strength * point, exactly. What the album adds
is not tractable on real albums, for nobody knows the law by which they came to their genres: the truth stands for it.
"""

from dataclasses import dataclass, field
from functools import cache

import numpy as np
from inference.arrays import Ints
from inference.classify.probabilities import softmax
from numpy.typing import NDArray

from benchmarks.inference.truth.album_structure import GENRES, AlbumStructure, album_structure
from benchmarks.inference.truth.tag_noise import NoiseKind, TagNoise
from benchmarks.inference.truth.worlds import Songs, World

LIBRARY_SONGS, FRESH_SONGS = 1200, 600
COMPILED, COMPILATION_SONGS = 0.25, 15
COMPILATION = 1
"""Kind of an album."""


@dataclass(frozen=True, kw_only=True)
class AlbumShape:
    """A kind of library of albums."""

    accuracy: float
    """Of the sound alone."""
    shared: float
    """Share of the variance of errors that songs of an artist and an album have in common."""
    noise: TagNoise = field(default_factory=lambda: TagNoise(rate=0.1))
    compiled: float = 0.0
    """Of the songs that stand on compilations: half of them of one genre each, half of any."""

    def world(self, seed: int) -> World:
        """One such library."""
        random = np.random.default_rng(seed)
        library, fresh = album_structure().draw(random, LIBRARY_SONGS, FRESH_SONGS)
        return World(
            library=self._songs(library, random),
            fresh=self._songs(fresh, random).without_tags(),
            noise_rate=self.noise.rate,
        )

    def _songs(self, structure: AlbumStructure, random: np.random.Generator) -> Songs:
        artists, albums, kinds = compiled(structure, self.compiled, random)
        truth = structure.genres[:, np.newaxis] == np.arange(GENRES)
        sound = self._sound(structure, albums, random)
        matrix = self.noise.matrix(1 - np.eye(GENRES))
        tags = self.noise.tags(truth, albums, matrix, random)
        by_tag = sound * matrix[:, tags.argmax(axis=1)].T
        return Songs(
            vectors=np.zeros((len(truth), 0), dtype=np.float32),
            truth=truth,
            tags=tags,
            artists=artists,
            groups=structure.artists,
            albums=albums,
            kinds=kinds,
            recordings=np.arange(len(truth)),
            by_sound=sound,
            by_tag=by_tag / by_tag.sum(axis=1, keepdims=True),
            by_mates=truth.astype(np.float64),
        )

    def _sound(
        self, structure: AlbumStructure, albums: Ints, random: np.random.Generator
    ) -> NDArray[np.float64]:
        """[songs, genres]"""
        prior = album_structure().prior
        strength = strength_for(self.accuracy)
        errors = np.sqrt(1 - self.shared) * random.normal(size=(len(albums), GENRES))
        for units in (structure.artists, albums):
            _, unit = np.unique(units, return_inverse=True)
            errors += np.sqrt(self.shared / 2) * random.normal(size=(unit.max() + 1, GENRES))[unit]
        return posterior_of(structure.genres, errors, strength, prior)


def posterior_of(
    genres: Ints, errors: NDArray[np.float64], strength: float, prior: NDArray[np.float64]
) -> NDArray[np.float64]:
    """[songs, genres] p(genre | the point of each song); errors [songs, genres] of variance 1."""
    points = errors + strength * np.eye(len(prior))[genres]
    return softmax(np.log(prior) + strength * points)


@cache
def strength_for(accuracy: float) -> float:
    """The strength at which the sound of so many songs is right."""
    random = np.random.default_rng(0)
    prior = album_structure().prior
    genres = random.choice(GENRES, size=20_000, p=prior)
    errors = random.normal(size=(len(genres), GENRES))
    low, high = 0.0, 10.0
    while high - low > 1e-3:
        middle = (low + high) / 2
        right = posterior_of(genres, errors, middle, prior).argmax(axis=1) == genres
        low, high = (middle, high) if right.mean() < accuracy else (low, middle)
    return low


def compiled(structure: AlbumStructure, share: float, random: np.random.Generator) -> tuple[Ints, Ints, Ints]:
    """Artists, albums and kinds [songs], with this share of the songs moved to compilations, which are nobody's."""
    artists, albums = structure.artists.copy(), structure.albums.copy()
    kinds = np.zeros(len(albums), dtype=np.intp)
    moved = random.permutation(len(albums))[: round(share * len(albums))]
    half = len(moved) // 2
    # Of one genre each: in the order of their genres.
    moved[:half] = moved[:half][np.argsort(structure.genres[moved[:half]], kind="stable")]
    artists[moved] = -1
    albums[moved] = albums.max() + 1 + np.arange(len(moved)) // COMPILATION_SONGS
    kinds[moved] = COMPILATION
    return artists, albums, kinds


ALBUM_SHAPES = {
    **{
        f"albums {accuracy} %, {shared} % shared": AlbumShape(accuracy=accuracy / 100, shared=shared / 100)
        for accuracy in (60, 75, 90)
        for shared in (0, 30, 50, 70)
    },
    "albums tagged as a whole": AlbumShape(
        accuracy=0.75, shared=0.3, noise=TagNoise(kind=NoiseKind.TOGETHER, rate=0.1)
    ),
    "albums of right tags": AlbumShape(accuracy=0.75, shared=0.3, noise=TagNoise()),
    "compilations": AlbumShape(accuracy=0.75, shared=0.3, compiled=COMPILED),
}
"""By name."""
