"""Learns the head of one stage from labelled songs and tells honestly how good it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.calibration import negative_log_likelihood, softmax
from inference.evaluation import HeldOutFigures, accuracy, held_out_figures
from inference.fitting import fit_head
from inference.genres import SkippedGenre, learnable_genres
from inference.head import Array, Head
from inference.options import TrainingOptions
from inference.splitting import grouped_folds
from inference.suspects import suspect_labels
from inference.temperature import fit_temperature

Ints = NDArray[np.integer]
Progress = Callable[[str, float], None]

ALGORITHM = "logistic-regression"
STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1)
"""Values of scikit-learn's C that are tried; the vectors are wide and correlated, so all are strict."""
STRENGTH_FOLDS = 4
STRENGTH_SONGS = 20_000
"""The strength is chosen on at most so many songs; more do not change the choice and cost minutes."""
SMALL_LIBRARY_SONGS = 5_000
SMALL_LIBRARY_REPEATS = 3
"""Out-of-fold runs of a small library are repeated with other splits and averaged, as one split is a lottery there."""


@dataclass(frozen=True, kw_only=True)
class LabelledSongs:
    """The songs of one stage; all arrays have one row a song."""

    vectors: Array
    """[songs, n] joined vectors, float32, finite."""
    labels: Ints
    """[songs] index into `genres`."""
    groups: Ints
    """[songs] artist; songs of one are never on both sides of a split."""
    genres: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class OutOfFold:
    """What models that never heard a song's artist say of it."""

    rows: NDArray[np.intp]
    """[m] index of the song among those handed in; songs of skipped genres have none."""
    probabilities: NDArray[np.float64]
    """[m, genres], calibrated."""
    suspects: NDArray[np.bool_]
    """[m] the label looks wrong."""
    accuracy: float
    """Against the labels."""


@dataclass(frozen=True, kw_only=True)
class TrainedStage:
    """A head and its report."""

    head: Head
    """Trained on all songs of the learned genres."""
    genres: tuple[str, ...]
    """In the order of the head's outputs."""
    temperature: float
    strength: float
    """scikit-learn's C, chosen on validation."""
    held_out: HeldOutFigures
    out_of_fold: OutOfFold
    skipped: tuple[SkippedGenre, ...]


def train_stage(songs: LabelledSongs, options: TrainingOptions, progress: Progress) -> TrainedStage:
    """Train, calibrate and evaluate one stage.

    1. Leave out genres with too few songs or artists.
    2. Set aside the test part: one fold of artists, touched once, at the end of step 4.
    3. On the rest choose the strength by cross-validation over artists, and a temperature from the same logits.
    4. Fit on the rest, measure on the test part.
    5. Out-of-fold runs over all songs: predictions of every song, the temperature that serves, suspect labels.
    6. Fit on all songs.

    Raises TooFewSongsError, TooFewGenresError.
    """
    learnable = learnable_genres(
        songs.labels, songs.groups, songs.genres, min_songs_per_genre=options.min_songs_per_genre
    )
    rows, labels = relabelled(songs.labels, learnable.codes)
    part = Part(vectors=songs.vectors[rows], labels=labels, groups=songs.groups[rows])
    genres = tuple(songs.genres[code] for code in learnable.codes)
    test = grouped_folds(part.labels, part.groups, folds=options.folds, seed=options.seed) == 0
    strength, temperature = choose_strength(part.only(~test), len(genres), options, progress)
    progress("measure on artists that were not in training", 0.4)
    held_out = measure(part, test, strength=strength, temperature=temperature, genres=genres)
    out_of_fold, temperature = hear_out_of_fold(part, rows, strength, len(genres), options, progress)
    progress("fit on all songs", 0.9)
    head = fit_head(part.vectors, part.labels, genre_count=len(genres), strength=strength)
    return TrainedStage(
        head=head,
        genres=genres,
        temperature=temperature,
        strength=strength,
        held_out=held_out,
        out_of_fold=out_of_fold,
        skipped=learnable.skipped,
    )


@dataclass(frozen=True, kw_only=True)
class Part:
    """Songs of learned genres only."""

    vectors: Array
    labels: NDArray[np.intp]
    """[songs] index of the head's output."""
    groups: Ints

    def only(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> "Part":
        """The songs of these rows."""
        return Part(vectors=self.vectors[rows], labels=self.labels[rows], groups=self.groups[rows])


def relabelled(labels: Ints, codes: Sequence[int]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows whose label is among the codes, and their labels as positions among the codes."""
    position = np.full(max(int(labels.max()), *codes) + 1, -1, dtype=np.intp)
    position[list(codes)] = np.arange(len(codes))
    found = position[labels]
    rows = np.flatnonzero(found >= 0)
    return rows, found[rows]


def choose_strength(
    part: Part, genre_count: int, options: TrainingOptions, progress: Progress
) -> tuple[float, float]:
    """The strength whose calibrated out-of-fold logits are likeliest, and their temperature."""
    sample = part.only(sampled_groups(part.groups, STRENGTH_SONGS, options.seed))
    folds = grouped_folds(sample.labels, sample.groups, folds=STRENGTH_FOLDS, seed=options.seed + 1)
    best = (np.inf, STRENGTHS[0], 1.0)
    for tried, strength in enumerate(STRENGTHS):
        progress(f"choose the strength: {strength:g}", 0.4 * tried / len(STRENGTHS))
        logits = out_of_fold_logits(sample, folds, genre_count, strength)
        temperature = fit_temperature(logits, sample.labels)
        likelihood = negative_log_likelihood(logits, sample.labels, temperature)
        best = min(best, (likelihood, strength, temperature))
    return best[1], best[2]


def sampled_groups(groups: Ints, limit: int, seed: int) -> NDArray[np.bool_]:
    """Rows of whole groups drawn at random until the limit; all rows when they are not more."""
    if len(groups) <= limit:
        return np.ones(len(groups), dtype=np.bool_)
    names, group_of, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    drawn = np.random.default_rng(seed).permutation(len(names))
    kept = np.zeros(len(names), dtype=np.bool_)
    kept[drawn[np.cumsum(sizes[drawn]) <= limit]] = True
    return kept[group_of]


def out_of_fold_logits(part: Part, folds: Ints, genre_count: int, strength: float) -> Array:
    """Logits [songs, genres], each fold's by a head fitted on the other folds."""
    logits = np.zeros((len(folds), genre_count), dtype=np.float32)
    for fold in np.unique(folds):
        rest = part.only(folds != fold)
        head = fit_head(rest.vectors, rest.labels, genre_count=genre_count, strength=strength)
        logits[folds == fold] = head.logits(part.vectors[folds == fold])
    return logits


def measure(
    part: Part, test: NDArray[np.bool_], *, strength: float, temperature: float, genres: Sequence[str]
) -> HeldOutFigures:
    """Fit on what is not test, look at the test part once."""
    train = part.only(~test)
    head = fit_head(train.vectors, train.labels, genre_count=len(genres), strength=strength)
    return held_out_figures(
        logits=head.logits(part.vectors[test]),
        labels=part.labels[test],
        train_labels=train.labels,
        temperature=temperature,
        genres=genres,
    )


def hear_out_of_fold(
    part: Part,
    rows: NDArray[np.intp],
    strength: float,
    genre_count: int,
    options: TrainingOptions,
    progress: Progress,
) -> tuple[OutOfFold, float]:
    """Predictions for every song by models that never heard its artist, and the temperature that fits them."""
    repeats = SMALL_LIBRARY_REPEATS if len(rows) <= SMALL_LIBRARY_SONGS else 1
    runs = []
    for repeat in range(repeats):
        progress("predict every song out of fold", 0.45 + 0.45 * repeat / repeats)
        folds = grouped_folds(
            part.labels, part.groups, folds=options.folds, seed=options.seed + 101 * (repeat + 1)
        )
        runs.append(out_of_fold_logits(part, folds, genre_count, strength))
    # Of single runs, not of their mean: one model serves, and a mean of several is surer than that.
    temperature = fit_temperature(np.concatenate(runs), np.tile(part.labels, repeats))
    logits = np.mean(runs, axis=0)
    probabilities = softmax(logits, temperature)
    out_of_fold = OutOfFold(
        rows=rows,
        probabilities=probabilities,
        suspects=suspect_labels(probabilities, part.labels),
        accuracy=accuracy(logits.argmax(axis=1), part.labels),
    )
    return out_of_fold, temperature
