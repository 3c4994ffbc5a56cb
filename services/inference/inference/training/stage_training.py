"""Trains the head of one stage on labelled songs, and measures on held-out artists how good it is."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Array, Bools, Floats, Ints
from inference.classify.probabilities import softmax
from inference.evaluation.calibration import calibration_figures
from inference.evaluation.coverage import coverage_of
from inference.evaluation.metrics import effective_labels, held_out_figures
from inference.evaluation.predictions import Predictions
from inference.training.cross_validation import OofScores, fit_noise_robust, predict_oof, sampled
from inference.training.dataset import Dataset, LabelSource
from inference.training.fitting import SMALL_LIBRARY_SONGS, Recipe, fit_head
from inference.training.head import Head
from inference.training.label_noise import (
    ODDS_TO_DROP,
    find_label_errors,
    handling_hurts,
    noise_figures,
    song_weights,
)
from inference.training.labels import SkippedGenre, trainable_genres
from inference.training.model_selection import (
    Candidate,
    ReportProgress,
    evaluate_candidates,
    scored,
    simplest_candidate,
)
from inference.training.options import TrainingOptions
from inference.training.out_of_distribution import ood_threshold_of
from inference.training.parallel_fits import parallel_map
from inference.training.splits import HELD_OUT, Split, grouped_folds, split_songs
from inference.training.stage_result import OofSummary, Selection, TrainedStage
from inference.training.temperature_scaling import Scaling, choose_scaling, fit_temperature

SMALL_LIBRARY_RUNS = 3
"""Out-of-fold runs of a small library are repeated with other splits and averaged, as one split is a lottery there."""
SELECTION_SONGS = 10_000
"""Recipes are compared on at most so many songs; more would cost minutes at every training."""
SCALING_FOLDS = 4
VALIDATION = 1
"""The fold on which a large library is calibrated before the test."""


def train_stage(
    songs: Dataset, options: TrainingOptions, report: ReportProgress, split: Split | None = None
) -> TrainedStage:
    """Train, calibrate and evaluate one stage.

    1. Leave out genres with too few songs or artists, and set aside the test part, by whole artists.
    2. On folds of the rest choose the recipe, whether wrong labels are handled, and the calibration.
    3. Fit on the rest, and evaluate on the test part once.
    4. Predict every song out of fold, with each fold's model fitted in just that way: this gives suspected label
    errors,
       the calibration that serves, and the distance beyond which a song is out of distribution.
    5. Fit on all songs, those with suspected label errors weighted by whose word the label is.

    Several stages share a `split`; one that is trained alone makes its own. Raises TooFewSongsError, TooFewGenresError.
    """
    trainable = trainable_genres(
        songs.multi_hot, songs.groups, songs.genres, min_songs_per_genre=options.min_songs_per_genre
    )
    rows, learned = songs.of_genres(trainable.codes)
    split = (split or split_of(songs.labels, songs.groups, options)).only(rows)
    return StageTraining(songs=learned, rows=rows, split=split, options=options, report=report).run(
        trainable.skipped
    )


def split_of(labels: Ints, groups: Ints, options: TrainingOptions) -> Split:
    """Test part and folds of so many songs."""
    runs = SMALL_LIBRARY_RUNS if len(labels) <= SMALL_LIBRARY_SONGS else 1
    return split_songs(labels, groups, folds=options.folds, repeats=runs, seed=options.seed)


@dataclass(frozen=True, kw_only=True)
class NoiseHandling:
    """What handling wrong labels does on validation artists."""

    used: bool
    candidate: Candidate
    """The recipe with it, on the folds of the first run."""
    accuracies: tuple[float, float]
    """With it and without."""


@dataclass(frozen=True, kw_only=True)
class StageTraining:
    """The songs of one stage on their way to a head."""

    songs: Dataset
    """Of learnable genres only."""
    rows: NDArray[np.intp]
    """Where they are among the songs handed in."""
    split: Split
    options: TrainingOptions
    report: ReportProgress

    def run(self, skipped: tuple[SkippedGenre, ...]) -> TrainedStage:
        """All steps, in their order."""
        selection, held_out_head = self.select()
        test = self.evaluate_test(held_out_head, selection.scaling)
        runs = self.predict_oof(selection, held_out_head)
        out_of_fold = self.summarise_oof(runs)
        self.report("fit on all songs", 0.92)
        weights = self.weights(selection, out_of_fold)
        head = fit_head(
            self.songs, selection.recipe, seed=self.options.seed, weights=weights, with_ood_distance=True
        )
        predictions = out_of_fold.predictions
        return TrainedStage(
            recipe=selection.recipe,
            candidates=selection.candidates,
            handle_noise=selection.handle_noise,
            scaling=out_of_fold.scaling,
            genres=self.songs.genres,
            held_out=held_out_figures(
                scores=test.probabilities,
                multi_hot=test.multi_hot,
                labels=test.labels,
                groups=test.groups,
                train_labels=self.songs.labels[~self.split.held_out],
                genres=self.songs.genres,
            ),
            calibration=out_of_fold.calibration,
            coverage=coverage_of(predictions.scored),
            head=head.scaled(*out_of_fold.scaling.folded),
            held_out_head=held_out_head.scaled(selection.scaling.scale, selection.scaling.bias),
            folds=self.split.runs[0],
            fold_heads={
                fold: each.scaled(*out_of_fold.scaling.folded) for fold, each in runs[0].heads.items()
            },
            validation=self.mark_ood(selection.predictions, out_of_fold),
            test=self.mark_ood(test, out_of_fold),
            noise=noise_figures(
                out_of_fold.suspected_label_errors,
                weights,
                selection.accuracies,
                out_of_fold.scaling.label_noise_rate,
                self.overconfidence_if_right(predictions),
            ),
            out_of_fold=out_of_fold,
            skipped=skipped,
        )

    def overconfidence_if_right(self, predictions: Predictions) -> float:
        """How far confidences are too high if every tag is right; data alone cannot tell whether they are."""
        tagged = self.songs.sources == LabelSource.TAG
        beyond = predictions.confidence - predictions.right
        return float(beyond[tagged].mean()) if tagged.any() else 0.0

    def select(self) -> tuple[Selection, Head]:
        """Recipe, handling of noise and calibration, on folds of what is not the test part; and the head of it all."""
        rest = np.flatnonzero(~self.split.held_out)
        rows = sampled(rest, self.songs.groups, SELECTION_SONGS, self.options.seed)
        sample, runs = self.songs.only(rows), [run[rows] for run in self.split.runs]
        candidates = evaluate_candidates(
            sample, runs, seed=self.options.seed, report=lambda step, done: self.report(step, 0.3 * done)
        )
        plain = simplest_candidate(candidates, sample.groups)
        self.report("look for labels that are wrong", 0.3)
        handling = self.compare_handling(rows, plain)
        best = handling.candidate if handling.used else plain
        recipe = plain.recipe.for_songs(len(rest))
        self.report("measure on artists that were not in training", 0.38)
        if len(rows) < len(rest):
            head, (rows, best) = self.fit_and_validate(recipe, handle_noise=handling.used)
        else:
            head = self.fit(~self.split.held_out, recipe, handle_noise=handling.used)
        scaling, logits = calibrated(best.logits, self.songs.only(rows))
        selection = Selection(
            recipe=recipe,
            candidates=tuple(candidates),
            handle_noise=handling.used,
            accuracies=handling.accuracies,
            scaling=scaling,
            predictions=self.predictions(rows, softmax(logits)),
        )
        return selection, head

    def compare_handling(self, rows: NDArray[np.intp], plain: Candidate) -> NoiseHandling:
        """Whether handling wrong labels helps, on the folds of every run; these rows are of no test song."""
        sample = self.songs.only(rows)
        handled, right = [], []
        for number, run in enumerate(self.split.runs):
            with_it, without = (
                # On the folds of the first run the recipe was evaluated without it already.
                plain.logits
                if number == 0 and not handle
                else self.predict_folds(sample, run[rows], plain.recipe, handle_noise=handle)
                for handle in (True, False)
            )
            both = [scored(plain.recipe, sample, logits) for logits in (with_it, without)]
            handled.append(both[0])
            right.append([each.right for each in both])
        right_with, right_without = np.concatenate(right, axis=1)
        groups = np.tile(sample.groups, len(right))
        return NoiseHandling(
            used=not handling_hurts(right_with, right_without, groups),
            candidate=handled[0],
            accuracies=(float(right_with.mean()), float(right_without.mean())),
        )

    def fit_and_validate(
        self, recipe: Recipe, *, handle_noise: bool
    ) -> tuple[Head, tuple[NDArray[np.intp], Candidate]]:
        """The head of all but the test part of a large library; beside it one fold of that, predicted by a head of
        the others, which has nearly as many songs as the one that will serve.
        """
        rest, own = ~self.split.held_out, self.split.runs[0] == VALIDATION
        head, of_others = parallel_map(
            lambda among: self.fit(among, recipe, handle_noise=handle_noise),
            [rest, rest & ~own],
            bytes_each=self.songs.vectors.nbytes,
        )
        validation = self.songs.only(own)
        return head, (np.flatnonzero(own), scored(recipe, validation, of_others.logits(validation.vectors)))

    def predict_folds(self, songs: Dataset, folds: Ints, recipe: Recipe, *, handle_noise: bool) -> Array:
        """Logits of the songs of all folds."""
        seed, only = self.options.seed, np.unique(folds)
        return predict_oof(songs, folds, recipe, seed=seed, handle_noise=handle_noise, only=only).logits

    def fit(self, among: Bools, recipe: Recipe, *, handle_noise: bool) -> Head:
        """A head of so many of the songs, fitted as all are."""
        return fit_noise_robust(
            self.songs, recipe, seed=self.options.seed, handle_noise=handle_noise, among=among
        )

    def evaluate_test(self, head: Head, scaling: Scaling) -> Predictions:
        """The predictions of the head of the rest on the test part."""
        rows = np.flatnonzero(self.split.held_out)
        return self.predictions(rows, softmax(scaling.logits(head.logits(self.songs.vectors[rows]))))

    def predictions(self, rows: NDArray[np.intp], probabilities: NDArray[np.float64]) -> Predictions:
        """Predictions on these rows of the songs; none is out of distribution until `mark_ood`."""
        return Predictions(
            rows=self.rows[rows],
            probabilities=probabilities,
            multi_hot=self.songs.multi_hot[rows],
            labels=self.songs.labels[rows],
            groups=self.songs.groups[rows],
            is_ood=np.zeros(len(rows), dtype=np.bool_),
        )

    def predict_oof(self, selection: Selection, held_out_head: Head) -> list[OofScores]:
        """Scores of every song out of fold, run by run."""
        runs = []
        for run, folds in enumerate(self.split.runs):
            self.report("predict every song out of fold", 0.5 + 0.42 * run / len(self.split.runs))
            # The head of all the rest has the scores of the test part already: it is what this would fit again.
            only = np.setdiff1d(folds, [HELD_OUT] if run == 0 else [])
            scores = predict_oof(
                self.songs,
                folds,
                selection.recipe,
                seed=self.options.seed,
                handle_noise=selection.handle_noise,
                only=only,
            )
            if run == 0:
                own = self.split.held_out
                scores.logits[own] = held_out_head.logits(self.songs.vectors[own])
                scores.distances[own] = held_out_head.distances(self.songs.vectors[own])
                scores = replace(scores, heads={HELD_OUT: held_out_head, **scores.heads})
            runs.append(scores)
        return runs

    def summarise_oof(self, runs: list[OofScores]) -> OofSummary:
        """Predictions, calibrated by songs that are not their own, and what they tell of labels and distances."""
        # Single runs are calibrated, not their mean: one model serves, and a mean of several is surer than that.
        logits = np.concatenate([run.logits for run in runs])
        many = np.tile(np.arange(len(self.rows)), len(runs))
        scaling, scaled = calibrated(logits, self.songs, many)
        tags = self.songs.sources[many] == LabelSource.TAG
        mean = scaled.reshape(len(runs), *runs[0].logits.shape).mean(axis=0)
        # The odds of suspicion were measured on what a temperature gives that takes wrong tags for mistakes too.
        timid = softmax(
            mean, fit_temperature(logits, answers(logits, self.songs, many)) / scaling.temperature
        )
        distances = np.concatenate([run.distances for run in runs])
        threshold = ood_threshold_of(distances)
        predictions = replace(
            self.predictions(np.arange(len(self.rows)), softmax(mean)), is_ood=runs[0].distances > threshold
        )
        return OofSummary(
            predictions=predictions,
            suspected_label_errors=find_label_errors(timid, predictions.multi_hot),
            dropped_labels=find_label_errors(timid, predictions.multi_hot, ODDS_TO_DROP),
            distances=runs[0].distances,
            accuracy=float(predictions.right.mean()),
            scaling=scaling,
            calibration=calibration_figures(
                softmax(logits),
                scaling.label_probabilities(softmax(scaled), tags),
                answers(scaled, self.songs, many),
            ),
            ood_threshold=threshold,
            ood_rate=float(np.mean(distances > threshold)),
        )

    def mark_ood(self, predictions: Predictions, out_of_fold: OofSummary) -> Predictions:
        """The same predictions, with which of the songs are out of distribution."""
        distances = out_of_fold.distances[np.searchsorted(self.rows, predictions.rows)]
        return replace(predictions, is_ood=distances > out_of_fold.ood_threshold)

    def weights(self, selection: Selection, out_of_fold: OofSummary) -> Array:
        """[songs] weight of each song in the last fit."""
        suspected = out_of_fold.dropped_labels & selection.handle_noise
        return song_weights(suspected, self.songs.labels, self.songs.sources)


def calibrated(
    logits: Floats, songs: Dataset, rows: NDArray[np.intp] | None = None
) -> tuple[Scaling, NDArray[np.float64]]:
    """The scaling of these logits (of `rows` of the songs), and the logits that the scaling of the others gives."""
    folds = grouped_folds(songs.labels, songs.groups, folds=SCALING_FOLDS, seed=0)
    rows = np.arange(len(folds)) if rows is None else rows
    may_be_mislabelled = songs.sources[rows] == LabelSource.TAG
    return choose_scaling(logits, answers(logits, songs, rows), folds[rows], may_be_mislabelled)


def answers(logits: Floats, songs: Dataset, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """The genre that each of these songs counts for."""
    return effective_labels(logits.argmax(axis=1), songs.multi_hot[rows], songs.labels[rows])
