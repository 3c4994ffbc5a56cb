"""Which labels look wrong, judged by models that never heard the song's artist, and how much they then count."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from inference.training.dataset import LabelSource
from inference.training.head import Array

Bools = NDArray[np.bool_]

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

MOST_DOUBTED = 0.5
"""Share of a genre's songs beyond which its labels are left alone."""


def suspect_labels(probabilities: NDArray[np.floating], named: Bools, odds: float = ODDS) -> Bools:
    """Songs [n] whose label is likely wrong, from out-of-fold probabilities and named genres, both [n, genres].

    Confident learning (Northcutt et al. 2021): each probability is measured against the mean self-confidence of its
    class, since a model may be timid about one genre and bold about another. The original asks the other genre to
    exceed that mean; of ten songs a genre this misses a third of the wrong labels, whose own probability is
    nevertheless tiny. So here the two relative probabilities are compared with each other. Of a label that names
    several genres the likeliest stands for it.
    """
    rows = np.arange(len(named))
    label = np.where(named, probabilities, -1).argmax(axis=1)
    self_confidence = probabilities[rows, label]
    songs = np.bincount(label, minlength=named.shape[1])
    sums = np.bincount(label, weights=self_confidence, minlength=named.shape[1])
    typical = np.maximum(sums / np.maximum(songs, 1), 1e-6)
    best = probabilities.argmax(axis=1)
    relative_best = probabilities[rows, best] / typical[best]
    relative_label = self_confidence / typical[label]
    suspect: Bools = ~named[rows, best] & (relative_best >= odds * relative_label)
    return suspect


def song_weights(suspects: Bools, labels: NDArray[np.integer], sources: NDArray[np.integer]) -> Array:
    """[songs] what each song counts in a fit: 1 unless its label [songs] looks wrong, for its source [songs].

    A genre half of whose songs look wrong is one that the model does not hear, not one that everybody mislabelled: its
    songs keep their weight.
    """
    trust = np.ones(max(LabelSource) + 1, dtype=np.float32)
    trust[list(TRUST)] = list(TRUST.values())
    doubted = np.bincount(labels, weights=suspects) / np.maximum(np.bincount(labels), 1)
    believed = suspects & (doubted[labels] <= MOST_DOUBTED)
    return np.where(believed, trust[sources], np.float32(1)).astype(np.float32)
