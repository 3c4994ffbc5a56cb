"""How many tags are wrong, found together with the temperature: wrong tags must not make a model timid.

A tag that contradicts a sure model is either a mistake of the model or a wrong tag. A temperature alone takes all of
them for the first: with a tenth of wrong tags it makes nine right answers in ten look like seven. Wrong tags differ
from mistakes in that they fall on any genre, not on those that the model holds for nearly as likely; that tells the
two apart.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from inference.classify.probabilities import softmax
from inference.evaluation.calibration import Floats, Ints
from inference.training.temperature import COLDEST, HOTTEST

Bools = NDArray[np.bool_]

MOST_DOUBT = 0.5
SCEPTICISM = 10.0
"""Songs' worth of evidence that tags are right, before any is seen: a handful of songs convict nobody."""
FIRST_DOUBT = 0.02
"""Where the search begins; at 0 its slope says little."""


def fit_with_doubt(
    logits: Floats, labels: Ints, doubtful: Bools, chances: NDArray[np.float64]
) -> tuple[float, float]:
    """The temperature, and the share of wrong labels among the songs whose label may be wrong, of most likelihood.

    logits [n, genres] of songs not trained on, their labels [n] and whether these may be wrong [n]; `chances` [genres]
    that a wrong label names each genre. The label of song i has the probability (1 - doubt) * softmax(logits /
    temperature)[label] + doubt * chances[label].
    """
    logits = np.asarray(logits, dtype=np.float64)
    rows, wrongly = np.arange(len(labels)), chances[labels]

    def loss_and_gradient(point: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        colder, doubt = np.exp(-point[0]), point[1]
        relative = logits * colder
        probabilities = softmax(relative)
        own = probabilities[rows, labels]
        doubts = doubt * doubtful
        likelihood = (1 - doubts) * own + doubts * wrongly
        steeper = relative[rows, labels] - (probabilities * relative).sum(axis=1)
        by_temperature = ((1 - doubts) * own * steeper / likelihood).mean()
        by_doubt = -(doubtful * (wrongly - own) / likelihood).mean() + SCEPTICISM / (1 - doubt) / len(labels)
        loss = -np.log(likelihood).mean() - SCEPTICISM * np.log(1 - doubt) / len(labels)
        return float(loss), np.array([by_temperature, by_doubt])

    found = minimize(
        loss_and_gradient,
        np.array([0.0, FIRST_DOUBT]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(np.log(COLDEST), np.log(HOTTEST)), (0.0, MOST_DOUBT)],
    )
    return float(np.exp(found.x[0])), float(found.x[1])


def chances_of(labels: Ints, genres: int) -> NDArray[np.float64]:
    """[genres] how often a label names each; wrong ones are taken to name the same."""
    counts = np.bincount(labels, minlength=genres) + 1.0
    shares: NDArray[np.float64] = counts / counts.sum()
    return shares
