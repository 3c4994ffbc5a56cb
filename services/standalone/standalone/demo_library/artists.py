"""What all songs of one artist share: instruments, tuning, balance and mix, drawn once from the genre's recipe."""

from dataclasses import dataclass, replace

import numpy as np

from standalone.demo_library.genres import GENRES, NEIGHBOURS, Range, Recipe, recipes
from standalone.demo_library.timbres import Timbre, instruments

ARTIST_STREAM = 1
"""Keeps the random numbers of artists apart from those of songs."""

BORROWING = 0.15
"""How likely an artist takes one part of the band from a neighbouring genre."""
TONE_SPREAD_DB = 1.2
"""Standard deviation of the low, middle and high tone control."""
LEVEL_SPREAD_DB = 1.2
"""Standard deviation of each part's level around the genre's."""
TUNING_SPREAD_CENTS = 12.0
BRIGHTNESS_SPREAD = 0.06
"""Standard deviation of what an instrument's slope is off by."""


@dataclass(frozen=True, kw_only=True)
class Mix:
    """How an artist's songs are mixed."""

    tone_db: tuple[float, float, float]
    """Gain of the lows, the middle and the highs."""
    lowpass_hz: float
    width: float
    """How wide the stereo image is: 0 mono, 1 as panned."""
    reverb_seconds: float
    reverb_level: float
    loudness_dbfs: float
    """Root mean square of a song."""
    noise_dbfs: float
    """Root mean square of tape and room."""
    crackle_dbfs: float | None
    pump: float
    """How far the kick pushes the rest down, 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class Artist:
    """A band and its sound."""

    genre: str
    parts: dict[str, tuple[Timbre, ...]]
    """Timbres of bass, comp, pad (where there is one) and lead."""
    levels_db: dict[str, float]
    kit: str
    drum_pitch: float
    """Factor on every frequency of the drums."""
    tuning_cents: float
    mix: Mix


def artist(genre: str, number: int, *, seed: int) -> Artist:
    """The artist of that number in a genre."""
    rng = np.random.default_rng([seed, ARTIST_STREAM, GENRES.index(genre), number])
    recipe = recipes()[genre]
    band = _with_a_guest(recipe, NEIGHBOURS[genre], rng)
    return Artist(
        genre=genre,
        parts=_parts(band, number, rng),
        levels_db={part: level + rng.normal(0, LEVEL_SPREAD_DB) for part, level in recipe.levels.items()},
        kit=band.kits[number % len(band.kits)],
        drum_pitch=float(2 ** rng.normal(0, 0.12)),
        tuning_cents=float(np.clip(rng.normal(0, TUNING_SPREAD_CENTS), -45, 45)),
        mix=_mix(recipe, rng),
    )


def _with_a_guest(recipe: Recipe, neighbours: tuple[str, ...], rng: np.random.Generator) -> Recipe:
    """The recipe, sometimes with the accompaniment, the lead or the bass of a neighbouring genre."""
    neighbour = recipes()[str(rng.choice(neighbours))]
    if rng.random() >= BORROWING:
        return recipe
    part = rng.integers(3)
    if part == 0:
        return replace(recipe, comp=neighbour.comp)
    if part == 1:
        return replace(recipe, lead=neighbour.lead)
    return replace(recipe, bass=neighbour.bass)


def _parts(recipe: Recipe, number: int, rng: np.random.Generator) -> dict[str, tuple[Timbre, ...]]:
    """An instrument for each part; artists of neighbouring numbers choose differently."""
    choices = {"bass": recipe.bass, "comp": recipe.comp, "pad": recipe.pad, "lead": recipe.lead}
    parts = {}
    for part, names in choices.items():
        if names:
            name = names[number % len(names)]
            parts[part] = tuple(_own(timbre, rng) for timbre in instruments()[name])
    return parts


def _own(timbre: Timbre, rng: np.random.Generator) -> Timbre:
    """The timbre as this artist's own instrument has it."""
    return replace(
        timbre,
        slope=max(0.3, timbre.slope + rng.normal(0, BRIGHTNESS_SPREAD)),
        attack_seconds=timbre.attack_seconds * 2 ** rng.normal(0, 0.2),
        decay_seconds=timbre.decay_seconds * 2 ** rng.normal(0, 0.2),
        vibrato_cents=timbre.vibrato_cents * 2 ** rng.normal(0, 0.2),
        fm_index=timbre.fm_index * 2 ** rng.normal(0, 0.2),
        drive=timbre.drive * 2 ** rng.normal(0, 0.2),
    )


def _mix(recipe: Recipe, rng: np.random.Generator) -> Mix:
    low, middle, high = recipe.tone_db + rng.normal(0, TONE_SPREAD_DB, 3)
    return Mix(
        tone_db=(float(low), float(middle), float(high)),
        lowpass_hz=_between(recipe.lowpass_hz, rng),
        width=float(rng.uniform(0.25, 1.1)),
        reverb_seconds=_between(recipe.reverb_seconds, rng),
        reverb_level=_between(recipe.reverb_level, rng),
        loudness_dbfs=_between(recipe.loudness_dbfs, rng),
        noise_dbfs=_between(recipe.noise_dbfs, rng),
        crackle_dbfs=_between(recipe.crackle_dbfs, rng) if recipe.crackle_dbfs else None,
        pump=_between(recipe.pump, rng),
    )


def _between(bounds: Range, rng: np.random.Generator) -> float:
    return float(rng.uniform(*bounds))
