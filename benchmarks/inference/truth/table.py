"""Prints the bench of truth: a line for each shape in each table, their means, and a line for each target."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from time import monotonic

import numpy as np

from benchmarks.inference.truth.album_structure import album_structure
from benchmarks.inference.truth.measures import (
    CAUTIOUS,
    MATES,
    ORACLE,
    OURS,
    OWN_ALONE,
    RATED,
    SHAPES,
    SOUND,
    Measured,
    measure,
)
from benchmarks.inference.truth.page import with_tables
from benchmarks.inference.truth.pooled import Pooled
from benchmarks.inference.truth.targets import harm, targets
from benchmarks.inference.truth.writers import CORRECTIONS, FILLS

PROCESSES = int(os.environ.get("BENCH_PROCESSES", str(os.cpu_count() or 1)))
UNKNOWN = "–"


@dataclass(frozen=True, kw_only=True)
class Column:
    """Numbers of a shape, in a cell each."""

    values: Callable[[Pooled], Sequence[float]]
    """Not a number where there is none."""
    word: Callable[[Pooled], str] = lambda pool: ""
    """What follows them."""

    def cell(self, pool: Pooled) -> str:
        """As text."""
        return formatted(self.values(pool)) + self.word(pool)

    def mean(self, pools: Sequence[Pooled]) -> str:
        """Over the shapes that have it."""
        table = np.array([self.values(pool) for pool in pools])
        known = ~np.isnan(table)
        sums = np.where(known, table, 0).sum(axis=0)
        return formatted([s / n if n else float("nan") for s, n in zip(sums, known.sum(axis=0), strict=True)])


def main(seeds: int) -> None:
    """Measure so many libraries of each shape, and print what was found."""
    seeds = int(os.environ.get("BENCH_SEEDS", str(seeds)))
    shapes = [shape for shape in SHAPES if os.environ.get("BENCH_SHAPES", "") in shape]
    begin = monotonic()
    print(f"{len(shapes)} shapes, {seeds} libraries each; {album_structure().source}", flush=True)
    found = measured(shapes, range(seeds))
    pools = [Pooled.of([each for each in found if each.shape == shape]) for shape in shapes]
    tables = {title: "\n".join(table(columns, pools)) for title, columns in TABLES.items()}
    took = f"{len(shapes)} shapes with {seeds} libraries each, {album_structure().source}; {{:.0f}} minutes."
    tables["Targets"] = "\n".join(
        [took.format((monotonic() - begin) / 60), "", *(f"- {line}" for line in targets(pools))]
    )
    for title, text in tables.items():
        print(f"\n## {title}\n\n{text}")
    if page := os.environ.get("BENCH_PAGE"):
        Path(page).write_text(with_tables(Path(page).read_text(), tables))


def measured(shapes: Sequence[str], seeds: Iterable[int]) -> list[Measured]:
    """Of all libraries, some of which are made side by side."""
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        tasks = [pool.submit(measure, shape, seed) for seed in seeds for shape in shapes]
        for done, _ in enumerate(as_completed(tasks), start=1):
            if done % 100 == 0:
                print(f"{done} of {len(tasks)} libraries", file=sys.stderr, flush=True)
        return [task.result() for task in tasks]


def table(columns: dict[str, Column], pools: Sequence[Pooled]) -> Iterator[str]:
    """One line a shape that has something to say, and one with the means."""
    with_values = [
        pool
        for pool in pools
        if not np.isnan(np.concatenate([column.values(pool) for column in columns.values()])).all()
    ]
    yield "| shape | " + " | ".join(columns) + " |"
    yield "|---|" + "---|" * len(columns)
    for pool in with_values:
        yield f"| {pool.shape} | " + " | ".join(column.cell(pool) for column in columns.values()) + " |"
    if with_values:
        yield "| **mean** | " + " | ".join(column.mean(with_values) for column in columns.values()) + " |"


def formatted(values: Iterable[float]) -> str:
    """One decimal each."""
    return " / ".join(UNKNOWN if np.isnan(value) else f"{value:.1f}" for value in values)


def share(name: str) -> Column:
    """A share in percent, averaged over libraries."""
    return Column(values=lambda pool: [100 * pool.mean(name)])


def in_readings(name: str) -> Column:
    """The same before and after judgements."""
    return Column(
        values=lambda pool: [100 * pool.mean(f"{name}, {reading}") for reading in (CAUTIOUS, RATED)]
    )


def percent(value: Callable[[Pooled], float]) -> Column:
    """A share in percent."""
    return Column(values=lambda pool: [100 * value(pool)])


def precisions(reading: str, kind: str) -> Column:
    """Stated and true precision of our writes."""

    def values(pool: Pooled) -> list[float]:
        counts = pool.writes(reading, OURS, kind)
        if not counts.planned:
            return [float("nan")] * 2
        return [100 * counts.stated / counts.planned, 100 * counts.right / counts.planned]

    return Column(values=values)


def writes(reading: str, writer: str, kind: str) -> Column:
    """A library's right writes, and destroyed tags (of fills: wrong ones)."""

    def values(pool: Pooled) -> list[float]:
        counts = pool.writes(reading, writer, kind)
        return [counts.right / pool.libraries, harm(counts, kind) / pool.libraries]

    return Column(values=values)


def by_writers(kind: str) -> dict[str, Column]:
    """Right writes and harm of all writers."""
    return {
        "ours, cautious": writes(CAUTIOUS, OURS, kind),
        "ours, rated": writes(RATED, OURS, kind),
        "true posterior": writes(RATED, ORACLE, kind),
        "sound alone": writes(RATED, SOUND, kind),
        "ours, with mates": writes(RATED, f"{OURS}{MATES}", kind),
        "true posterior, with mates": writes(RATED, f"{ORACLE}{MATES}", kind),
        "true posterior of own sound and tag": writes(RATED, f"{ORACLE}{OWN_ALONE}", kind),
    }


TABLES: dict[str, dict[str, Column]] = {
    "Sound (%)": {
        "Bayes": share("bayes"),
        "ours": share("accuracy"),
        "best plain": Column(
            values=lambda pool: [100 * pool.best_plain[0]], word=lambda pool: f" {pool.best_plain[1]}"
        ),
        "ECE of the library": share("ece_library"),
        "ECE reported": share("ece_reported"),
        "ECE fresh": share("ece_fresh"),
        "too sure, library": share("too_sure_library"),
        "too sure, fresh": share("too_sure_fresh"),
        "95 % promised, cautious / rated": in_readings("promised"),
        "precision": in_readings("promise_precision"),
        "kept": in_readings("promise_kept"),
        "coverage": in_readings("promise_coverage"),
        "possible coverage": share("possible_coverage"),
    },
    "Wrong tags (%)": {
        "wrong tags": share("noise_true"),
        "reported": share("noise_reported"),
        "contradictions": share("contradictions"),
        "of them wrong tags, low / mean / high": Column(
            values=lambda pool: [
                100 * pool.mean(f"wrong share{end}, {RATED}") for end in (" low", "", " high")
            ]
        ),
        "found": percent(lambda pool: pool.mean("contradictions") * pool.mean(f"wrong share, {RATED}")),
        "suspected, songs": Column(values=lambda pool: [pool.mean("suspected")]),
        "suspected rightly": percent(lambda pool: pool.suspected_rightly),
    },
    "Stated / true precision of planned writes (%)": {
        "fills, cautious": precisions(CAUTIOUS, FILLS),
        "corrections, cautious": precisions(CAUTIOUS, CORRECTIONS),
        "too high": percent(lambda pool: pool.stated_excess(CAUTIOUS)),
        "fills, rated": precisions(RATED, FILLS),
        "corrections, rated": precisions(RATED, CORRECTIONS),
        "too high, rated": percent(lambda pool: pool.stated_excess(RATED)),
        "expected too high, rated": percent(lambda pool: pool.expected_excess(RATED)),
        "too high, rated, with mates": percent(lambda pool: pool.stated_excess(RATED, f"{OURS}{MATES}")),
        "interval holds right / destroyed, cautious": Column(
            values=lambda pool: [
                100 * pool.mean(f"{name} held, {CAUTIOUS}") for name in ("right", "destroyed")
            ]
        ),
        "rated": Column(
            values=lambda pool: [100 * pool.mean(f"{name} held, {RATED}") for name in ("right", "destroyed")]
        ),
    },
    "Fills of a library: right / wrong": by_writers(FILLS),
    "Corrections of a library: right / right tags destroyed": by_writers(CORRECTIONS),
    "Albums and artists: share of wrong genres (%)": {
        "sound": share(f"errors sound, {RATED}"),
        "with the album": share(f"errors album, {RATED}"),
        "with the artist too": share(f"errors artist, {RATED}"),
        "errors fall by": percent(lambda pool: pool.errors_fall),
        "libraries in which they rise": percent(lambda pool: pool.errors_rise),
        "songs of compilations: sound / all": Column(
            values=lambda pool: [
                100 * pool.mean(f"compilation errors {name}, {RATED}") for name in ("sound", "artist")
            ]
        ),
    },
}
