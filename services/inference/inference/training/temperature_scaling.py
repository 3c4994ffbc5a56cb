"""Temperature scaling, vector scaling, and the rate of wrong tags that is found together with them.

A tag that contradicts a confident model is either a mistake of the model or a wrong tag. A temperature alone takes all
of them for the first: with a tenth of wrong tags it makes nine right answers in ten look like seven. Wrong tags differ
from mistakes in that they fall on any genre, not on those that the model holds for nearly as likely; that tells the two
apart.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from inference.arrays import Bools, Floats, Ints
from inference.classify.probabilities import softmax
from inference.evaluation.calibration import negative_log_likelihood

MIN_TEMPERATURE, MAX_TEMPERATURE = 0.05, 20.0
MAX_NOISE_RATE = 0.5
PRIOR_STRENGTH = 10.0
"""Songs' worth of evidence that tags are right, before any is seen: a handful of songs convict nobody."""
INITIAL_NOISE_RATE = 0.02
"""Where the search begins; at 0 its slope says little."""
TEMPERATURE, VECTOR = "temperature", "vector"
PULL = 3.0
"""How strongly the values of vector scaling are drawn towards the temperature, in songs: few songs change little."""


def fit_temperature(logits: Floats, labels: Ints) -> float:
    """The temperature in [0.05, 20] of the least negative log-likelihood, for logits [n, genres] and labels [n].

    Temperature scaling (Guo et al. 2017, "On Calibration of Modern Neural Networks"), of songs that were not trained
    on. It changes no ranking, so accuracy stays.
    """
    found = minimize_scalar(
        lambda exponent: negative_log_likelihood(logits, labels, float(np.exp(exponent))),
        bounds=(np.log(MIN_TEMPERATURE), np.log(MAX_TEMPERATURE)),
        method="bounded",
    )
    return float(np.exp(found.x))


def fit_temperature_and_noise(
    logits: Floats, labels: Ints, may_be_mislabelled: Bools, noise_prior: NDArray[np.float64]
) -> tuple[float, float]:
    """The likeliest temperature, and label noise rate among the songs whose label may be wrong.

    logits [n, genres] of songs not trained on, their labels [n] and whether these may be wrong [n]; noise_prior
    [genres] probability that a wrong label names each genre. The label of song i has the probability (1 - rate) *
    softmax(logits / temperature)[label] + rate * noise_prior[label].
    """
    logits = np.asarray(logits, dtype=np.float64)
    rows, wrongly = np.arange(len(labels)), noise_prior[labels]

    def loss_and_gradient(point: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        inverse, rate = np.exp(-point[0]), point[1]
        relative = logits * inverse
        probabilities = softmax(relative)
        own = probabilities[rows, labels]
        rates = rate * may_be_mislabelled
        likelihood = (1 - rates) * own + rates * wrongly
        steeper = relative[rows, labels] - (probabilities * relative).sum(axis=1)
        by_temperature = ((1 - rates) * own * steeper / likelihood).mean()
        by_rate = -(may_be_mislabelled * (wrongly - own) / likelihood).mean() + PRIOR_STRENGTH / (
            1 - rate
        ) / len(labels)
        loss = -np.log(likelihood).mean() - PRIOR_STRENGTH * np.log(1 - rate) / len(labels)
        return float(loss), np.array([by_temperature, by_rate])

    found = minimize(
        loss_and_gradient,
        np.array([0.0, INITIAL_NOISE_RATE]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(np.log(MIN_TEMPERATURE), np.log(MAX_TEMPERATURE)), (0.0, MAX_NOISE_RATE)],
    )
    return float(np.exp(found.x[0])), float(found.x[1])


def noise_prior_of(labels: Ints, genres: int) -> NDArray[np.float64]:
    """[genres] how often a label names each; wrong ones are taken to name the same."""
    counts = np.bincount(labels, minlength=genres) + 1.0
    frequencies: NDArray[np.float64] = counts / counts.sum()
    return frequencies


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """What logits are multiplied by and what is added, a value a genre."""

    kind: str
    temperature: float
    scale: NDArray[np.float64]
    """[genres]"""
    bias: NDArray[np.float64]
    """[genres]"""
    label_noise_rate: float
    """Share of wrong labels among those that may be wrong."""
    noise_prior: NDArray[np.float64]
    """[genres] of a wrong label."""

    def logits(self, logits: Floats) -> NDArray[np.float64]:
        """Logits [n, genres] whose softmax is calibrated."""
        scaled: NDArray[np.float64] = np.asarray(logits, dtype=np.float64) * self.scale + self.bias
        return scaled

    def label_probabilities(
        self, probabilities: NDArray[np.float64], may_be_mislabelled: Bools
    ) -> NDArray[np.float64]:
        """[n, genres] how likely the label names each genre, with `probabilities` that the song is of it."""
        rates = (self.label_noise_rate * may_be_mislabelled)[:, np.newaxis]
        of_label: NDArray[np.float64] = (1 - rates) * probabilities + rates * self.noise_prior
        return of_label

    def loss(self, scaled: Floats, labels: Ints, may_be_mislabelled: Bools) -> float:
        """Mean of -log p(label) in nats, of calibrated logits [n, genres]."""
        of_label = self.label_probabilities(softmax(scaled), may_be_mislabelled)[
            np.arange(len(labels)), labels
        ]
        return float(-np.log(of_label).mean())

    @property
    def folded(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Scale and bias without the temperature, which serving applies."""
        return self.scale * self.temperature, self.bias * self.temperature


def fit_scaling(logits: Floats, labels: Ints, kind: str, may_be_mislabelled: Bools) -> Scaling:
    """Of logits [n, genres] of songs that were not trained on, by the likelihood of their labels [n].

    may_be_mislabelled : [n] a tag may, a person's word not.
    """
    genres = logits.shape[1]
    noise_prior = noise_prior_of(labels, genres)
    temperature, rate = fit_temperature_and_noise(logits, labels, may_be_mislabelled, noise_prior)
    scale, bias = np.full(genres, 1 / temperature), np.zeros(genres)
    if kind == VECTOR:
        right = 1 - rate * may_be_mislabelled.astype(np.float64)
        scale, bias = fit_vector(logits, labels, 1 / temperature, right, (1 - right) * noise_prior[labels])
    return Scaling(
        kind=kind,
        temperature=temperature,
        scale=scale,
        bias=bias,
        label_noise_rate=rate,
        noise_prior=noise_prior,
    )


def fit_vector(
    logits: Floats,
    labels: Ints,
    start: float,
    right: NDArray[np.float64],
    mislabelled: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A scale and a bias for each genre (vector scaling, Guo et al. 2017), near to the start where songs are few.

    right : [n] the probability that a label is right; mislabelled : [n] that it is wrong and names this genre.
    """
    n, genres = logits.shape
    relative = np.asarray(logits, dtype=np.float64) * start
    truth = np.arange(n), labels

    def loss_and_gradient(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scale, bias = flat[:genres], flat[genres:]
        error = softmax(relative * scale + bias)
        own = right * error[truth]
        likelihood = own + mislabelled
        error[truth] -= 1
        error *= (own / likelihood)[:, np.newaxis]
        away = np.concatenate([scale - 1, bias])
        gradient = np.concatenate([(error * relative).sum(axis=0), error.sum(axis=0)]) + PULL * away
        return float(-np.log(likelihood).sum() + PULL / 2 * (away**2).sum()) / n, gradient / n

    found = minimize(
        loss_and_gradient,
        np.concatenate([np.ones(genres), np.zeros(genres)]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.05, None)] * genres + [(None, None)] * genres,
    )
    return found.x[:genres] * start, found.x[genres:]


def choose_scaling(
    logits: Floats, labels: Ints, folds: Ints, may_be_mislabelled: Bools
) -> tuple[Scaling, NDArray[np.float64]]:
    """The kind that is likelier on folds [n] that it was not fitted on; and the logits so calibrated, fold by fold.

    Those logits tell of the calibration honestly: no song had a part in its own. The scaling is fitted on all.
    """
    fitted = {kind: fit_scaling(logits, labels, kind, may_be_mislabelled) for kind in (TEMPERATURE, VECTOR)}
    crossed = {kind: calibrate_by_folds(logits, labels, folds, kind, may_be_mislabelled) for kind in fitted}
    best = min(fitted, key=lambda kind: fitted[kind].loss(crossed[kind], labels, may_be_mislabelled))
    return fitted[best], crossed[best]


def calibrate_by_folds(
    logits: Floats, labels: Ints, folds: Ints, kind: str, may_be_mislabelled: Bools
) -> NDArray[np.float64]:
    """Calibrated logits, each fold's by a scaling that was fitted on the other folds."""
    calibrated = np.zeros(logits.shape)
    for fold in np.unique(folds):
        own = folds == fold
        others = ~own if (~own).any() else own
        scaling = fit_scaling(logits[others], labels[others], kind, may_be_mislabelled[others])
        calibrated[own] = scaling.logits(logits[own])
    return calibrated
