"""Our heads against the best plain models of scikit-learn, on fresh songs of artists that nobody learned from."""

import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from inference.arrays import Array, Ints
from inference.training.dataset import Dataset, single_label_dataset
from inference.training.options import TrainingOptions
from inference.training.parallel_fits import worker_threads
from inference.training.splits import grouped_folds
from inference.training.stage_training import train_stage
from sklearn.base import ClassifierMixin
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from benchmarks.support.targets import at_most

SEEDS = int(os.environ.get("BENCH_SEEDS", "10"))
ONLY_SHAPES = os.environ.get("BENCH_SHAPES", "")
"""Names of shapes, with a semicolon in between; empty for all."""
THREADS = 2
FOLDS = 5
WIDTH, HIDDEN, NOISE = 518, 40, 0.3
OF_ARTIST, OF_SONG, ANISOTROPY = 1.0, 0.6, 0.4
"""Standard deviations of artists and songs; and of the logarithm of how much they differ by direction, as in real
vectors, where loudness varies within a genre more than a fine colour of the sound."""
TEST_ARTISTS, TEST_SONGS = 2000, 2
"""In all, and of each."""
DEGREES_OF_FREEDOM, TAIL_POWER = 3, 1.5
ON_THE_MEAN, IN_A_SHAPE = 1.0, 2.5
"""Points of accuracy that ours may be behind."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A kind of library; 16 genres of ten artists with four songs, if nothing else is said."""

    separation: float
    """Standard deviation of the genres' centres."""
    genres: int = 16
    islands: int = 1
    """Centres of a genre; each artist belongs to one of them."""
    artists: int = 10
    """Of a genre."""
    songs: int = 4
    """Of an artist."""
    giant: int = 0
    """Songs of the first artist, where they are more."""
    heavy_tails: bool = False


SHAPES = {
    "Gaussian, 16 x 40": Shape(separation=0.45),
    "16 x 12": Shape(separation=0.55, artists=4, songs=3),
    "four islands a genre": Shape(separation=0.9, genres=8, islands=4, artists=24),
    "a giant artist": Shape(separation=0.45, giant=200),
    "hard overlap": Shape(separation=0.3),
    "heavy tails": Shape(separation=0.45, heavy_tails=True),
}

GRIDS: dict[str, tuple[Callable[[], ClassifierMixin], ...]] = {
    "LR": tuple(
        lambda strength=strength: LogisticRegression(C=strength, max_iter=1000)
        for strength in (0.001, 0.01, 0.1, 1)
    ),
    "LDA": tuple(
        lambda shrinkage=shrinkage: LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage)
        for shrinkage in ("auto", 0.1, 0.3, 0.6, 0.9)
    ),
    "SVC": tuple(
        lambda strength=strength, gamma=gamma: SVC(C=strength, gamma=gamma / WIDTH)
        for strength in (1, 10)
        for gamma in (0.1, 0.3, 1, 3)
    ),
    "kNN": tuple(
        lambda count=count: KNeighborsClassifier(count, weights="distance") for count in (1, 5, 15, 30)
    ),
    "MLP": tuple(
        lambda decay=decay: MLPClassifier((100,), alpha=decay, max_iter=200, random_state=0)
        for decay in (1e-4, 1.0)
    ),
    "boosting": (
        lambda: HistGradientBoostingClassifier(
            max_iter=50, max_leaf_nodes=8, max_features=0.1, random_state=0
        ),
    ),
}


def main() -> None:
    """Print accuracies by shape, and how far ours are behind the best model of each."""
    warnings.filterwarnings("ignore", category=ConvergenceWarning)
    print(
        f"{SEEDS} libraries a shape, {TEST_ARTISTS * TEST_SONGS:,} fresh songs each; accuracy in per cent\n"
    )
    print(f"{'':22}{'ours':>7}" + "".join(f"{name:>10}" for name in GRIDS) + f"{'behind':>9}  our recipes")
    behind = [print_shape(name) for name in SHAPES if name in (ONLY_SHAPES or name).split(";")]
    print(f"{'mean':22}{np.mean(behind):{7 + 10 * len(GRIDS) + 9}.1f}\n")
    print(at_most("on the mean ours are behind by", float(np.mean(behind)), ON_THE_MEAN, "points"))
    print(at_most("in the worst shape", max(behind), IN_A_SHAPE, "points"))


def print_shape(name: str) -> float:
    """A line of the table; points by which our mean accuracy is below that of the best model for this shape."""
    found: dict[str, list[float]] = {}
    recipes = []
    for seed in range(SEEDS):
        own, test = library(SHAPES[name], seed)
        recipe, accuracy = ours(own, test)
        recipes.append(recipe)
        found.setdefault("ours", []).append(accuracy)
        for model, grid in GRIDS.items():
            found.setdefault(model, []).append(theirs(own, test, grid, seed))
    means = {model: 100 * float(np.mean(accuracies)) for model, accuracies in found.items()}
    gap = max(means[model] for model in GRIDS) - means["ours"]
    values = "".join(f"{means[model]:10.1f}" for model in GRIDS)
    names, counts = np.unique(recipes, return_counts=True)
    chosen = ", ".join(f"{recipe} {count}" for recipe, count in zip(names, counts, strict=True))
    print(f"{name:22}{means['ours']:7.1f}{values}{gap:9.1f}  {chosen}", flush=True)
    return gap


def ours(own: Dataset, test: Dataset) -> tuple[str, float]:
    """The algorithm that a training chooses, and how much its head has right."""
    with worker_threads(THREADS):
        trained = train_stage(own, TrainingOptions(seed=0), lambda step, fraction: None)
    right = trained.head.logits(test.vectors).argmax(axis=1) == test.labels
    return trained.recipe.algorithm, float(right.mean())


def theirs(own: Dataset, test: Dataset, grid: Sequence[Callable[[], ClassifierMixin]], seed: int) -> float:
    """How much a model has right whose grid was searched on folds of whole artists."""
    folds = grouped_folds(own.labels, own.groups, folds=FOLDS, seed=seed)
    scores = [cross_validated(own, folds, model) for model in grid] if len(grid) > 1 else [0.0]
    return fitted_accuracy(own, test, grid[int(np.argmax(scores))])


def cross_validated(own: Dataset, folds: Ints, model: Callable[[], ClassifierMixin]) -> float:
    return float(
        np.mean(
            [
                fitted_accuracy(own.only(folds != fold), own.only(folds == fold), model)
                for fold in range(FOLDS)
            ]
        )
    )


def fitted_accuracy(own: Dataset, test: Dataset, model: Callable[[], ClassifierMixin]) -> float:
    scaler = StandardScaler().fit(own.vectors)
    fitted = model().fit(scaler.transform(own.vectors), own.labels)
    return float(fitted.score(scaler.transform(test.vectors), test.labels))


def library(shape: Shape, seed: int) -> tuple[Dataset, Dataset]:
    """Songs to learn from, and fresh ones of other artists, seen through values of very different sizes."""
    random = np.random.default_rng(seed)
    centres = shape.separation * random.normal(size=(shape.genres, shape.islands, HIDDEN))
    spread = np.exp(ANISOTROPY * random.normal(size=HIDDEN))
    spread /= np.sqrt(np.mean(spread**2))
    through = random.normal(size=(HIDDEN, WIDTH)) / np.sqrt(HIDDEN)
    sizes = np.exp(2 * random.normal(size=WIDTH))

    def part(artists: int, songs: int, giant: int) -> Dataset:
        labels = np.repeat(np.arange(shape.genres), artists)
        counts = np.full(len(labels), songs)
        counts[0] = max(giant, songs)
        artist = np.repeat(np.arange(len(labels)), counts)
        places = centres[labels, np.tile(np.arange(artists), shape.genres) % shape.islands]
        places += OF_ARTIST * spread * drawn(random, places.shape, shape)
        hidden = places[artist] + OF_SONG * spread * drawn(random, (len(artist), HIDDEN), shape)
        values = hidden @ through + NOISE * drawn(random, (len(artist), WIDTH), shape)
        if shape.heavy_tails:
            values = np.sign(values) * np.abs(values) ** TAIL_POWER
        names = tuple(f"genre {number:02}" for number in range(shape.genres))
        return single_label_dataset((values * sizes).astype(np.float32), labels[artist], artist, names)

    own = part(shape.artists, shape.songs, shape.giant)
    return own, part(TEST_ARTISTS // shape.genres, TEST_SONGS, 0)


def drawn(random: np.random.Generator, size: tuple[int, ...], shape: Shape) -> Array:
    """Of variance 1."""
    if shape.heavy_tails:
        scale = np.sqrt((DEGREES_OF_FREEDOM - 2) / DEGREES_OF_FREEDOM)
        return random.standard_t(DEGREES_OF_FREEDOM, size=size) * scale
    return random.normal(size=size)
