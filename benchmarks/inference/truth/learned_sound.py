"""What is known of the sound of a simulated library: by a training of it, or as its making simulates it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
from inference.arrays import Bools
from inference.classify.probabilities import softmax
from inference.decision.decision_model import DecisionModel
from inference.decision.noise_reading import NoiseReading
from inference.decision.promise import HeldOutSongs, figures_in
from inference.evaluation.calibration import expected_calibration_error
from inference.evaluation.coverage import PROMISED, TOLERATED, CoveragePoint
from inference.training.dataset import Dataset, LabelSource
from inference.training.options import TrainingOptions
from inference.training.stage_result import TrainedStage
from inference.training.stage_training import train_stage
from numpy.typing import NDArray

from benchmarks.inference.truth.worlds import Posterior, Songs, World


@dataclass(frozen=True, kw_only=True)
class LearnedSound:
    """The songs whose genres a training has learned, with their sound; columns are those genres."""

    genres: tuple[str, ...]
    library: Songs
    library_sound: Posterior
    """Out of fold, calibrated."""
    fresh: Songs
    fresh_sound: Posterior
    """Of the head that serves."""
    stage: TrainedStage | None
    """None where the sound is simulated."""


def sound_of(world: World, seed: int) -> LearnedSound:
    """Train on the library where it has vectors."""
    return learned(world, seed) if world.has_vectors else simulated(world)


def simulated(world: World) -> LearnedSound:
    """The exact posterior is what a perfect training would give."""
    return LearnedSound(
        genres=world.genres,
        library=world.library,
        library_sound=world.library.by_sound,
        fresh=world.fresh,
        fresh_sound=world.fresh.by_sound,
        stage=None,
    )


def learned(world: World, seed: int) -> LearnedSound:
    """The real training; songs and genres that it leaves out are left out."""
    stage = train_stage(dataset_of(world), TrainingOptions(seed=seed), lambda step, fraction: None)
    predictions = stage.out_of_fold.predictions
    codes = np.array([world.genres.index(genre) for genre in stage.genres])
    return LearnedSound(
        genres=stage.genres,
        library=of_genres(world.library.only(predictions.rows), codes),
        library_sound=predictions.probabilities,
        fresh=of_genres(world.fresh, codes),
        fresh_sound=softmax(stage.head.logits(world.fresh.vectors) / stage.scaling.temperature),
        stage=stage,
    )


def dataset_of(world: World) -> Dataset:
    """The library as a training takes it."""
    songs = world.library
    return Dataset(
        vectors=songs.vectors,
        multi_hot=songs.tags,
        labels=songs.tags.argmax(axis=1),
        sources=np.full(len(songs), LabelSource.TAG),
        groups=songs.groups,
        genres=world.genres,
    )


def of_genres(songs: Songs, codes: NDArray[np.intp]) -> Songs:
    """The same songs; a song of none of these genres has a truth of none."""
    columns = ("truth", "tags", "by_sound", "by_tag", "by_mates")
    return replace(
        songs,
        **{
            field.name: getattr(songs, field.name)[:, codes]
            for field in fields(songs)
            if field.name in columns
        },
    )


def right(probabilities: Posterior, truth: Bools) -> Bools:
    """[songs] the best genre is one of those that the song is of."""
    best: Bools = truth[np.arange(len(truth)), probabilities.argmax(axis=1)]
    return best


def calibration_errors(sound: LearnedSound) -> dict[str, float]:
    """True calibration errors of the songs of the library and of fresh ones, and what the report says."""
    found = {}
    for name, probabilities, songs in (
        ("library", sound.library_sound, sound.library),
        ("fresh", sound.fresh_sound, sound.fresh),
    ):
        is_right = right(probabilities, songs.truth)
        labels = np.where(is_right, probabilities.argmax(axis=1), -1)
        found[f"ece_{name}"] = expected_calibration_error(probabilities, labels)
        found[f"too_sure_{name}"] = float(probabilities.max(axis=1).mean() - is_right.mean())
    if sound.stage is not None:
        found["ece_reported"] = sound.stage.out_of_fold.calibration.after
    return found


def held_out_songs(sound: LearnedSound) -> HeldOutSongs:
    """What a training keeps of its songs."""
    return HeldOutSongs(
        sound=sound.library_sound,
        labels=sound.library.tags,
        is_tag=np.ones(len(sound.library), dtype=np.bool_),
        groups=sound.library.groups,
    )


def promise(
    sound: LearnedSound, model: DecisionModel, readings: Mapping[str, NoiseReading]
) -> dict[str, float]:
    """What "95 %" is on fresh songs in these readings, and what somebody could promise who knew the true posterior.

    precision and coverage are missing where nothing was promised.
    """
    if sound.stage is None:
        return {}
    possible = best_coverage(sound.fresh.by_sound.max(axis=1))
    found = {"possible": float(possible > 0), "possible_coverage": possible}
    for name, reading in readings.items():
        point = figures_in(model, held_out_songs(sound), reading).coverage.promise
        found |= {
            f"{key}, {name}": value for key, value in kept(point, sound.fresh_sound, sound.fresh).items()
        }
    return found


def kept(point: CoveragePoint | None, fresh_sound: Posterior, fresh: Songs) -> dict[str, float]:
    """Whether there is a promise, and what it is on fresh songs: how many are right, by the true posterior."""
    if point is None:
        return {"promised": 0.0}
    reached = fresh_sound.max(axis=1) >= point.threshold
    found = {"promised": 1.0, "promise_coverage": float(reached.mean()), "promise_kept": 0.0}
    if reached.any():
        best = fresh_sound.argmax(axis=1)
        precision = float(fresh.by_sound[np.arange(len(best)), best][reached].mean())
        found |= {"promise_precision": precision, "promise_kept": float(precision >= TOLERATED)}
    return found


def best_coverage(confidences: NDArray[np.float64]) -> float:
    """The largest share of songs of which 95 % are right, by true confidences [songs]; 0 where there is none."""
    means = -np.sort(-confidences)
    good = np.cumsum(means) / np.arange(1, len(means) + 1) >= PROMISED
    return float(good.nonzero()[0].max(initial=-1) + 1) / len(means)


def noise_found(sound: LearnedSound) -> dict[str, float]:
    """The share of wrong tags by the report, beside the true one; and how many of those that look wrong are."""
    found = {"noise_true": float(sound.library.tag_is_wrong.mean())}
    if sound.stage is not None:
        suspected = sound.stage.out_of_fold.suspected_label_errors
        found |= {
            "noise_reported": sound.stage.noise.label_noise_rate,
            "suspected": float(suspected.sum()),
            "suspected_rightly": float((suspected & sound.library.tag_is_wrong).sum()),
        }
    return found
