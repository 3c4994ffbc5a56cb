"""Which of MusiCNN's values serve best beside FMA's, in heads of our kinds: its layers, its tags, and joins of them.

Songs of the demo library's generator, by artists who are on one side of each split; a part of the tags is wrong. FMA's
values tell nearly all of these songs by themselves, as they do no real ones: gains are to be compared with each other
and never taken for those of real music, which docs/performance.md has beside this table.
"""

import os
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from features.embeddings.musicnn.spectra import BANDS, FRAMES, MelWindows
from features.fma.vector import fma_features
from inference.arrays import Array
from inference.classify.probabilities import softmax
from inference.training.dataset import single_label_dataset
from inference.training.fitting import DISCRIMINANT, LOGISTIC, RADIAL_BASIS, Recipe
from inference.training.model_selection import fold_logits
from inference.training.splits import grouped_folds
from inference.training.temperature_scaling import fit_temperature
from soxr import resample
from standalone.demo_library.catalogue import Entry, catalogue
from standalone.demo_library.library import synthesize

SEEDS = tuple(range(int(os.environ.get("BENCH_SEEDS", "4"))))
SONGS_A_GENRE = int(os.environ.get("BENCH_SONGS_A_GENRE", "6"))
"""Of each seed, whose artists are others."""
SECONDS = 30.0
WRONG = 0.15
FOLDS, REPEATS = 3, 6
CACHE = Path(os.environ.get("BENCH_CACHE") or Path(tempfile.gettempdir(), "reclass-embedding-values.npz"))
RECIPES = (
    *(Recipe(algorithm=DISCRIMINANT, shrinkage=shrinkage) for shrinkage in (0.8, 0.4, 0.2)),
    *(Recipe(algorithm=LOGISTIC, strength=strength) for strength in (0.001, 0.01, 0.1)),
    *(Recipe(algorithm=RADIAL_BASIS, gamma=gamma, strength=10.0) for gamma in (0.3, 1.0)),
)
VECTORS: Mapping[str, tuple[str, ...]] = {
    "FMA": ("fma",),
    "tags (50)": ("tags",),
    "penultimate (200)": ("penultimate",),
    "penultimate + tags (250)": ("penultimate", "tags"),
    "mean pool (753)": ("pool",),
    "FMA + tags": ("fma", "tags"),
    "FMA + penultimate": ("fma", "penultimate"),
    "FMA + penultimate + tags": ("fma", "penultimate", "tags"),
    "FMA + mean pool": ("fma", "pool"),
    "FMA + mean pool + penultimate + tags": ("fma", "pool", "penultimate", "tags"),
}


@dataclass(frozen=True, kw_only=True)
class Songs:
    """What was computed of them, one row a song."""

    parts: Mapping[str, Array]
    labels: np.ndarray
    artists: np.ndarray
    genres: tuple[str, ...]
    milliseconds: Mapping[str, float]
    """Of one core for a song: `fma`, `mel` and `network`."""


def main() -> None:
    """Print the table."""
    songs = cached_songs()
    print(
        f"{len(songs.labels)} songs of {len(songs.genres)} genres and {len(np.unique(songs.artists))} artists; "
        f"{WRONG:.0%} of the tags that are learned from are wrong; {REPEATS} times {FOLDS} folds by artist"
    )
    costs = songs.milliseconds
    print(f"a song: FMA {costs['fma']:.0f} ms, MusiCNN {costs['mel']:.0f} + {costs['network']:.0f} ms")
    print(f"{'vector':38}{'values':>8}{'bytes':>8}{'right':>8}{'beside FMA':>14}{'loss':>8}  recipe")
    base: np.ndarray | None = None
    for name, parts in VECTORS.items():
        vectors = np.concatenate([songs.parts[part] for part in parts], axis=1)
        right, loss, recipe = evaluate(songs, vectors)
        base = right if base is None else base
        print(
            f"{name:38}{vectors.shape[1]:8}{4 * vectors.shape[1]:8,}{right.mean():8.3f}"
            f"{difference(right - base, songs.artists):>14}{loss:8.3f}  {recipe}",
            flush=True,
        )


def evaluate(songs: Songs, vectors: Array) -> tuple[np.ndarray, float, Recipe]:
    """Share of the repeats [songs] in which each song is right, the loss, and the recipe of the least loss."""
    right, losses = [], []
    for repeat in range(REPEATS):
        tagged = with_wrong_tags(songs, repeat)
        folds = grouped_folds(songs.labels, songs.artists, folds=FOLDS, seed=repeat)
        data = single_label_dataset(vectors, tagged, songs.artists, songs.genres)
        of_algorithms = (list(group) for _, group in groupby(RECIPES, key=lambda each: each.algorithm))
        logits = np.concatenate([fold_logits(data, folds, recipes, repeat) for recipes in of_algorithms])
        tempered = [softmax(each, fit_temperature(each, songs.labels)) for each in logits]
        right.append([each.argmax(axis=1) == songs.labels for each in logits])
        losses.append([-np.log(each[np.arange(len(each)), songs.labels]).mean() for each in tempered])
    best = int(np.mean(losses, axis=0).argmin())
    return np.mean(right, axis=0)[best], float(np.mean(losses, axis=0)[best]), RECIPES[best]


def with_wrong_tags(songs: Songs, seed: int) -> np.ndarray:
    """The labels, some of them those of another genre."""
    random = np.random.default_rng([seed, 15])
    wrong = random.random(len(songs.labels)) < WRONG
    shift = random.integers(1, len(songs.genres), size=len(songs.labels))
    tags: np.ndarray = np.where(wrong, (songs.labels + shift) % len(songs.genres), songs.labels)
    return tags


def difference(gain: np.ndarray, artists: np.ndarray) -> str:
    """The mean gain of songs in points, and its standard error with artists as the units."""
    if not gain.any():
        return ""
    sums = np.bincount(np.unique(artists, return_inverse=True)[1], weights=gain - gain.mean())
    return f"{100 * gain.mean():+.1f} ± {100 * np.sqrt((sums**2).sum()) / len(gain):.1f}"


def cached_songs() -> Songs:
    """Made once: minutes."""
    if not CACHE.exists():
        made = make_songs()
        np.savez(
            CACHE,
            labels=made.labels,
            artists=made.artists,
            genres=np.array(made.genres),
            milliseconds=np.array(list(made.milliseconds.values())),
            **made.parts,
        )
    with np.load(CACHE, allow_pickle=False) as arrays:
        return Songs(
            parts={name: arrays[name] for name in ("fma", "penultimate", "tags", "pool")},
            labels=arrays["labels"],
            artists=arrays["artists"],
            genres=tuple(arrays["genres"].tolist()),
            milliseconds=dict(zip(COSTS, arrays["milliseconds"].tolist(), strict=True)),
        )


COSTS = ("fma", "mel", "network")


def make_songs() -> Songs:
    """Synthesize the songs, and compute their vectors."""
    entries = [
        (seed, entry) for seed in SEEDS for entry in catalogue(seed=seed, songs_per_genre=SONGS_A_GENRE)
    ]
    with ProcessPoolExecutor(2) as pool:
        rows = list(progress(pool.map(values_of, entries, chunksize=4), len(entries)))
    genres = tuple(sorted({entry.genre for _, entry in entries}))
    names = [f"{seed} {entry.artist}" for seed, entry in entries]
    return Songs(
        parts={
            part: np.stack([row[part] for row in rows]) for part in ("fma", "penultimate", "tags", "pool")
        },
        labels=np.array([genres.index(entry.genre) for _, entry in entries]),
        artists=np.unique(names, return_inverse=True)[1],
        genres=genres,
        milliseconds={cost: 1000 * float(np.median([row[f"{cost}_s"] for row in rows])) for cost in COSTS},
    )


def progress(rows: Iterable[Mapping[str, np.ndarray]], count: int) -> Iterable[Mapping[str, np.ndarray]]:
    for number, row in enumerate(rows, start=1):
        if number % 50 == 0:
            print(f"{number} of {count} songs", file=sys.stderr, flush=True)
        yield row


def values_of(song: tuple[int, Entry]) -> dict[str, np.ndarray]:
    """The vectors of one song, and the seconds of a core for each."""
    from musicnn_network.embedder import compressed, load_embedder  # in the worker alone
    from musicnn_network.options import read_options

    seed, entry = song
    y = synthesize(entry, seed=seed).mean(axis=0)
    middle = max(0, len(y) // 2 - int(SECONDS / 2 * entry.sample_rate_hz))
    y = y[middle : middle + int(SECONDS * entry.sample_rate_hz)]
    if not NETWORK:
        NETWORK.append(load_embedder(read_options({}, os.environ), batch_limit=64).network)
    network = NETWORK[0]
    at = [time.process_time()]
    fma = fma_features(resample(y, entry.sample_rate_hz, 22_050).astype(np.float32))
    at.append(time.process_time())
    mel = MelWindows().windows(resample(y, entry.sample_rate_hz, 16_000).astype(np.float32))
    at.append(time.process_time())
    x = compressed(mel).reshape(len(mel), FRAMES, BANDS)
    penultimate, tags = network(x)
    at.append(time.process_time())
    pool = network._middle(network._front(network.input_norm(x))).mean(axis=1)  # not a part of vectors
    means = {"penultimate": penultimate, "tags": tags, "pool": pool}
    return {
        "fma": fma,
        **{name: each.mean(axis=0).astype(np.float32) for name, each in means.items()},
        **dict(zip((f"{cost}_s" for cost in COSTS), np.diff(at), strict=True)),
    }


NETWORK: list = []
"""Of this process, read once."""

if __name__ == "__main__":
    main()
