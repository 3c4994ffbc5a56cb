"""What a training leaves for decisions: how often genres occur, how tags contradict the sound, what albums tell."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.decision.album_messages import NOTHING, Strength, Tree
from inference.decision.evidence import AlbumKind, Probabilities
from inference.decision.tag_noise import Contradictions, unmixed

FEWEST = 1e-9


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How differences of tags and sound are read: a point among those that data cannot tell apart."""

    wrong_share: float
    """Share of the contradictions whose tag is wrong; the others merely sound like another genre. Above 1 where more
    tags are wrong than were found to contradict."""
    confusion_share: float = 0.0
    """Share of the model's own doubts that it has learned from wrong tags."""
    lapses: float = 0.0
    """Share of the tagged songs of whose sound the model is far surer than it should be."""
    slips: NDArray[np.float64] | None = None
    """[genres, genres] from the genre on which sound and tag agree to the true one; None where nobody has judged."""


@dataclass(frozen=True, kw_only=True)
class Strengths:
    """What albums and artists tell."""

    albums: Mapping[AlbumKind, Strength]
    """By kind of album."""
    artist: Strength
    """Of an artist's albums."""

    @property
    def of_kinds(self) -> NDArray[np.float64]:
        """[kinds, 4] the values of `Strength` by kind of album."""
        return np.array([self.albums.get(kind, NOTHING) for kind in AlbumKind])

    def of(self, tree: Tree) -> NDArray[np.float64]:
        """[albums, 4] the values of `Strength` of each album."""
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


STRENGTHS_AT = (0.0, 0.5, 1.0)
SILENCE = Strengths(albums={}, artist=NOTHING)


@dataclass(frozen=True, kw_only=True)
class DecisionModel:
    """Of one model in service."""

    genres: tuple[str, ...]
    prior: NDArray[np.float64]
    """[genres] how often each occurs among the songs of the training; what its probabilities imply already."""
    contradictions: Contradictions
    strengths_at: tuple[Strengths, ...]
    """What albums and artists tell, in readings whose `wrong_share` is each of `STRENGTHS_AT`."""

    def strengths(self, reading: Reading) -> Strengths:
        """What albums and artists tell in a reading."""
        last = len(STRENGTHS_AT) - 2
        before = min(int(np.searchsorted(STRENGTHS_AT, reading.wrong_share, side="right")) - 1, last)
        start, end = STRENGTHS_AT[before : before + 2]
        share = min(1.0, (reading.wrong_share - start) / (end - start))
        return self.strengths_at[before].towards(self.strengths_at[before + 1], share)

    def prior_in(self, reading: Reading) -> NDArray[np.float64]:
        """[genres] how often each occurs in a reading: what the sound's probabilities in that reading imply."""
        prior = np.maximum(self.sound(self.prior[np.newaxis], reading)[0], FEWEST)
        return np.asarray(prior / prior.sum())

    def sound(self, sound: Probabilities, reading: Reading) -> Probabilities:
        """[songs, genres] the sound's probabilities in a reading.

        What the model doubts because of tags is taken away; what contradicts it without a wrong tag is added.
        """
        misleading = self.contradictions.transition(max(0.0, 1 - reading.wrong_share))
        if not reading.confusion_share:
            return np.asarray(sound @ misleading)
        mixing = self.contradictions.mislabelled(reading.confusion_share)
        return np.asarray(unmixed(sound, mixing) @ misleading)

    def tags(self, reading: Reading) -> NDArray[np.float64]:
        """[genres, genres] P(tag | genre) in a reading."""
        wrong = self.contradictions.transition(reading.wrong_share)
        if not reading.confusion_share:
            return wrong
        return np.asarray(self.contradictions.mislabelled(reading.confusion_share) @ wrong)

    def wrong_tags(self, reading: Reading) -> float:
        """Share of the songs whose tag is wrong, in a reading."""
        return float(1 - self.prior_in(reading) @ np.diag(self.tags(reading)))


def log_ratios(sound: Probabilities, prior: NDArray[np.float64]) -> NDArray[np.float64]:
    """[songs, genres] logarithm of the likelihood ratios behind these probabilities, with this prior [genres]."""
    ratios: NDArray[np.float64] = np.log(np.maximum(sound, FEWEST)) - np.log(prior)
    return ratios


def prior_of(sound: Probabilities) -> NDArray[np.float64]:
    """[genres] how often each occurs, by the sound of songs; none is impossible."""
    counts = sound.sum(axis=0) + 1
    prior: NDArray[np.float64] = counts / counts.sum()
    return prior
