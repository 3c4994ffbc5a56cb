"""One simulated library, learned and decided about: everything that the table is made of."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from inference.arrays import Bools
from inference.decision.decision_model import DecisionModel
from inference.decision.evidence import Evidence
from inference.decision.fitting import fit_decision_model
from inference.decision.judgements import Judgements
from inference.decision.noise_reading import NoiseReading, reading_of
from inference.decision.posterior import ALL, Sources, decide

from benchmarks.inference.truth.album_shapes import ALBUM_SHAPES
from benchmarks.inference.truth.expected_writes import expected
from benchmarks.inference.truth.learned_sound import (
    LearnedSound,
    calibration_errors,
    noise_found,
    promise,
    right,
    sound_of,
)
from benchmarks.inference.truth.plain_models import plain_accuracies
from benchmarks.inference.truth.simulated_judgements import simulated_judgements
from benchmarks.inference.truth.sound_shapes import SOUND_SHAPES
from benchmarks.inference.truth.worlds import Posterior, Songs
from benchmarks.inference.truth.writers import WriteCounts, writes_by

SHAPES = {**SOUND_SHAPES, **ALBUM_SHAPES}
OWN = Sources(albums=False, artists=False, tags=True)
"""What is asked where a shape is about sound and tags: nothing that its artists' other songs say."""
CAUTIOUS, RATED = "cautious", "rated"
"""Nobody has said anything about any song; somebody has about a hundred."""
OURS, ORACLE, SOUND = "ours", "oracle", "sound"
"""What is decided here; a writer who knows the true posterior; one who asks the sound alone."""
MATES, OWN_ALONE = ", with mates", ", own sound and tag"
"""The artist's other songs are asked in every shape; in none."""


@dataclass(frozen=True, kw_only=True)
class WriteKey:
    """What counts of writes are of."""

    reading: str
    writer: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Of one library."""

    shape: str
    seed: int
    writes: Mapping[WriteKey, WriteCounts]
    numbers: Mapping[str, float]
    """What is averaged over libraries; what a library has not is missing."""


def measure(shape: str, seed: int) -> Measured:
    """Make a library of this shape, learn it, decide about it, and compare with the truth."""
    world = SHAPES[shape].world(seed)
    sound = sound_of(world, seed)
    evidence = evidence_of(sound.library, sound.library_sound)
    model = fit_decision_model(evidence, sound.genres)
    judgements = simulated_judgements(sound.library, evidence, seed)
    readings: tuple[tuple[str, Judgements | None], ...] = ((CAUTIOUS, None), (RATED, judgements))
    numbers = {
        "bayes": float(right(world.fresh.by_sound, world.fresh.truth).mean()),
        "accuracy": float(right(sound.fresh_sound, sound.fresh.truth).mean()),
        **plain_accuracies(world),
        **calibration_errors(sound),
        **promise(sound, model, {name: reading_of(model, given) for name, given in readings}),
        **noise_found(sound),
        "contradictions": model.contradictions.rate,
    }
    writes: dict[WriteKey, WriteCounts] = {}
    for name, given in readings:
        deciding = Deciding(sound, model, reading_of(model, given), given)
        writes |= deciding.writes(name)
        numbers |= {f"{key}, {name}": value for key, value in deciding.numbers().items()}
    return Measured(shape=shape, seed=seed, writes=writes, numbers=numbers)


def evidence_of(songs: Songs, sound: Posterior) -> Evidence:
    """What the portal would send of these songs, beside their sound."""
    return Evidence(
        sound=sound,
        tags=songs.tags,
        albums=songs.albums,
        artists=songs.artists,
        kinds=songs.kinds,
        recordings=songs.recordings,
    )


class Deciding:
    """What is decided about the songs of a library, and about fresh ones, in one reading."""

    def __init__(
        self,
        sound: LearnedSound,
        model: DecisionModel,
        reading: NoiseReading,
        judgements: Judgements | None,
    ) -> None:
        self._reading = reading
        self._deciding = reading.deciding
        self._model = model
        self._by_sound_alone = sound.stage is not None
        # Whoever has said what a song is does not have it written by a machine.
        rated = np.zeros(len(sound.library), dtype=np.bool_)
        if judgements is not None:
            rated[judgements.rows] = True
        self._sides = (
            Side(sound.library, sound.library_sound, ~rated),
            Side(sound.fresh, sound.fresh_sound, np.ones(len(sound.fresh), dtype=np.bool_)),
        )

    def writes(self, name: str) -> dict[WriteKey, WriteCounts]:
        """By writer and kind."""
        counts: dict[WriteKey, WriteCounts] = {}
        own = OWN if self._by_sound_alone else ALL
        for side in self._sides:
            oracle = side.songs.by_tag if self._by_sound_alone else side.songs.by_mates
            of_writers = {
                OURS: self._final(side, own),
                ORACLE: oracle,
                SOUND: side.sound,
                f"{OURS}{MATES}": self._final(side, ALL),
                f"{ORACLE}{MATES}": side.songs.by_mates,
                f"{ORACLE}{OWN_ALONE}": side.songs.by_tag,
            }
            for writer, posterior in of_writers.items():
                found = writes_by(posterior, side.songs, side.open_to_writes).counts(side.songs)
                for kind, count in found.items():
                    key = WriteKey(reading=name, writer=writer, kind=kind)
                    counts[key] = counts.get(key, WriteCounts()) + count
        return counts

    def _final(self, side: "Side", sources: Sources) -> Posterior:
        return decide(self._model, side.evidence, self._deciding, sources).final

    def numbers(self) -> dict[str, float]:
        """What is stated of all writes with its interval, and what albums and artists add."""
        return {
            "wrong share": self._reading.wrong_share.mean,
            "wrong share low": self._reading.wrong_share.low,
            "wrong share high": self._reading.wrong_share.high,
            **self._intervals(),
            **self._album_errors(),
        }

    def _intervals(self) -> dict[str, float]:
        """Stated and true numbers of right writes and of destroyed tags, and whether the intervals hold them."""
        sources = OWN if self._by_sound_alone else ALL
        of_right, of_tags, true_right, true_destroyed = [], [], 0.0, 0.0
        for side in self._sides:
            finals = [
                decide(self._model, side.evidence, each, sources).final
                for each in (self._reading.low, self._reading.stating, self._reading.high)
            ]
            writes = writes_by(self._final(side, sources), side.songs, side.open_to_writes)
            rows = np.flatnonzero(writes.planned)
            of_right.append([final[rows, writes.genres[rows]] for final in finals])
            of_tags.append([(final * side.songs.tags)[rows].sum(axis=1) for final in finals])
            for count in writes.counts(side.songs).values():
                true_right += count.right
                true_destroyed += count.destroyed
        return {
            **compared("right", np.concatenate(of_right, axis=1), true_right),
            **compared("destroyed", np.concatenate(of_tags, axis=1), true_destroyed),
        }

    def _album_errors(self) -> dict[str, float]:
        """Shares of songs whose best genre is wrong by sound, with the album, with the artist; of compilations too."""
        errors: dict[str, list[Bools]] = {}
        for side in self._sides:
            found = decide(self._model, side.evidence, self._deciding)
            of = {"sound": found.sound, "album": found.album, "artist": found.artist}
            for name, probabilities in of.items():
                wrong = ~right(probabilities, side.songs.truth)
                errors.setdefault(f"errors {name}", []).append(wrong)
                errors.setdefault(f"compilation errors {name}", []).append(wrong[side.songs.kinds > 0])
        return {
            name: float(np.concatenate(each).mean())
            for name, each in errors.items()
            if len(np.concatenate(each))
        }


class Side:
    """The songs of the library, or the fresh ones."""

    def __init__(self, songs: Songs, sound: Posterior, open_to_writes: Bools) -> None:
        self.songs = songs
        self.sound = sound
        self.open_to_writes = open_to_writes
        self.evidence = evidence_of(songs, sound)


def compared(name: str, probabilities: np.ndarray, true: float) -> dict[str, float]:
    """What is stated of a number of songs, by their probabilities [3 readings, songs], beside the true number."""
    stated = expected(*probabilities)
    return {
        f"{name} stated": stated.mean,
        f"{name} true": true,
        f"{name} held": float(stated.low <= true <= stated.high),
    }
