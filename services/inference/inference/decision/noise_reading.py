"""What people's judgements tell of the contradictions between tags and sound."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inference.decision.decision_model import DecisionModel, Reading
from inference.decision.judgements import Judgements
from inference.decision.posterior import Sources, decide
from inference.decision.weighed_readings import weighed_readings

LOW, HIGH = 0.05, 0.95
"""Quantiles of the interval: of 30 judgements that all find the tag wrong, at least 90 % are wrong."""
ENOUGH = 30
"""Judged contradictions from which on decisions use `DECIDING` in place of the lower end."""
DECIDING = 0.5
"""Quantile of wrong tags by which decisions are made once there are enough judgements."""
SLIP_SONGS = 10.0
"""Judgements' worth of evidence that nothing slips, and that a genre's slips are those of all."""
MOST_READ = 2000
"""Judgements that are read; more would change nothing and cost time."""


@dataclass(frozen=True, kw_only=True)
class WrongShare:
    """Share of the contradictions whose tag is wrong: its mean and 90 % interval."""

    low: float
    mean: float
    high: float


@dataclass(frozen=True, kw_only=True)
class NoiseReading:
    """What is known of wrong tags; of the contradictions anything may be true before anybody has judged."""

    wrong_share: WrongShare
    low: Reading
    mean: Reading
    high: Reading
    """With few wrong tags, the mean, and with many: the ends of a 90 % interval."""
    deciding: Reading
    """Decisions use it: `low` until `ENOUGH` judgements are there."""
    stating: Reading
    """What is stated of many songs rests on it: `mean`, and until `ENOUGH` judgements are there `low`."""
    judgements: int
    judged_songs: int
    slip_rate: float


def reading_of(model: DecisionModel, judgements: Judgements | None = None) -> NoiseReading:
    """The reading that these judgements give."""
    if judgements is None or not len(judgements.rows):
        return UNREAD
    weighed = weighed_readings(model, judgements.sampled(MOST_READ))
    slips, rate = slips_of(model, judgements, weighed.mean)
    low, middle, mean, high = (
        replace(reading, slips=slips)
        for reading in (weighed.at(LOW), weighed.at(DECIDING), weighed.mean, weighed.at(HIGH))
    )
    share = weighed.wrong_share
    is_enough = len(np.unique(judgements.acts[judgements.tell_of_contradictions])) >= ENOUGH
    return NoiseReading(
        wrong_share=WrongShare(low=share.at(LOW), mean=share.mean, high=share.at(HIGH)),
        low=low,
        mean=mean,
        high=high,
        deciding=middle if is_enough else low,
        stating=mean if is_enough else low,
        judgements=len(np.unique(judgements.acts)),
        judged_songs=len(judgements.rows),
        slip_rate=rate,
    )


UNREAD = NoiseReading(
    wrong_share=WrongShare(low=LOW, mean=0.5, high=HIGH),
    low=Reading(wrong_share=LOW),
    mean=Reading(wrong_share=0.5),
    high=Reading(wrong_share=HIGH),
    deciding=Reading(wrong_share=LOW),
    stating=Reading(wrong_share=LOW),
    judgements=0,
    judged_songs=0,
    slip_rate=0.0,
)
"""Before anybody has judged."""


def slips_of(
    model: DecisionModel, judgements: Judgements, reading: Reading
) -> tuple[NDArray[np.float64], float]:
    """[genres, genres] what songs are on whose genre sound and tag agree, and the share that is of another genre.

    Mistakes that whole genres share, which the model has learned from the tags, show only here; those that the reading
    expects already are taken off.
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
    final = decide(model, judgements.evidence.only(judgements.rows), reading, Sources(albums=False)).final
    expected = np.bincount(best, weights * (1 - final[np.arange(len(best)), best]), minlength=genres)
    wrong = max(0.0, total - np.trace(counts) - expected.sum())
    # A few songs that were wrong do not condemn a model.
    rate = float(wrong / (total + SLIP_SONGS))
    off = counts - np.diag(np.diag(counts))
    rates = (np.maximum(off.sum(axis=1) - expected, 0) + SLIP_SONGS * rate) / (
        counts.sum(axis=1) + SLIP_SONGS
    )
    elsewhere = off + model.prior * (1 - np.eye(genres))
    elsewhere /= elsewhere.sum(axis=1, keepdims=True)
    return np.diag(1 - rates) + rates[:, np.newaxis] * elsewhere, rate
