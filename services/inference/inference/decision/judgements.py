"""What people's judgements tell of the contradictions between tags and sound.

Which songs they were asked about depends on sound and tags alone, so P(judgement | sound, tags) needs no correction for
the choice.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Bools, Ints
from inference.decision.decision_model import FEWEST, DecisionModel, Reading
from inference.decision.evidence import Evidence
from inference.decision.tag_noise import tag_likelihood

WRONG_GRID = (np.arange(50) + 0.5) / 50
"""Shares of wrong tags among the contradictions that are weighed; any is as likely before somebody has judged."""
CONFUSION_GRID = np.arange(11) / 10
CONFUSION_PRIOR = (1 - CONFUSION_GRID) ** 3 + 0.01
"""That a model's doubts are its own is likelier than that they are tags which it has learned."""
LOW, HIGH = 0.05, 0.95
"""Quantiles of the interval: of 30 judgements that all find the tag wrong, at least 90 % are wrong."""
ENOUGH = 30
"""Judged contradictions from which on decisions use `DECIDING` in place of the lower end."""
DECIDING = 0.3
"""Quantile by which decisions are made once there are enough judgements. On 39 kinds of libraries with 100 of them, the
lower end kept 58 % of the right corrections of whoever knows the truth and destroyed 0.8 times the right tags; the mean
79 % and 1.36 times; this lies between, at 0.7 of the way."""
MISTAKES = 0.01
"""People err too, and a song may be of no genre that is known."""
SLIP_SONGS = 10.0
"""Judgements' worth of evidence that nothing slips, and that a genre's slips are those of all."""
MOST_READ = 3000
"""Judgements that are read; more would change nothing and cost time."""


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

    @property
    def tell_of_contradictions(self) -> Bools:
        """[judged] the song is of a genre that the model knows, and its tag is not what it sounds like."""
        evidence = self.evidence.only(self.rows)
        agrees = evidence.tags[np.arange(len(self.rows)), evidence.sound.argmax(axis=1)]
        return np.asarray(self.genres.any(axis=1) & evidence.is_tagged & ~agrees)

    def sampled(self, most: int) -> "Judgements":
        """At most so many of them, evenly spread."""
        if len(self.rows) <= most:
            return self
        kept = np.linspace(0, len(self.rows) - 1, most).astype(np.intp)
        return replace(self, rows=self.rows[kept], genres=self.genres[kept], acts=self.acts[kept])


@dataclass(frozen=True, kw_only=True)
class NoiseReading:
    """What is known of the share of contradictions whose tag is wrong; uniform before anybody has judged."""

    low: Reading
    mean: Reading
    high: Reading
    """Lower end, mean and upper end of the 90 % interval."""
    deciding: Reading
    """Decisions use it: the lower end until `ENOUGH` judgements are there."""
    stating: Reading
    """What is stated of many songs rests on it: the mean, and until `ENOUGH` judgements are there the lower end."""
    judgements: int
    judged_songs: int
    slip_rate: float


def reading_of(model: DecisionModel, judgements: Judgements | None = None) -> NoiseReading:
    """The reading that these judgements give."""
    if judgements is None or not len(judgements.rows):
        low, mean, high = (Reading(wrong_share=share) for share in (LOW, 0.5, HIGH))
        return NoiseReading(
            low=low,
            mean=mean,
            high=high,
            deciding=low,
            stating=low,
            judgements=0,
            judged_songs=0,
            slip_rate=0.0,
        )
    wrong, confusion = shares_of(model, judgements.sampled(MOST_READ))
    slips, rate = slips_of(model, judgements)
    count = len(np.unique(judgements.acts))
    telling = len(np.unique(judgements.acts[judgements.tell_of_contradictions]))

    def at(share: float) -> Reading:
        return Reading(wrong_share=wrong.at(share), confusion_share=confusion.at(share), slips=slips)

    low = at(LOW)
    mean = Reading(wrong_share=wrong.mean, confusion_share=confusion.mean, slips=slips)
    return NoiseReading(
        low=low,
        mean=mean,
        high=at(HIGH),
        deciding=at(DECIDING) if telling >= ENOUGH else low,
        stating=mean if telling >= ENOUGH else low,
        judgements=count,
        judged_songs=len(judgements.rows),
        slip_rate=rate,
    )


@dataclass(frozen=True, kw_only=True)
class Share:
    """What is known of a share between 0 and 1."""

    values: NDArray[np.float64]
    """[grid] rising, the middles of equal cells."""
    density: NDArray[np.float64]
    """[grid] not normalised."""

    @property
    def mean(self) -> float:
        """Its expectation."""
        return float(self.values @ self.density / self.density.sum())

    def at(self, quantile: float) -> float:
        """The share that it is below with this probability."""
        cumulated = np.concatenate([[0], np.cumsum(self.density)]) / self.density.sum()
        half = (self.values[1] - self.values[0]) / 2
        edges = np.clip(np.append(self.values - half, self.values[-1] + half), 0, 1)
        return float(np.interp(quantile, cumulated, edges))


def shares_of(model: DecisionModel, judgements: Judgements) -> tuple[Share, Share]:
    """Share of wrong tags among the contradictions, and share of learned tags among the model's doubts, by Bayes."""
    logs = np.column_stack([log_likelihoods(model, judgements, learned) for learned in CONFUSION_GRID])
    density = np.exp(logs - logs.max()) * CONFUSION_PRIOR
    return (
        Share(values=WRONG_GRID, density=density.sum(axis=1)),
        Share(values=CONFUSION_GRID, density=density.sum(axis=0)),
    )


def log_likelihoods(model: DecisionModel, judgements: Judgements, learned: float) -> NDArray[np.float64]:
    """[grid] of what people said, in nats, by share of wrong tags, where this share of the model's doubts is learned.

    By sound and tags alone: an album that speaks clearly would hide what the contradictions of its songs are. It is
    what `decide` gives without albums; both factors are straight lines in the share of wrong tags, so that most is
    computed at their ends, once for the whole grid.
    """
    judged = judgements.evidence.only(judgements.rows)
    ends = [Reading(wrong_share=share, confusion_share=learned) for share in (0.0, 1.0)]
    sounds = [model.sound(judged.sound, end) for end in ends]
    likelihoods = [tag_likelihood(judged.tags, model.tags(end)) for end in ends]
    said, weights = judgements.genres.astype(np.float64), judgements.weights

    def log_likelihood(share: float) -> float:
        joint = np.maximum(between(sounds, share), FEWEST) * between(likelihoods, share)
        right = np.einsum("ij,ij->i", joint, said) / joint.sum(axis=1)
        return float(weights @ np.log((1 - MISTAKES) * right + MISTAKES / said.shape[1]))

    return np.array([log_likelihood(share) for share in WRONG_GRID.tolist()])


def between(ends: Sequence[NDArray[np.float64]], share: float) -> NDArray[np.float64]:
    """What lies so far on the way from the first to the second."""
    point: NDArray[np.float64] = (1 - share) * ends[0] + share * ends[1]
    return point


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
    # A few songs that were wrong do not condemn a model.
    rate = float(wrong / (total + SLIP_SONGS))
    off = counts - np.diag(np.diag(counts))
    rates = (off.sum(axis=1) + SLIP_SONGS * rate) / (counts.sum(axis=1) + SLIP_SONGS)
    elsewhere = off + model.prior * (1 - np.eye(genres))
    elsewhere /= elsewhere.sum(axis=1, keepdims=True)
    return np.diag(1 - rates) + rates[:, np.newaxis] * elsewhere, rate
