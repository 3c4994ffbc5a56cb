"""Evaluates our heads on a split that somebody else has made: trained on one part, selected on the second, tested on
the third.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Array
from inference.classify.probabilities import softmax
from inference.errors import TooFewGenresError, TooFewSongsError
from inference.evaluation.calibration import calibration_figures
from inference.evaluation.coverage import ScoredSongs, coverage_of
from inference.evaluation.metrics import effective_labels, held_out_figures
from inference.training.cross_validation import fit_noise_robust
from inference.training.dataset import Dataset, LabelSource, SplitPart
from inference.training.fitting import Recipe, fit_head, fit_heads
from inference.training.head import Head
from inference.training.label_noise import handling_hurts
from inference.training.labels import MIN_GENRES
from inference.training.model_selection import (
    Candidate,
    ReportProgress,
    evaluate_recipes,
    fold_epochs,
    scored,
    simplest_candidate,
)
from inference.training.stage_result import HeadResult
from inference.training.stage_training import calibrated


def evaluate_split(
    songs: Dataset, parts: NDArray[np.int8], *, seed: int, report: ReportProgress
) -> HeadResult:
    """Train and evaluate on a split as it is; parts : [songs] a SplitPart.

    1. Fit every recipe on the training part and score it on the validation part: that chooses the recipe, whether
       wrong labels lose their weight, and the calibration.
    2. Evaluate on the test part once, by the head of the training part. Validation songs are not learned from, as in
    the
       figures that others have published for such splits.

    A genre without a training song stays among the genres: its test songs count, and are wrong.
    Raises TooFewSongsError, TooFewGenresError.
    """
    training, validation, test = parts_of(songs, parts)
    candidates = evaluate_candidates(training, validation, seed=seed, report=report)
    report("look for labels that are wrong", 0.75)
    plain = simplest_candidate(candidates, validation.groups)
    head, selected, handle_noise = selected_head(training, validation, plain, seed=seed)
    scaling, _ = calibrated(selected.logits, validation)
    report("evaluate the test part", 0.95)
    logits = head.logits(test.vectors)
    probabilities = softmax(scaling.logits(logits))
    predicted = probabilities.argmax(axis=1)
    labels = effective_labels(predicted, test.multi_hot, test.labels)
    tags = test.sources == LabelSource.TAG
    return HeadResult(
        recipe=selected.recipe,
        candidates=tuple(candidates),
        handle_noise=handle_noise,
        scaling=scaling,
        genres=songs.genres,
        held_out=held_out_figures(
            scores=probabilities,
            multi_hot=test.multi_hot,
            labels=test.labels,
            groups=test.groups,
            train_labels=training.labels,
            genres=songs.genres,
        ),
        calibration=calibration_figures(
            softmax(logits), scaling.label_probabilities(probabilities, tags), labels
        ),
        coverage=coverage_of(
            ScoredSongs(
                confidence=probabilities.max(axis=1),
                right=labels == predicted,
                labels=test.labels,
                groups=test.groups,
            )
        ),
    )


def parts_of(songs: Dataset, parts: NDArray[np.int8]) -> tuple[Dataset, Dataset, Dataset]:
    """Training, validation and test part; raises TooFewSongsError, TooFewGenresError."""
    training, validation, test = (songs.only(parts == part) for part in SplitPart)
    for name, part in zip(SplitPart, (training, validation, test), strict=True):
        if not len(part.labels):
            raise TooFewSongsError(f"the {name.name.lower()} part of the split has no songs")
    if len(np.unique(training.labels)) < MIN_GENRES:
        raise TooFewGenresError(f"the training part has songs of fewer than {MIN_GENRES} genres")
    return training, validation, test


def evaluate_candidates(
    training: Dataset, validation: Dataset, *, seed: int, report: ReportProgress
) -> list[Candidate]:
    """Every recipe, fitted on the one part and scored on the other."""
    return evaluate_recipes(
        validation,
        lambda recipes: validation_logits(training, validation, recipes, seed),
        lambda: mlp_epochs(training, validation, seed),
        lambda step, done: report(step, 0.6 * done),
    )


def validation_logits(training: Dataset, validation: Dataset, recipes: Sequence[Recipe], seed: int) -> Array:
    """Logits [recipes, songs, genres] of the validation part by heads of the training part."""
    heads = fit_heads(training, recipes, seed=seed)
    return np.stack([head.logits(validation.vectors) for head in heads])


def mlp_epochs(training: Dataset, validation: Dataset, seed: int) -> Iterator[Array]:
    """Logits of the validation part after each epoch on the training part."""
    both = training.followed_by(validation)
    return fold_epochs(both, np.arange(len(both.labels)) >= len(training.labels), seed)


def selected_head(
    training: Dataset, validation: Dataset, plain: Candidate, *, seed: int
) -> tuple[Head, Candidate, bool]:
    """The head of the recipe with wrong labels handled, or without where that hurts; its scores, and which it is."""
    head = fit_noise_robust(training, plain.recipe, seed=seed, handle_noise=True)
    handled = scored(plain.recipe, validation, head.logits(validation.vectors))
    if handling_hurts(handled.right, plain.right, validation.groups):
        return fit_head(training, plain.recipe, seed=seed), plain, False
    return head, handled, True
