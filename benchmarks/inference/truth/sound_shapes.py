"""Libraries with vectors, shape by shape: a training learns from them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from inference.arrays import Ints
from inference.training.same_recordings import same_recordings
from inference.training.song_groups import Credit, group_songs
from numpy.typing import NDArray

from benchmarks.inference.truth import sound_models
from benchmarks.inference.truth.sound_model import SoundModel, squared_distances
from benchmarks.inference.truth.tag_noise import NoiseKind, TagNoise
from benchmarks.inference.truth.worlds import Songs, World

FRESH_ARTISTS, FRESH_EACH = 300, 2
COPY_SD = 0.03
"""How far a copy lies from its original, of the standard deviation of each column."""
COPIED, GUESTS = 0.1, 0.25
ALBUM_SONGS = 10


@dataclass(frozen=True, kw_only=True)
class SoundShape:
    """A kind of library: how it sounds, how large its genres are, and what else is odd about it."""

    model: Callable[[np.random.Generator, int], SoundModel] = sound_models.gaussian
    songs: tuple[int, ...] = (120,) * 8
    """Of each genre."""
    each: int = 5
    """Songs of an artist."""
    noise: TagNoise = field(default_factory=TagNoise)
    giant: int = 0
    """Songs of one artist of the first genre beside the others."""
    guests: float = 0.0
    """Of the songs with a guest: "X feat. Y"."""
    copies: float = 0.0
    """Of the songs under another name too."""
    fresh_artists: int = FRESH_ARTISTS
    """That come to it later, with two songs each."""

    def world(self, seed: int) -> World:
        """One such library."""
        return _Making(self, seed).world()


class _Making:
    """A world on its way."""

    def __init__(self, shape: SoundShape, seed: int) -> None:
        self._shape = shape
        self._random = np.random.default_rng(seed)
        self._genres = len(shape.songs)
        self._model = shape.model(self._random, self._genres)
        width = self._model.centres.shape[1]
        self._scale = np.exp(self._random.normal(size=width))
        main = self._model.mixing.argmax(axis=1)
        self._genre_of_state = self._model.truths[np.arange(len(main)), main].argmax(axis=1)
        self._noise = shape.noise.matrix(self._distances(self._model.centres[main]))
        self._prior = self._prior_of(np.array(shape.songs) + shape.giant * (np.arange(self._genres) == 0))

    def _distances(self, centres: NDArray[np.float64]) -> NDArray[np.float64]:
        """[genres, genres] the least distance between places of two genres."""
        squares = squared_distances(centres, centres)
        own = [self._genre_of_state == genre for genre in range(self._genres)]
        return np.array([[squares[np.ix_(one, other)].min() for other in own] for one in own])

    def _prior_of(self, songs: NDArray[np.int_]) -> NDArray[np.float64]:
        """[states]"""
        states = np.bincount(self._genre_of_state, minlength=self._genres)
        prior: NDArray[np.float64] = (songs / songs.sum() / states)[self._genre_of_state]
        return prior

    def world(self) -> World:
        """The library, and fresh songs of other artists."""
        artist_genres = np.repeat(
            np.arange(self._genres), [round(songs / self._shape.each) for songs in self._shape.songs]
        )
        sizes = np.full(len(artist_genres), self._shape.each)
        if self._shape.giant:
            artist_genres, sizes = np.append(artist_genres, 0), np.append(sizes, self._shape.giant)
        library = self._songs(self._states_of(artist_genres), sizes, copies=self._shape.copies)
        artists = self._shape.fresh_artists
        fresh_states = self._random.choice(len(self._prior), size=artists, p=self._prior)
        fresh = self._songs(fresh_states, np.full(artists, FRESH_EACH), tagged=False)
        return World(library=library, fresh=fresh, noise_rate=self._shape.noise.rate)

    def _states_of(self, artist_genres: Ints) -> Ints:
        """A state of each artist's genre."""
        return np.array(
            [self._random.choice(np.flatnonzero(self._genre_of_state == genre)) for genre in artist_genres]
        )

    def _songs(self, states: Ints, sizes: Ints, *, copies: float = 0.0, tagged: bool = True) -> Songs:
        artists = np.repeat(np.arange(len(states)), sizes)
        vectors, truth = self._model.draw(states[artists], artists, self._random)
        again = self._random.permutation(len(vectors))[: round(copies * len(vectors))]
        recordings = np.concatenate([np.arange(len(vectors)), again])
        near = COPY_SD * self._random.normal(size=(len(again), vectors.shape[1]))
        vectors, truth = np.concatenate([vectors, vectors[again] + near]), truth[recordings]
        # Each copy stands under a name of its own.
        artists = np.concatenate([artists, artists.max() + 1 + np.arange(len(again))])
        tags = self._shape.noise.tags(truth, artists, self._noise, self._random)
        return self._known(vectors, truth, tags if tagged else np.zeros_like(truth), artists, recordings)

    def _known(
        self,
        vectors: NDArray[np.float64],
        truth: NDArray[np.bool_],
        tags: NDArray[np.bool_],
        artists: Ints,
        recordings: Ints,
    ) -> Songs:
        """With the posteriors, and the vectors on scales of their own as those of a real library are."""
        likelihood = self._model.tag_likelihood(tags, self._noise)
        seen = (vectors * self._scale).astype(np.float32)
        return Songs(
            vectors=seen,
            truth=truth,
            tags=tags,
            artists=artists,
            groups=self._groups(seen, artists),
            albums=albums_of(artists),
            kinds=np.zeros(len(truth), dtype=np.intp),
            recordings=recordings,
            by_sound=self._model.posterior(vectors, self._prior),
            by_tag=self._model.posterior(vectors, self._prior, likelihood),
            by_mates=self._model.posterior_with_mates(vectors, artists, self._prior, likelihood),
        )

    def _groups(self, vectors: NDArray[np.float32], artists: Ints) -> Ints:
        """As a training makes them, of credits and of vectors."""
        if not (self._shape.guests or self._shape.copies):
            return artists
        guest = self._random.random(len(artists)) < self._shape.guests
        credits = [
            Credit(
                song_id=f"{song:05}", artist=f"artist {artist}" + f" feat. guest {song}" * bool(guest[song])
            )
            for song, artist in enumerate(artists)
        ]
        return group_songs(credits, same_recordings=same_recordings(vectors)).numbers


def albums_of(artists: Ints) -> Ints:
    """[songs] a number for each album: an artist's songs, ten on each."""
    order = np.argsort(artists, kind="stable")
    first = np.unique(artists[order], return_index=True, return_inverse=True)
    within = np.empty(len(artists), dtype=np.intp)
    within[order] = np.arange(len(artists)) - first[1][first[2].ravel()]
    return artists * len(artists) + within // ALBUM_SONGS


def _noisy(kind: NoiseKind, percent: int) -> SoundShape:
    return SoundShape(noise=TagNoise(kind=kind, rate=percent / 100))


def _strong_artists(**values: Any) -> SoundShape:
    return SoundShape(model=partial(sound_models.gaussian, apart=3.4, artist_sd=0.75), **values)


SOUND_SHAPES = {
    "gaussian": SoundShape(),
    "islands": SoundShape(model=sound_models.islands),
    "heavy tails": SoundShape(model=sound_models.heavy_tails),
    **{
        f"sound-alikes {percent} %": SoundShape(model=partial(sound_models.sound_alikes, rate=percent / 100))
        for percent in (5, 10, 20)
    },
    "hard overlap": SoundShape(model=partial(sound_models.gaussian, apart=2.2)),
    "twins": SoundShape(model=sound_models.twins),
    "200:1": SoundShape(songs=(1200, 300, 76, 24, 6), each=2),
    "16 x 12 songs": SoundShape(songs=(12,) * 16, each=3, model=partial(sound_models.gaussian, apart=3.8)),
    "giant artist": _strong_artists(giant=400),
    "featured artists": _strong_artists(guests=GUESTS),
    "near-duplicates": SoundShape(copies=COPIED),
    "two genres a song": SoundShape(model=partial(sound_models.two_genres, rate=0.3)),
    **{f"noise {kind} {percent} %": _noisy(kind, percent) for kind in NoiseKind for percent in (10, 20, 30)},
    "sound-alikes and noise 10 %": SoundShape(
        model=partial(sound_models.sound_alikes, rate=0.1), noise=TagNoise(rate=0.1)
    ),
}
"""By name."""
