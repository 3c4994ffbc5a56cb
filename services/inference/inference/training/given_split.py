"""How good our heads are on a split that somebody else has made: learned on one part, chosen on the second, judged on
the third.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.classify.probabilities import softmax
from inference.errors import TooFewGenresError, TooFewSongsError
from inference.evaluation.calibration import CalibrationFigures, calibration_figures
from inference.evaluation.coverage import CoveragePoint, coverage_curve
from inference.evaluation.metrics import HeldOutFigures, held_out_figures, truths
from inference.evaluation.predictions import Judged
from inference.training.calibration_fit import Scaling
from inference.training.cross_validation import fit_robustly
from inference.training.dataset import (
    LabelledSongs,
    LabelSource,
    Part,
    SplitPart,
    of_learned_genres,
)
from inference.training.fitting import LOGISTIC, PERCEPTRONS, Recipe, fit_head
from inference.training.head import Array, Head
from inference.training.label_weighting import handling_hurts
from inference.training.labels import FEWEST_GENRES
from inference.training.model_selection import (
    STRENGTHS,
    Tried,
    best_of,
    fold_epochs,
    judged,
    stop_early,
)
from inference.training.stage_training import calibrated, right_of

Progress = Callable[[str, float], None]


@dataclass(frozen=True, kw_only=True)
class Examined:
    """What came of it."""

    recipe: Recipe
    tried: tuple[Tried, ...]
    handle_noise: bool
    scaling: Scaling
    genres: tuple[str, ...]
    held_out: HeldOutFigures
    calibration: CalibrationFigures
    coverage: tuple[CoveragePoint, ...]
    """All of the test part."""


def examine(songs: LabelledSongs, parts: NDArray[np.int8], *, seed: int, progress: Progress) -> Examined:
    """Learn from a split as it is; parts : [songs] a SplitPart.

    1. Fit every recipe on the training part and judge it on the validation part: that chooses the recipe, whether
       wrong labels lose their weight, and the calibration.
    2. Judge the test part once, by the head of the training part. Validation songs are not learned from, as in the
       figures that others have published for such splits.

    A genre without a training song stays among the genres: its test songs count, and are wrong.
    Raises TooFewSongsError, TooFewGenresError.
    """
    training, validation, test = parts_of(songs, parts)
    tried = try_all(training, validation, seed=seed, progress=progress)
    progress("look for labels that are wrong", 0.75)
    head, chosen, handle_noise = handled(training, validation, best_of(tried), seed=seed)
    scaling, _ = calibrated(chosen.logits, validation)
    progress("judge the test part", 0.95)
    genres, logits = songs.genres, head.logits(test.vectors)
    result = judged_test(test, softmax(scaling.logits(logits)))
    answers = truths(result.probabilities.argmax(axis=1), test.named, test.labels)
    return Examined(
        recipe=chosen.recipe,
        tried=tuple(tried),
        handle_noise=handle_noise,
        scaling=scaling,
        genres=genres,
        held_out=held_out_figures(
            scores=result.probabilities,
            named=test.named,
            labels=test.labels,
            groups=test.groups,
            train_labels=training.labels,
            genres=genres,
        ),
        calibration=calibration_figures(
            softmax(logits), scaling.agreement(result.probabilities, test.sources == LabelSource.TAG), answers
        ),
        coverage=coverage_curve(result.confidence, result.right, test.groups),
    )


def parts_of(songs: LabelledSongs, parts: NDArray[np.int8]) -> tuple[Part, Part, Part]:
    """Training, validation and test part, each with songs of all genres as its columns."""
    _, everything = of_learned_genres(songs, range(len(songs.genres)))
    training, validation, test = (everything.only(parts == part) for part in SplitPart)
    for name, part in zip(SplitPart, (training, validation, test), strict=True):
        if not len(part.labels):
            raise TooFewSongsError(f"the {name.name.lower()} part of the split has no songs")
    if len(np.unique(training.labels)) < FEWEST_GENRES:
        raise TooFewGenresError(f"the training part has songs of fewer than {FEWEST_GENRES} genres")
    return training, validation, test


def try_all(training: Part, validation: Part, *, seed: int, progress: Progress) -> list[Tried]:
    """Every recipe, fitted on the one part and judged on the other."""
    tried = []
    for done, strength in enumerate(STRENGTHS):
        recipe = Recipe(algorithm=LOGISTIC, strength=strength)
        progress(f"try {recipe}", 0.5 * done / len(STRENGTHS))
        logits = fit_head(training, recipe, seed=seed).logits(validation.vectors)
        tried.append(judged(recipe, validation, logits))
    progress(f"try {PERCEPTRONS}", 0.5)
    epochs = perceptron_epochs(training, validation, seed)
    tried.append(stop_early(validation, best_of(tried).recipe.strength, epochs))
    return tried


def perceptron_epochs(training: Part, validation: Part, seed: int) -> Iterator[Array]:
    """Logits of the validation part after each epoch on the training part."""
    both = Part(
        vectors=np.concatenate([training.vectors, validation.vectors]),
        named=np.concatenate([training.named, validation.named]),
        labels=np.concatenate([training.labels, validation.labels]),
        sources=np.concatenate([training.sources, validation.sources]),
        groups=np.concatenate([training.groups, validation.groups]),
    )
    return fold_epochs(both, np.arange(len(both.labels)) >= len(training.labels), seed)


def handled(training: Part, validation: Part, plain: Tried, *, seed: int) -> tuple[Head, Tried, bool]:
    """The head of the recipe with wrong labels handled, or without where that hurts; what it says, and which it is."""
    head = fit_robustly(training, plain.recipe, seed=seed, handle_noise=True)
    tried = judged(plain.recipe, validation, head.logits(validation.vectors))
    if handling_hurts(right_of(tried, validation), right_of(plain, validation), validation.groups):
        return fit_head(training, plain.recipe, seed=seed), plain, False
    return head, tried, True


def judged_test(test: Part, probabilities: NDArray[np.float64]) -> Judged:
    """The test part with what the head says of it."""
    return Judged(
        rows=np.arange(len(test.labels)),
        probabilities=probabilities,
        named=test.named,
        labels=test.labels,
        groups=test.groups,
    )
