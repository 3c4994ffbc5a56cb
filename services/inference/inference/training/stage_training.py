"""Learns the head of one stage from labelled songs and tells honestly how good it is."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inference.classify.probabilities import softmax
from inference.evaluation.calibration import calibration_figures
from inference.evaluation.coverage import coverage_curve
from inference.evaluation.metrics import held_out_figures, truths
from inference.evaluation.predictions import Judged
from inference.training.calibration_fit import Scaling, choose_scaling
from inference.training.cross_validation import Heard, fit_robustly, hear, sampled
from inference.training.dataset import LabelledSongs, LabelSource, Part, of_learned_genres
from inference.training.fitting import SMALL_LIBRARY_SONGS, Recipe, fit_head
from inference.training.head import Array, Head
from inference.training.label_weighting import handling_hurts, noise_figures
from inference.training.labels import SkippedGenre, learnable_genres
from inference.training.model_selection import Tried, best_of, judged, try_recipes
from inference.training.options import TrainingOptions
from inference.training.out_of_distribution import ood_threshold
from inference.training.splits import HELD_OUT, Split, grouped_folds, split_songs
from inference.training.stage_result import Chosen, OutOfFold, TrainedStage
from inference.training.suspected_labels import ODDS_TO_DROP, song_weights, suspect_labels
from inference.training.temperature import fit_temperature

Progress = Callable[[str, float], None]
Ints = NDArray[np.integer]

SMALL_LIBRARY_RUNS = 3
"""Out-of-fold runs of a small library are repeated with other splits and averaged, as one split is a lottery there."""
CHOICE_SONGS = 10_000
"""Recipes are compared on at most so many songs; more would cost minutes at every training."""
SCALING_FOLDS = 4
VALIDATION = 1
"""The fold on which a large library is calibrated before the test."""


def train_stage(
    songs: LabelledSongs, options: TrainingOptions, progress: Progress, split: Split | None = None
) -> TrainedStage:
    """Train, calibrate and evaluate one stage.

    1. Leave out genres with too few songs or artists, and set aside the test part, by whole artists.
    2. On folds of the rest choose the recipe, whether wrong labels are handled, and the calibration.
    3. Fit on the rest, look at the test part once.
    4. Hear every song out of fold, each fold's model made in just that way: predictions, suspect labels, the
       calibration that serves, the distance beyond which a song is unlike the training.
    5. Fit on all songs, those with suspect labels according to whose word they are.

    Several stages share a `split`; one that is trained alone makes its own. Raises TooFewSongsError, TooFewGenresError.
    """
    learnable = learnable_genres(
        songs.named, songs.groups, songs.genres, min_songs_per_genre=options.min_songs_per_genre
    )
    rows, part = of_learned_genres(songs, learnable.codes)
    split = (split or split_of(songs.labels, songs.groups, options)).only(rows)
    training = StageTraining(part=part, rows=rows, split=split, options=options, progress=progress)
    return training.run(tuple(songs.genres[code] for code in learnable.codes), learnable.skipped)


def split_of(labels: Ints, groups: Ints, options: TrainingOptions) -> Split:
    """Test part and folds of so many songs."""
    runs = SMALL_LIBRARY_RUNS if len(labels) <= SMALL_LIBRARY_SONGS else 1
    return split_songs(labels, groups, folds=options.folds, repeats=runs, seed=options.seed)


@dataclass(frozen=True, kw_only=True)
class Handling:
    """What handling wrong labels does on validation artists."""

    used: bool
    handled: Tried
    """The recipe with it, on the folds of the first run."""
    accuracies: tuple[float, float]
    """With it and without."""


@dataclass(frozen=True, kw_only=True)
class StageTraining:
    """The songs of one stage on their way to a head."""

    part: Part
    rows: NDArray[np.intp]
    """Where they are among the songs handed in."""
    split: Split
    options: TrainingOptions
    progress: Progress

    def run(self, genres: tuple[str, ...], skipped: tuple[SkippedGenre, ...]) -> TrainedStage:
        """All steps, in their order."""
        chosen = self.choose()
        self.progress("measure on artists that were not in training", 0.45)
        rest = self.part.only(~self.split.held_out)
        measured = self.fit(rest, chosen)
        test = self.look_once(measured, chosen.scaling)
        out_of_fold = self.conclude(self.hear_all(chosen, measured))
        self.progress("fit on all songs", 0.92)
        weights = self.weights(chosen, out_of_fold)
        head = fit_head(self.part, chosen.recipe, seed=self.options.seed, weights=weights, landmarks=True)
        heard = out_of_fold.judged
        chosen = replace(chosen, judged=self.looked_at(chosen.judged, out_of_fold))
        return TrainedStage(
            head=head.scaled(*out_of_fold.scaling.folded),
            measured=measured.scaled(*chosen.scaling.folded),
            genres=genres,
            chosen=chosen,
            test=self.looked_at(test, out_of_fold),
            held_out=held_out_figures(
                scores=test.probabilities,
                named=test.named,
                labels=test.labels,
                groups=test.groups,
                train_labels=rest.labels,
                genres=genres,
            ),
            noise=noise_figures(out_of_fold.suspects, weights, chosen.accuracies, out_of_fold.scaling.doubt),
            coverage=coverage_curve(heard.confidence, heard.right, heard.groups),
            out_of_fold=out_of_fold,
            skipped=skipped,
        )

    def choose(self) -> Chosen:
        """Recipe, handling of noise and calibration, on folds of what is not the test part."""
        rest = np.flatnonzero(~self.split.held_out)
        rows = sampled(rest, self.part.groups, CHOICE_SONGS, self.options.seed)
        sample, folds = self.part.only(rows), self.split.runs[0][rows]
        tried = try_recipes(
            sample, folds, seed=self.options.seed, progress=lambda step, done: self.progress(step, 0.3 * done)
        )
        plain = best_of(tried)
        self.progress("look for labels that are wrong", 0.3)
        handling = self.compare_handling(rows, plain)
        best = handling.handled if handling.used else plain
        recipe = plain.recipe.for_songs(len(rest))
        if len(rows) < len(rest):
            rows, best = self.validate(rest, recipe, handle_noise=handling.used)
        scaling, logits = calibrated(best.logits, self.part.only(rows))
        return Chosen(
            recipe=recipe,
            tried=tuple(tried),
            handle_noise=handling.used,
            accuracies=handling.accuracies,
            scaling=scaling,
            judged=self.judged(rows, softmax(logits)),
        )

    def compare_handling(self, rows: NDArray[np.intp], plain: Tried) -> Handling:
        """Whether handling wrong labels helps, on the folds of every run; these rows are of no test song."""
        sample = self.part.only(rows)
        handled, right = [], []
        for number, run in enumerate(self.split.runs):
            with_it, without = (
                # On the folds of the first run the recipe was tried without it already.
                plain.logits
                if number == 0 and not handle
                else self.hear_folds(sample, run[rows], plain.recipe, handle_noise=handle)
                for handle in (True, False)
            )
            both = [judged(plain.recipe, sample, logits) for logits in (with_it, without)]
            handled.append(both[0])
            right.append([right_of(each, sample) for each in both])
        right_with, right_without = np.concatenate(right, axis=1)
        groups = np.tile(sample.groups, len(right))
        return Handling(
            used=not handling_hurts(right_with, right_without, groups),
            handled=handled[0],
            accuracies=(float(right_with.mean()), float(right_without.mean())),
        )

    def validate(
        self, rest: NDArray[np.intp], recipe: Recipe, *, handle_noise: bool
    ) -> tuple[NDArray[np.intp], Tried]:
        """One fold of a large library, judged by a head of nearly as many songs as the one that will serve."""
        self.progress("calibrate on artists that were not in training", 0.38)
        part, folds = self.part.only(rest), self.split.runs[0][rest]
        own = folds == VALIDATION
        logits = self.hear_folds(part, folds, recipe, handle_noise=handle_noise, only=np.array([VALIDATION]))
        return rest[own], judged(recipe, part.only(own), logits[own])

    def hear_folds(
        self, part: Part, folds: Ints, recipe: Recipe, *, handle_noise: bool, only: Ints | None = None
    ) -> Array:
        """Logits of the songs of these folds (all where none are named)."""
        chosen = np.unique(folds) if only is None else only
        heard = hear(part, folds, recipe, seed=self.options.seed, handle_noise=handle_noise, only=chosen)
        return heard.logits

    def fit(self, part: Part, chosen: Chosen) -> Head:
        """A head of these songs, made as all are."""
        return fit_robustly(part, chosen.recipe, seed=self.options.seed, handle_noise=chosen.handle_noise)

    def look_once(self, measured: Head, scaling: Scaling) -> Judged:
        """The test part, as the head of the rest judges it."""
        rows = np.flatnonzero(self.split.held_out)
        return self.judged(rows, softmax(scaling.logits(measured.logits(self.part.vectors[rows]))))

    def judged(self, rows: NDArray[np.intp], probabilities: NDArray[np.float64]) -> Judged:
        """These rows of the part, as something judged them."""
        return Judged(
            rows=self.rows[rows],
            probabilities=probabilities,
            named=self.part.named[rows],
            labels=self.part.labels[rows],
            groups=self.part.groups[rows],
        )

    def hear_all(self, chosen: Chosen, measured: Head) -> list[Heard]:
        """Every song, by models that never heard its artist; run by run."""
        runs = []
        for run, folds in enumerate(self.split.runs):
            self.progress("predict every song out of fold", 0.5 + 0.42 * run / len(self.split.runs))
            # The test part has been judged by the head of all the rest, which is what this would make again.
            only = np.setdiff1d(folds, [HELD_OUT] if run == 0 else [])
            heard = hear(
                self.part,
                folds,
                chosen.recipe,
                seed=self.options.seed,
                handle_noise=chosen.handle_noise,
                only=only,
            )
            if run == 0:
                own = self.split.held_out
                heard.logits[own] = measured.logits(self.part.vectors[own])
                heard.distances[own] = measured.distances(self.part.vectors[own])
            runs.append(heard)
        return runs

    def conclude(self, runs: list[Heard]) -> OutOfFold:
        """Predictions, calibrated by songs that are not their own, and what they tell of labels and distances."""
        # Single runs are calibrated, not their mean: one model serves, and a mean of several is surer than that.
        logits = np.concatenate([run.logits for run in runs])
        many = np.tile(np.arange(len(self.rows)), len(runs))
        scaling, scaled = calibrated(logits, self.part, many)
        tags = self.part.sources[many] == LabelSource.TAG
        mean = scaled.reshape(len(runs), *runs[0].logits.shape).mean(axis=0)
        heard = self.judged(np.arange(len(self.rows)), softmax(mean))
        # The odds of suspicion were measured on what a temperature says that takes wrong tags for mistakes too.
        timid = softmax(mean, fit_temperature(logits, answers(logits, self.part, many)) / scaling.temperature)
        distances = np.concatenate([run.distances for run in runs])
        beyond = ood_threshold(distances)
        heard = replace(heard, strange=runs[0].distances > beyond)
        return OutOfFold(
            judged=heard,
            suspects=suspect_labels(timid, heard.named),
            wrong=suspect_labels(timid, heard.named, ODDS_TO_DROP),
            distances=runs[0].distances,
            accuracy=float(heard.right.mean()),
            scaling=scaling,
            calibration=calibration_figures(
                softmax(logits), scaling.agreement(softmax(scaled), tags), answers(scaled, self.part, many)
            ),
            ood_threshold=beyond,
            ood_rate=float(np.mean(distances > beyond)),
        )

    def looked_at(self, judged: Judged, out_of_fold: OutOfFold) -> Judged:
        """The same songs, with which of them are unlike the training."""
        distances = out_of_fold.distances[np.searchsorted(self.rows, judged.rows)]
        return replace(judged, strange=distances > out_of_fold.ood_threshold)

    def weights(self, chosen: Chosen, out_of_fold: OutOfFold) -> Array:
        """What each song counts in the last fit."""
        return song_weights(out_of_fold.wrong & chosen.handle_noise, self.part.labels, self.part.sources)


def calibrated(
    logits: NDArray[np.floating], part: Part, rows: NDArray[np.intp] | None = None
) -> tuple[Scaling, NDArray[np.float64]]:
    """The scaling of these logits of a part's songs (of `rows` of it), and the logits that others' scaling gives."""
    folds = grouped_folds(part.labels, part.groups, folds=SCALING_FOLDS, seed=0)
    songs = np.arange(len(folds)) if rows is None else rows
    doubtful = part.sources[songs] == LabelSource.TAG
    return choose_scaling(logits, answers(logits, part, songs), folds[songs], doubtful)


def answers(logits: NDArray[np.floating], part: Part, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """The genre that each of these songs counts for."""
    return truths(logits.argmax(axis=1), part.named[rows], part.labels[rows])


def right_of(tried: Tried, part: Part) -> NDArray[np.bool_]:
    """Which songs of a part are predicted rightly."""
    predicted = tried.logits.argmax(axis=1)
    right: NDArray[np.bool_] = truths(predicted, part.named, part.labels) == predicted
    return right
