"""Whether promises hold: "95 % right" on fresh songs, and stages that are spared without loss, library by library."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from time import monotonic

import numpy as np
from inference.classify.probabilities import softmax
from inference.classify.voting_rule import decide
from inference.decision.decision_model import SILENCE, DecisionModel, prior_of
from inference.decision.evidence import Evidence
from inference.decision.noise_reading import reading_of
from inference.decision.promise import figures_in
from inference.decision.tag_noise import fit_contradictions
from inference.evaluation.thresholds import ACCURACY_TOLERANCE, CANDIDATE_THRESHOLDS, cascade_figures
from inference.training.options import TrainingOptions
from inference.training.stage_result import TrainedStage
from inference.training.stage_training import split_of, train_stage
from numpy.typing import NDArray

from benchmarks.inference.truth.learned_sound import (
    LearnedSound,
    best_coverage,
    dataset_of,
    held_out_songs,
    kept,
    of_genres,
)
from benchmarks.inference.truth.measures import CAUTIOUS, RATED, evidence_of
from benchmarks.inference.truth.simulated_judgements import JUDGEMENTS, simulated_judgements
from benchmarks.inference.truth.sound_shapes import SOUND_SHAPES
from benchmarks.inference.truth.worlds import Posterior, World
from benchmarks.support.targets import at_least

SEEDS = int(os.environ.get("BENCH_SEEDS", "100"))
PROCESSES = int(os.environ.get("BENCH_PROCESSES", str(os.cpu_count() or 1)))
SHAPES = {"giant artist": CAUTIOUS, "noise uniform 10 %": RATED}
"""The reading that the promise of each is held to: artists who differ much, with right tags and nobody who judges; a
tenth of wrong tags, and a hundred judgements."""
FRESH_ARTISTS = 2000
"""With fewer, chance would break promises that hold."""
FIRST_STAGE = 0.5
"""Share of the values that the first of two stages knows."""
IN_LIBRARIES = 90
"""Per cent of the libraries in which a promise is to hold."""
OF_BEST = 50
"""Per cent of the later stages that the best admissible thresholds spare."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A library that two stages have learned; the second one knows all values."""

    world: World
    stages: tuple[TrainedStage, ...]
    fresh_sounds: tuple[Posterior, ...]
    """By stage, of fresh songs."""

    @property
    def sound(self) -> LearnedSound:
        """What the last stage says."""
        stage = self.stages[-1]
        predictions = stage.out_of_fold.predictions
        codes = np.array([self.world.genres.index(genre) for genre in stage.genres])
        return LearnedSound(
            genres=stage.genres,
            library=of_genres(self.world.library.only(predictions.rows), codes),
            library_sound=predictions.probabilities,
            fresh=of_genres(self.world.fresh, codes),
            fresh_sound=self.fresh_sounds[-1],
            stage=stage,
        )


def main() -> None:
    """Print what became of the promises of so many libraries of each shape."""
    began = monotonic()
    print(f"{SEEDS} libraries of each shape, {JUDGEMENTS} judgements, {2 * FRESH_ARTISTS} fresh songs")
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        tasks = {shape: [pool.submit(measure, shape, seed) for seed in range(SEEDS)] for shape in SHAPES}
        for shape, of_shape in tasks.items():
            say(shape, [task.result() for task in of_shape])
    print(f"\n{(monotonic() - began) / 60:.0f} minutes")


def measure(shape: str, seed: int) -> dict[str, float]:
    """Numbers of one library."""
    return numbers(trained(shape, seed), seed)


def trained(shape: str, seed: int) -> Trained:
    """Make a library of a shape, and train both stages."""
    world = replace(SOUND_SHAPES[shape], fresh_artists=FRESH_ARTISTS).world(seed)
    data, options = dataset_of(world), TrainingOptions(seed=seed)
    split = split_of(data.labels, data.groups, options)
    width = data.vectors.shape[1]
    stages, sounds = [], []
    for values in (round(FIRST_STAGE * width), width):
        own = replace(data, vectors=data.vectors[:, :values])
        stage = train_stage(own, options, lambda step, fraction: None, split)
        logits = stage.head.logits(world.fresh.vectors[:, :values])
        stages.append(stage)
        sounds.append(softmax(logits, stage.scaling.temperature))
    return Trained(world=world, stages=tuple(stages), fresh_sounds=tuple(sounds))


def numbers(library: Trained, seed: int) -> dict[str, float]:
    """What was promised before and after judgements, what is possible, and what the proposed thresholds do."""
    return promises(library.sound, seed) | spared(library)


def promises(sound: LearnedSound, seed: int) -> dict[str, float]:
    """By reading: whether there is a promise, and what it comes to on fresh songs."""
    evidence = evidence_of(sound.library, sound.library_sound)
    model = without_albums(evidence, sound.genres)
    found = {"possible coverage": best_coverage(sound.fresh.by_sound.max(axis=1))}
    for name, judgements in (
        (CAUTIOUS, None),
        (RATED, simulated_judgements(sound.library, evidence, seed)),
    ):
        figures = figures_in(model, held_out_songs(sound), reading_of(model, judgements))
        own = kept(figures.coverage.promise, sound.fresh_sound, sound.fresh)
        found |= {f"{key}, {name}": value for key, value in own.items()}
    return found


def without_albums(evidence: Evidence, genres: tuple[str, ...]) -> DecisionModel:
    """What a training leaves for decisions, but for what albums tell: promises are of the sound."""
    prior = prior_of(evidence.sound)
    return DecisionModel(
        genres=genres,
        prior=prior,
        contradictions=fit_contradictions(evidence, prior),
        strengths_at=(SILENCE,) * 3,
    )


def spared(library: Trained) -> dict[str, float]:
    """Accuracy on fresh songs that the proposed thresholds lose, and later stages that they and the best ones spare."""
    figures = cascade_figures(
        test=[stage.test for stage in library.stages],
        out_of_fold=[stage.out_of_fold.predictions for stage in library.stages],
        thresholds=[0.5] * len(library.stages),
        genres=library.stages[0].genres,
    )
    lost, share = outcome(library, figures.proposed_thresholds[0])
    every = [outcome(library, threshold) for threshold in CANDIDATE_THRESHOLDS]
    return {
        "lost": lost,
        "spared": share,
        "best spared": max(own for loss, own in every if loss <= ACCURACY_TOLERANCE),
    }


def outcome(library: Trained, threshold: float) -> tuple[float, float]:
    """Accuracy on fresh songs that a threshold of the first stage loses, by the true posterior, and the share of songs
    that this stage decides."""
    truly = library.world.fresh.by_sound
    hits = [truly[np.arange(len(truly)), sound.argmax(axis=1)] for sound in library.fresh_sounds]
    confidences = [sound.max(axis=1) for sound in library.fresh_sounds]
    is_ood = [np.zeros(len(truly), dtype=np.bool_)] * len(confidences)
    first = decide(confidences, is_ood, (threshold, 0.0)).stages == 0
    return float(np.mean(first * (hits[-1] - hits[0]))), float(first.mean())


def say(shape: str, found: Sequence[dict[str, float]]) -> None:
    """The lines of one shape."""
    print(f"\n{shape}, {len(found)} libraries")
    for reading in (CAUTIOUS, RATED):
        print(f"  {reading}: {promise_line(found, reading)}")
    print(f"  stages: {stages_line(found)}")
    for line in targets(shape, found):
        print(line)


def promise_line(found: Sequence[dict[str, float]], reading: str) -> str:
    """What became of the promises of a reading."""
    precision = values(found, f"promise_precision, {reading}")
    known = precision[~np.isnan(precision)]
    kept_to = f"{known.mean():.1%} (least {known.min():.1%})" if len(known) else "unknown"
    coverage = np.nan_to_num(values(found, f"promise_coverage, {reading}"))
    return (
        f"promised in {values(found, f'promised, {reading}').mean():.0%}, precision {kept_to}, held in "
        f"{np.mean([is_held(each, reading) for each in found]):.0%}, coverage {coverage.mean():.1%} "
        f"(possible {values(found, 'possible coverage').mean():.1%})"
    )


def stages_line(found: Sequence[dict[str, float]]) -> str:
    """What became of the proposed thresholds."""
    lost, spared, best = (values(found, name) for name in ("lost", "spared", "best spared"))
    return (
        f"{100 * lost.mean():.2f} points lost (most {100 * lost.max():.2f}), later stages spared {spared.mean():.1%}, "
        f"by the best thresholds {best.mean():.1%}; at least half as many in {np.mean(spared >= best / 2):.0%}"
    )


def targets(shape: str, found: Sequence[dict[str, float]]) -> Iterator[str]:
    """Whether what is wanted was reached."""
    reading, unit = SHAPES[shape], "% of the libraries"
    held = 100 * np.mean([is_held(each, reading) for each in found])
    yield at_least(f"{shape}: the promise holds, {reading}", held, IN_LIBRARIES, unit)
    little = 100 * np.mean(values(found, "lost") <= ACCURACY_TOLERANCE)
    yield at_least(f"{shape}: stages lose at most a point", little, IN_LIBRARIES, unit)
    spared = 100 * values(found, "spared").mean() / values(found, "best spared").mean()
    yield at_least(f"{shape}: later stages spared", spared, OF_BEST, "% of those by the best thresholds")


def values(found: Sequence[dict[str, float]], name: str) -> NDArray[np.float64]:
    """[libraries] not a number where one has none."""
    return np.array([each.get(name, np.nan) for each in found])


def is_held(numbers: dict[str, float], reading: str) -> bool:
    """The promise is kept; or there is none, and none is possible."""
    if numbers[f"promised, {reading}"]:
        return bool(numbers[f"promise_kept, {reading}"])
    return numbers["possible coverage"] == 0
