"""What a training leaves for decisions: how often genres occur, how tags contradict the sound, what albums tell."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.decision.album_messages import NOTHING, Strength, Tree
from inference.decision.evidence import AlbumKind, Probabilities
from inference.decision.tag_noise import Contradictions

FEWEST = 1e-9


@dataclass(frozen=True, kw_only=True)
class Strengths:
    """What albums and artists tell."""

    albums: Mapping[AlbumKind, Strength]
    """By kind of album."""
    artist: Strength
    """Of an artist's albums."""

    @property
    def of_kinds(self) -> NDArray[np.float64]:
        """[kinds, 3] unity, correlation and weight by kind of album."""
        return np.array([self.albums.get(kind, NOTHING).values for kind in AlbumKind])

    def of(self, tree: Tree) -> NDArray[np.float64]:
        """[albums, 3] unity, correlation and weight of each album."""
        of_albums: NDArray[np.float64] = self.of_kinds[tree.kind]
        return of_albums

    def towards(self, other: "Strengths", share: float) -> "Strengths":
        """So far on the way to the other ones."""
        return Strengths(
            albums={
                kind: self.albums.get(kind, NOTHING).towards(other.albums.get(kind, NOTHING), share)
                for kind in AlbumKind
            },
            artist=self.artist.towards(other.artist, share),
        )


SILENCE = Strengths(albums={}, artist=NOTHING)


@dataclass(frozen=True, kw_only=True)
class DecisionModel:
    """Of one model in service."""

    genres: tuple[str, ...]
    prior: NDArray[np.float64]
    """[genres] how often each occurs among the songs of the training; what its probabilities imply already."""
    contradictions: Contradictions
    if_misleading: Strengths
    """What albums and artists tell, where no tag is wrong."""
    if_wrong: Strengths
    """The same where every contradiction is a wrong tag."""

    def strengths(self, wrong_share: float) -> Strengths:
        """The same where this share of the contradictions are wrong tags."""
        return self.if_misleading.towards(self.if_wrong, wrong_share)

    def sound(self, sound: Probabilities, wrong_share: float) -> Probabilities:
        """[songs, genres] the sound's probabilities, where only this share of the contradictions are wrong tags.

        The rest are songs that sound like another genre than theirs.
        """
        misleading: Probabilities = sound @ self.contradictions.transition(1 - wrong_share)
        return misleading

    def log_ratios(self, sound: Probabilities) -> NDArray[np.float64]:
        """[songs, genres] logarithm of the likelihood ratios that these probabilities stand for."""
        ratios: NDArray[np.float64] = np.log(np.maximum(sound, FEWEST)) - np.log(self.prior)
        return ratios


def prior_of(sound: Probabilities) -> NDArray[np.float64]:
    """[genres] how often each occurs, by the sound of songs; none is impossible."""
    counts = sound.sum(axis=0) + 1
    prior: NDArray[np.float64] = counts / counts.sum()
    return prior
