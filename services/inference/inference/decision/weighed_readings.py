"""How likely each reading of the tags is, by what people said of songs; they are weighed on a grid, by Bayes.

Which songs people were asked about depends on sound and tags alone, so P(judgement | sound, tags) needs no correction
for the choice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from inference.decision.decision_model import FEWEST, DecisionModel, Reading
from inference.decision.judgements import Judgements
from inference.decision.posterior import tempered
from inference.decision.tag_noise import tag_likelihood

WRONG_GRID = (np.arange(24) + 0.5) / 20
"""Wrong tags by contradictions; any is as likely at first. Above 1, more tags are wrong than were found."""
CONFUSION_GRID = np.array([0, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1])
CONFUSION_PRIOR = 3 * (1 - CONFUSION_GRID) ** 2 * np.gradient(CONFUSION_GRID) + 0.001
CONFUSION_PRIOR[0] += 1
"""That a model's doubts are its own is as likely as that some of them are tags which it has learned."""
LAPSE_GRID = np.array([0, 0.015, 0.03, 0.06, 0.1, 0.2])
LAPSE_PRIOR = np.array([1, 0.5, 0.3, 0.2, 0.1, 0.05])
NEAR = 0.05
"""Standard deviation, as a probability, of the readings that count as near to a quantile."""
MISTAKES = 0.01
"""People err too, and a song may be of no genre that is known."""


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


@dataclass(frozen=True, kw_only=True)
class WeighedReadings:
    """Readings in the order of how many tags are wrong in each.

    Judgements often tell how many tags are wrong, and hardly by which of the two ways. So a quantile is one of wrong
    tags, and the reading there is the mean of those near to it, in which many by one way are few by the other.
    """

    wrong: NDArray[np.float64]
    """[cells] `wrong_share` of each."""
    confusion: NDArray[np.float64]
    """[cells] `confusion_share` of each."""
    lapses: NDArray[np.float64]
    """[cells] `lapses` of each."""
    probability: NDArray[np.float64]
    """[cells] sums to 1."""

    @property
    def mean(self) -> Reading:
        """The mean of all."""
        return self._mean_by(self.probability)

    def at(self, quantile: float) -> Reading:
        """The reading than which fewer tags are wrong with this probability."""
        reached = np.cumsum(self.probability) - self.probability / 2
        return self._mean_by(self.probability * np.exp(-(((reached - quantile) / NEAR) ** 2) / 2))

    def _mean_by(self, weights: NDArray[np.float64]) -> Reading:
        wrong, confusion, lapses = (
            float(weights @ values / weights.sum()) for values in (self.wrong, self.confusion, self.lapses)
        )
        return Reading(wrong_share=wrong, confusion_share=confusion, lapses=lapses)

    @property
    def wrong_share(self) -> Share:
        """Share of the contradictions whose tag is wrong, whatever else is the case."""
        values = WRONG_GRID[WRONG_GRID < 1]
        return Share(
            values=values, density=np.array([self.probability[self.wrong == at].sum() for at in values])
        )


def weighed_readings(model: DecisionModel, judgements: Judgements) -> WeighedReadings:
    """The readings of the grid, by Bayes."""
    cells = [
        Reading(wrong_share=wrong, confusion_share=confusion, lapses=lapses)
        for confusion, lapses, wrong in product(CONFUSION_GRID, LAPSE_GRID, WRONG_GRID)
    ]
    logs = np.concatenate(
        [log_likelihoods(model, judgements, confusion) for confusion in CONFUSION_GRID]
    ).ravel()
    prior = np.outer(CONFUSION_PRIOR, LAPSE_PRIOR).ravel().repeat(len(WRONG_GRID))
    weights = np.exp(logs - logs.max()) * prior
    order = np.argsort([model.wrong_tags(cell) for cell in cells], kind="stable")
    wrong, confusion, lapses = np.array(
        [(cell.wrong_share, cell.confusion_share, cell.lapses) for cell in cells]
    )[order].T
    return WeighedReadings(
        wrong=wrong, confusion=confusion, lapses=lapses, probability=(weights / weights.sum())[order]
    )


def log_likelihoods(model: DecisionModel, judgements: Judgements, confusion: float) -> NDArray[np.float64]:
    """[lapses, wrong] of what people said, in nats, where this share of the model's doubts is learned.

    By sound and tags alone: an album that speaks clearly would hide what the contradictions of its songs are. It is
    what `decide` gives without albums; its factors are straight lines in the share of wrong tags, up to 1 in the sound,
    so that most is computed at their ends, once for the whole grid.
    """
    judged = judgements.evidence.only(judgements.rows)
    ends = [Reading(wrong_share=share, confusion_share=confusion) for share in (0.0, 1.0)]
    shares = WRONG_GRID[:, np.newaxis, np.newaxis]
    up_to_one = np.minimum(shares, 1)
    sound = np.maximum(between([model.sound(judged.sound, end) for end in ends], up_to_one), FEWEST)
    flat = tempered(sound, between([model.prior_in(end) for end in ends], up_to_one))
    likelihood = between([tag_likelihood(judged.tags, model.tags(end)) for end in ends], shares)
    said = judgements.genres.astype(np.float64)

    def of_lapses(lapses: float) -> NDArray[np.float64]:
        joint = np.where(judged.is_tagged[:, np.newaxis], sound + lapses * (flat - sound), sound) * likelihood
        right = np.einsum("wij,ij->wi", joint, said) / joint.sum(axis=2)
        return np.asarray(np.log((1 - MISTAKES) * right + MISTAKES / said.shape[1]) @ judgements.weights)

    return np.array([of_lapses(lapses) for lapses in LAPSE_GRID.tolist()])


def between(ends: Sequence[NDArray[np.float64]], share: NDArray[np.float64]) -> NDArray[np.float64]:
    """What lies so far on the way from the first to the second, or beyond."""
    return np.asarray((1 - share) * ends[0] + share * ends[1])
