"""Whether songs of rare genres should weigh more in a fit: libraries with a long tail, tested on other artists."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from inference.arrays import Array
from inference.classify.probabilities import softmax
from inference.evaluation.calibration import expected_calibration_error, negative_log_likelihood
from inference.evaluation.metrics import confusion_matrix, genre_figures, macro_f1, mean_recall
from inference.training.dataset import Dataset, LabelSource, single_label_dataset
from inference.training.fitting import (
    LOGISTIC,
    Recipe,
    ensemble_head,
    epochs,
    fit_head,
    prepared,
)
from inference.training.head import Head
from inference.training.model_selection import STRENGTHS, Candidate, best_candidate, early_stopping, scored
from inference.training.splits import grouped_folds
from inference.training.stage_training import calibrated
from inference.training.temperature_scaling import TEMPERATURE, fit_scaling

SEEDS = int(os.environ.get("BENCH_IMBALANCE_SEEDS", "5"))
GENRES, MOST, FEWEST = 16, 4000, 50
"""Songs of the genres fall from the one to the other by one factor a genre: 16,000 in all."""
SONGS_AN_ARTIST = 6
TIMES_THE_LIBRARY = 2
"""Size of the test library, with the same share of each genre."""
WIDTH, HIDDEN = 518, 40
SEPARATION, OF_ARTIST, OF_SONG, NOISE = 0.42, 0.8, 0.6, 0.3
POWERS = {"none": 0.0, "square root": 0.5, "balanced": 1.0}
"""A genre's weight is one by the number of its songs, to this power."""
FIGURES = ("accuracy", "macro F1", "balanced", "rare", "ECE", "loss")
RARE = 5
"""So many of the rarest genres have their recall shown too."""


@dataclass(frozen=True, kw_only=True)
class Library:
    """One that is learned from, and a larger one of other artists to test on."""

    own: Dataset
    test: Dataset


def main() -> None:
    """Print the figures of each weighting and kind of head, and their difference to none with its standard error."""
    print(f"{SEEDS} libraries; calibrated as a training does it, then by one temperature alone\n")
    found: dict[tuple[str, str, str], list[list[float]]] = {}
    for seed in range(SEEDS):
        library = long_tailed(seed)
        for weighting, power in POWERS.items():
            for kind, (head, own_logits, validation) in fitted(library.own, power, seed).items():
                for scaling, figures in figures_of_both(head, own_logits, validation, library.test).items():
                    found.setdefault((kind, scaling, weighting), []).append(figures)
        print(f"library {seed + 1} of {SEEDS} done", flush=True)
    print_figures(found)


def print_figures(found: dict[tuple[str, str, str], list[list[float]]]) -> None:
    """Means over the libraries."""
    print(f"\n{'head':22}{'calibration':14}{'weights':13}" + "".join(f"{name:>21}" for name in FIGURES))
    for (kind, scaling, weighting), figures in sorted(found.items(), key=lambda item: item[0][:2]):
        gains = np.asarray(figures) - np.asarray(found[kind, scaling, "none"])
        errors = gains.std(axis=0, ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else 0 * gains[0]
        columns = zip(np.mean(figures, axis=0), gains.mean(axis=0), errors, strict=True)
        texts = [
            f"{mean:.3f}" if weighting == "none" else f"{mean:.3f} {gain:+.3f}±{error:.3f}"
            for mean, gain, error in columns
        ]
        print(f"{kind:22}{scaling:14}{weighting:13}" + "".join(f"{text:>21}" for text in texts))


def long_tailed(seed: int) -> Library:
    """Genres, artists and songs as offsets in hidden dimensions, seen through many values of different sizes."""
    random = np.random.default_rng(seed)
    counts = np.geomspace(MOST, FEWEST, GENRES).round().astype(int)
    centres = SEPARATION * random.normal(size=(GENRES, HIDDEN))
    through = random.normal(size=(HIDDEN, WIDTH)) / np.sqrt(HIDDEN)
    sizes = np.exp(2 * random.normal(size=WIDTH))

    def part(times: int) -> Dataset:
        labels = np.repeat(np.arange(GENRES), counts * times)
        firsts = np.concatenate([np.arange(count * times) % SONGS_AN_ARTIST == 0 for count in counts])
        artists = np.cumsum(firsts) - 1
        offsets = OF_ARTIST * random.normal(size=(artists[-1] + 1, HIDDEN))
        places = centres[labels] + offsets[artists] + OF_SONG * random.normal(size=(len(labels), HIDDEN))
        vectors = (places @ through + NOISE * random.normal(size=(len(labels), WIDTH))) * sizes
        names = tuple(map(str, range(GENRES)))
        return single_label_dataset(vectors.astype(np.float32), labels, artists, names)

    return Library(own=part(1), test=part(TIMES_THE_LIBRARY))


def fitted(part: Dataset, power: float, seed: int) -> dict[str, tuple[Head, Array, Dataset]]:
    """Of both kinds the head that is likeliest on held-out artists of the library; what it says of these; and them."""
    own = grouped_folds(part.labels, part.groups, folds=5, seed=seed) == 0
    learned, validation = part.only(~own), part.only(own)
    weights = class_weights(learned.labels, power)
    candidates = [logistic(learned, validation, strength, weights, seed) for strength in STRENGTHS]
    regression = best_candidate(candidates)
    network = early_stopping(validation, network_logits(learned, validation, weights, seed))
    return {
        each.recipe.algorithm: (
            fit_head(learned, each.recipe, seed=seed, weights=weights), each.logits, validation
        )
        for each in (regression, network)
    }  # fmt: skip


def class_weights(labels: np.ndarray, power: float) -> Array:
    """What each song is said to count, so that with what every fit does about rare genres it counts 1 / songs**power.

    A fit divides by the square root of what its genre counts in all: of w * songs. So w is songs**(1 - 2 * power).
    """
    weights = np.bincount(labels, minlength=GENRES).astype(float)[labels] ** (1 - 2 * power)
    normalised: Array = (weights / weights.mean()).astype(np.float32)
    return normalised


def logistic(learned: Dataset, validation: Dataset, strength: float, weights: Array, seed: int) -> Candidate:
    recipe = Recipe(algorithm=LOGISTIC, strength=strength)
    head = fit_head(learned, recipe, seed=seed, weights=weights)
    return scored(recipe, validation, head.logits(validation.vectors))


def network_logits(learned: Dataset, validation: Dataset, weights: Array, seed: int) -> Iterator[Array]:
    """Logits of the perceptrons for the validation songs after each epoch."""
    songs = prepared(learned, weights)
    for ensemble in epochs(songs, seed):
        yield ensemble_head(songs, ensemble).logits(validation.vectors)


def figures_of_both(
    head: Head, own_logits: Array, validation: Dataset, part: Dataset
) -> dict[str, list[float]]:
    """`FIGURES` on the test library, for both ways of calibration."""
    logits = head.logits(part.vectors)
    scalings = {
        "of a training": calibrated(own_logits, validation)[0],
        "temperature": fit_scaling(
            own_logits, validation.labels, TEMPERATURE, validation.sources == LabelSource.TAG
        ),
    }
    return {name: figures_of(scaling.logits(logits), part) for name, scaling in scalings.items()}


def figures_of(logits: np.ndarray, part: Dataset) -> list[float]:
    predicted = logits.argmax(axis=1)
    of_genres = genre_figures(
        confusion_matrix(part.labels, predicted, GENRES), tuple(map(str, range(GENRES)))
    )
    return [
        float((predicted == part.labels).mean()),
        macro_f1(of_genres),
        mean_recall(of_genres),
        mean_recall(of_genres[-RARE:]),
        expected_calibration_error(softmax(logits), part.labels),
        negative_log_likelihood(logits, part.labels),
    ]
