"""What people's judgements tell of the contradictions between tags and sound.

Which songs they were asked about depends on sound and tags alone, so P(judgement | sound, tags) needs no correction for
the choice.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Bools, Ints
from inference.decision.decision_model import DecisionModel, Reading
from inference.decision.evidence import Evidence
from inference.decision.posterior import Sources, decide

WRONG_GRID = (np.arange(50) + 0.5) / 50
"""Shares of wrong tags among the contradictions that are weighed; any is as likely before somebody has judged."""
CONFUSION_GRID = np.arange(11) / 10
CONFUSION_PRIOR = (1 - CONFUSION_GRID) ** 3 + 0.01
"""That a model's doubts are its own is likelier than that they are tags which it has learned."""
LOW, HIGH = 0.05, 0.95
"""Quantiles that decisions and pages use: of 30 judgements that all find the tag wrong, at least 90 % are wrong."""
MISTAKES = 0.01
"""People err too, and a song may be of no genre that is known."""
SLIP_SONGS = 10.0
"""Judgements' worth of evidence that a genre's slips are those of all."""


@dataclass(frozen=True, kw_only=True)
class Judgements:
    """What people said of some songs; all arrays have one row a judged song."""

    evidence: Evidence
    """Of the judged songs, and others perhaps."""
    rows: Ints
    """[judged] row of the evidence."""
    genres: Bools
    """[judged, genres] the genres that are right; none: none of ours."""
    acts: Ints
    """[judged] number of the act of judging: a whole album that was judged at once is one judgement."""

    @property
    def weights(self) -> NDArray[np.float64]:
        """[judged] 1 divided by the songs of its act."""
        _, act, sizes = np.unique(self.acts, return_inverse=True, return_counts=True)
        weights: NDArray[np.float64] = 1 / sizes[act]
        return weights


@dataclass(frozen=True, kw_only=True)
class NoiseReading:
    """What is known of the share of contradictions whose tag is wrong; uniform before anybody has judged."""

    low: Reading
    """Decisions use it."""
    mean: Reading
    high: Reading
    judgements: int
    judged_songs: int
    slip_rate: float


def reading_of(model: DecisionModel, judgements: Judgements | None = None) -> NoiseReading:
    """The reading that these judgements give."""
    if judgements is None or not len(judgements.rows):
        low, mean, high = (Reading(wrong_share=share) for share in (LOW, 0.5, HIGH))
        return NoiseReading(low=low, mean=mean, high=high, judgements=0, judged_songs=0, slip_rate=0.0)
    wrong, confusion = shares_of(model, judgements)
    slips, rate = slips_of(model, judgements)
    low, mean, high = (
        Reading(wrong_share=share, confusion_share=learned, slips=slips)
        for share, learned in zip(wrong, confusion, strict=True)
    )
    return NoiseReading(
        low=low,
        mean=mean,
        high=high,
        judgements=len(np.unique(judgements.acts)),
        judged_songs=len(judgements.rows),
        slip_rate=rate,
    )


Summary = tuple[float, float, float]
"""Lower end, mean and upper end."""


def shares_of(model: DecisionModel, judgements: Judgements) -> tuple[Summary, Summary]:
    """Share of wrong tags among the contradictions, and share of learned tags among the model's doubts, by Bayes."""
    logs = np.array(
        [
            [
                log_likelihood(model, judgements, Reading(wrong_share=wrong, confusion_share=learned))
                for learned in CONFUSION_GRID
            ]
            for wrong in WRONG_GRID
        ]
    )
    density = np.exp(logs - logs.max()) * CONFUSION_PRIOR
    return summary(density.sum(axis=1), WRONG_GRID), summary(density.sum(axis=0), CONFUSION_GRID)


def log_likelihood(model: DecisionModel, judgements: Judgements, reading: Reading) -> float:
    """Of what people said, in nats, in a reading.

    By sound and tags alone: an album that speaks clearly would hide what the contradictions of its songs are.
    """
    judged = judgements.evidence.only(judgements.rows)
    final = decide(model, judged, reading, Sources(albums=False)).final
    right = (final * judgements.genres).sum(axis=1)
    right = np.where(judgements.genres.any(axis=1), right, 0.0)
    return float(judgements.weights @ np.log((1 - MISTAKES) * right + MISTAKES / final.shape[1]))


def summary(density: NDArray[np.float64], shares: NDArray[np.float64]) -> Summary:
    """Of a share whose density [grid] is known at these shares [grid], the middles of equal cells."""
    cumulated = np.concatenate([[0], np.cumsum(density)]) / density.sum()
    half = (shares[1] - shares[0]) / 2
    edges = np.clip(np.append(shares - half, shares[-1] + half), 0, 1)
    low, high = (float(np.interp(at, cumulated, edges)) for at in (LOW, HIGH))
    return low, float(shares @ density / density.sum()), high


def slips_of(model: DecisionModel, judgements: Judgements) -> tuple[NDArray[np.float64], float]:
    """[genres, genres] what songs are on whose genre sound and tag agree, and the share that is of another genre.

    Mistakes that whole genres share, which the model has learned from the tags, show only here.
    """
    sound, tags = judgements.evidence.sound[judgements.rows], judgements.evidence.tags[judgements.rows]
    genres = len(model.prior)
    best = sound.argmax(axis=1)
    agree = tags[np.arange(len(tags)), best]
    weights = judgements.weights * agree * judgements.genres.any(axis=1)
    shares = judgements.genres / np.maximum(judgements.genres.sum(axis=1, keepdims=True), 1)
    is_right = judgements.genres[np.arange(len(tags)), best]
    shares = np.where(is_right[:, np.newaxis], np.arange(genres) == best[:, np.newaxis], shares)
    counts = np.zeros((genres, genres))
    np.add.at(counts, best, weights[:, np.newaxis] * shares)
    total = counts.sum()
    wrong = total - np.trace(counts)
    # One more that was right than were seen: none wrong of a few does not make a model infallible, nor fallible.
    rate = float(wrong / (total + 1))
    off = counts - np.diag(np.diag(counts))
    rates = (off.sum(axis=1) + SLIP_SONGS * rate) / (counts.sum(axis=1) + SLIP_SONGS)
    elsewhere = off + model.prior * (1 - np.eye(genres))
    elsewhere /= elsewhere.sum(axis=1, keepdims=True)
    return np.diag(1 - rates) + rates[:, np.newaxis] * elsewhere, rate
