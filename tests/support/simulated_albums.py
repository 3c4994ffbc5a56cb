"""Songs on albums of artists, whose sound has calibrated probabilities and whose truth is known."""

from dataclasses import dataclass, replace

import numpy as np
from inference.arrays import Ints
from inference.decision.evidence import AlbumKind, Evidence

GENRES = 8


@dataclass(frozen=True, kw_only=True)
class SimulatedLibrary:
    """Evidence and the truth about it."""

    evidence: Evidence
    truth: Ints

    def with_tags(self, tags: Ints) -> Evidence:
        """The same songs with these tags."""
        return replace(self.evidence, tags=one_hot(tags))


def one_hot(genres: Ints) -> np.ndarray:
    """[songs, genres]"""
    return np.eye(GENRES, dtype=np.bool_)[genres]


def simulated(
    *,
    seed: int,
    artists: int = 120,
    albums: int = 2,
    songs: int = 8,
    strength: float = 2.6,
    unity: float = 0.9,
    shared: float = 0.3,
) -> SimulatedLibrary:
    """Albums that are of one genre to a degree, with a share of the sound's error in common; all tags are right.

    strength : of the signal beside errors of variance 1, so that the sound's posterior is exactly the softmax of
    strength times the scores, for one song alone.
    """
    random = np.random.default_rng(seed)
    album = np.repeat(np.arange(artists * albums), songs)
    of_artist = np.repeat(random.integers(GENRES, size=artists), albums)
    of_album = np.where(
        random.random(len(of_artist)) < 0.75, of_artist, random.integers(GENRES, size=len(of_artist))
    )
    truth = np.where(
        random.random(len(album)) < unity, of_album[album], random.integers(GENRES, size=len(album))
    )
    error = np.sqrt(shared) * random.normal(size=(artists * albums, GENRES))[album]
    error += np.sqrt(1 - shared) * random.normal(size=(len(album), GENRES))
    scores = strength * (strength * np.eye(GENRES)[truth] + error)
    sound = np.exp(scores - scores.max(axis=1, keepdims=True))
    evidence = Evidence(
        sound=sound / sound.sum(axis=1, keepdims=True),
        tags=one_hot(truth),
        albums=album,
        artists=album // albums,
        kinds=np.full(len(album), AlbumKind.ARTIST),
        recordings=np.arange(len(album)),
    )
    return SimulatedLibrary(evidence=evidence, truth=truth)


def wrong_tags(truth: Ints, share: float, seed: int) -> Ints:
    """The truth, a share of it replaced by other genres."""
    random = np.random.default_rng(seed)
    other = (truth + random.integers(1, GENRES, size=len(truth))) % GENRES
    return np.where(random.random(len(truth)) < share, other, truth)
