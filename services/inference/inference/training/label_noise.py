"""Labels that look wrong: which they are, how much their songs count in a fit, and whether that helps."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from inference.arrays import Array, Bools, Floats, Ints
from inference.evaluation.bootstrap import per_group
from inference.training.dataset import LabelSource

ODDS = 5.0
"""How much likelier than the label another genre must be. On synthetic libraries with a tenth of wrong labels and
74 to 94 % accuracy, 5 found 88 to 93 % of them at 80 to 98 % precision; 3 loses precision, 10 finds fewer."""
ODDS_TO_DROP = 10.0
"""The same for a song to lose its weight in a fit. Measured on the demo library and on synthetic ones of 160 and
1,280 songs with a tenth of wrong labels: accuracy against the truth rises by 3 to 7 points. 5 costs small libraries up
to three of them, as right songs are dropped; 40 leaves wrong ones in large libraries; a weight of 0.3 instead of 0
gains less."""
TRUST: Mapping[LabelSource, float] = {
    LabelSource.TAG: 0.0,
    LabelSource.PUBLIC_TABLE: 0.25,
    LabelSource.TAUGHT: 0.5,
    LabelSource.OVERRIDE: 1.0,
}
"""What a song counts whose label looks wrong. A person who named a genre is never contradicted; a tag is left out."""

ERRORS_THAT_HURT = 0.7
"""By so many standard errors fewer right songs are taken for a loss. Measured on twelve made-up libraries of 192 and
640 songs with clean tags that are right for 38 to 70 %: the handling costs 1 to 3 points of accuracy against the truth,
and is given up for eleven of them (at 1.96, for seven). With a fifth of wrong tags it brings 2 points, and more songs
are right or as many."""
MAX_SUSPECTED_SHARE = 0.5
"""Share of a genre's songs beyond which its labels are left alone."""


def find_label_errors(probabilities: Floats, multi_hot: Bools, odds: float = ODDS) -> Bools:
    """[n] songs whose label is likely wrong, from out-of-fold probabilities and the genres of labels, both [n, genres].

    Confident learning (Northcutt et al. 2021): each probability is measured against the mean self-confidence of its
    class, since a model may be under-confident about one genre and over-confident about another. The original asks the
    other genre to exceed that mean; of ten songs a genre this misses a third of the wrong labels, whose own probability
    is nevertheless tiny. So here the two relative probabilities are compared with each other. Of a label that names
    several genres the likeliest stands for it.
    """
    rows = np.arange(len(multi_hot))
    label = np.where(multi_hot, probabilities, -1).argmax(axis=1)
    self_confidence = probabilities[rows, label]
    songs = np.bincount(label, minlength=multi_hot.shape[1])
    sums = np.bincount(label, weights=self_confidence, minlength=multi_hot.shape[1])
    typical = np.maximum(sums / np.maximum(songs, 1), 1e-6)
    best = probabilities.argmax(axis=1)
    relative_best = probabilities[rows, best] / typical[best]
    relative_label = self_confidence / typical[label]
    suspected: Bools = ~multi_hot[rows, best] & (relative_best >= odds * relative_label)
    return suspected


def song_weights(suspected: Bools, labels: Ints, sources: Ints) -> Array:
    """[songs] weight of each song in a fit: 1 unless its label [songs] looks wrong, then by its source [songs].

    A genre half of whose songs look wrong is one that the model cannot tell apart, not one that everybody mislabelled:
    its songs keep their weight.
    """
    trust = np.ones(max(LabelSource) + 1, dtype=np.float32)
    trust[list(TRUST)] = list(TRUST.values())
    suspected_rates = np.bincount(labels, weights=suspected) / np.maximum(np.bincount(labels), 1)
    believed = suspected & (suspected_rates[labels] <= MAX_SUSPECTED_SHARE)
    return np.where(believed, trust[sources], np.float32(1)).astype(np.float32)


def handling_hurts(right_with: Bools, right_without: Bools, groups: Ints) -> bool:
    """Whether fewer songs [n] of validation artists [n] are right with the handling, as far as can be told (paired).

    Their own labels are partly wrong as well, which hides some of the gain: so a tie speaks for the handling.
    """
    difference = right_with.astype(np.float64) - right_without
    sums, sizes = per_group(difference, groups)
    error = np.sqrt(((sums - difference.mean() * sizes) ** 2).sum()) / len(difference)
    return bool(difference.mean() < -ERRORS_THAT_HURT * error)


@dataclass(frozen=True, kw_only=True)
class NoiseFigures:
    """What was done about labels that look wrong."""

    suspected_label_errors: int
    dropped_labels: int
    """Left out of the last fit."""
    down_weighted_labels: int
    accuracy_with: float
    accuracy_without: float
    """On validation artists, against the labels as they are."""
    label_noise_rate: float
    """Share of the tags that the calibration takes for wrong."""
    overconfidence_if_right: float = 0.0
    """Mean confidence minus the share that agrees with the tags: how far confidences are too high if tags are right."""


def noise_figures(
    suspected: Bools,
    weights: Array,
    accuracies: tuple[float, float],
    label_noise_rate: float,
    overconfidence_if_right: float,
) -> NoiseFigures:
    """Figures of suspected songs [n] and the weight of each song [n]; accuracies with the handling and without."""
    return NoiseFigures(
        suspected_label_errors=int(suspected.sum()),
        dropped_labels=int((weights == 0).sum()),
        down_weighted_labels=int(((weights > 0) & (weights < 1)).sum()),
        accuracy_with=accuracies[0],
        accuracy_without=accuracies[1],
        label_noise_rate=label_noise_rate,
        overconfidence_if_right=overconfidence_if_right,
    )
