"""What people's judgements tell of the contradictions between tags and sound.

Which songs they were asked about depends on sound and tags alone, so P(judgement | sound, tags) needs no correction for
the choice.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Bools, Ints
from inference.decision.decision_model import DecisionModel
from inference.decision.evidence import Evidence
from inference.decision.posterior import Reading, decide

GRID = (np.arange(100) + 0.5) / 100
"""Shares of wrong tags among the contradictions that are weighed."""
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
    """Of all songs of their artists and albums, judged or not."""
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
        return NoiseReading(
            low=Reading(wrong_share=LOW),
            mean=Reading(wrong_share=0.5),
            high=Reading(wrong_share=HIGH),
            judgements=0,
            judged_songs=0,
            slip_rate=0.0,
        )
    logs = np.array([log_likelihood(model, judgements, share) for share in GRID])
    density = np.exp(logs - logs.max())
    low, high = (quantile(density, at) for at in (LOW, HIGH))
    slips, rate = slips_of(model, judgements)
    mean = float(GRID @ density / density.sum())
    return NoiseReading(
        low=Reading(wrong_share=low, slips=slips),
        mean=Reading(wrong_share=mean, slips=slips),
        high=Reading(wrong_share=high, slips=slips),
        judgements=len(np.unique(judgements.acts)),
        judged_songs=len(judgements.rows),
        slip_rate=rate,
    )


def log_likelihood(model: DecisionModel, judgements: Judgements, wrong_share: float) -> float:
    """Of what people said, in nats, where this share of the contradictions are wrong tags."""
    final = decide(model, judgements.evidence, Reading(wrong_share=wrong_share)).final[judgements.rows]
    right = (final * judgements.genres).sum(axis=1)
    right = np.where(judgements.genres.any(axis=1), right, 0.0)
    return float(judgements.weights @ np.log((1 - MISTAKES) * right + MISTAKES / final.shape[1]))


def quantile(density: NDArray[np.float64], at: float) -> float:
    """Of a share whose density [grid] is known at the middles of equal cells."""
    cumulated = np.concatenate([[0], np.cumsum(density)]) / density.sum()
    return float(np.interp(at, cumulated, np.linspace(0, 1, len(density) + 1)))


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
