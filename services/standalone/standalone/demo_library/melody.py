"""The lead's line: motifs that return, riffs, and speech."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

SPEECH_STEPS = (0, 0, 0, 0, 2, -2, 3)
"""Semitones around which a speaking voice moves."""
REST_CHANCE = 0.22
"""How likely a bar of a melody is left to the others."""


@dataclass(frozen=True, kw_only=True)
class Tone:
    """A note of a line."""

    step: int
    """Steps since the start of its bar."""
    steps: int
    """How long it is held."""
    semitones: int
    """Its distance from the tonic."""


def line(
    style: str, *, bars: int, steps: int, density: float, scale: tuple[int, ...], rng: np.random.Generator
) -> list[tuple[Tone, ...]]:
    """The tones of each bar; `style` is one of `genres.Recipe.lead_style`."""
    if style == "speech":
        return [_spoken_bar(steps, density, rng) for _ in range(bars)]
    motifs = [_motif(steps, density, scale, rng) for _ in range(3)]
    if style == "riff":
        return [motifs[0] if bar % 4 < 3 else motifs[1] for bar in range(bars)]
    order = [0, 1, 0, 2]
    return [() if rng.random() < REST_CHANCE else motifs[order[bar % 4]] for bar in range(bars)]


def _motif(steps: int, density: float, scale: tuple[int, ...], rng: np.random.Generator) -> tuple[Tone, ...]:
    """A bar of a random walk over the scale, more often on the beat than off it."""
    beat = 3 if steps in (12, 9) else 4
    weights = np.array(
        [1.35 if step % beat == 0 else 0.85 if step % 2 == 0 else 0.35 for step in range(steps)]
    )
    starts = np.flatnonzero(rng.random(steps) < density * weights)
    degree = int(rng.integers(-2, 4))
    tones = []
    for start, stop in pairwise([*starts, steps]):
        octave, within = divmod(degree, len(scale))
        tones.append(Tone(step=int(start), steps=int(stop - start), semitones=12 * octave + scale[within]))
        degree = int(np.clip(degree + rng.choice([-2, -1, -1, 0, 1, 1, 2, 3]), -len(scale), len(scale) + 2))
    return tuple(tones)


def _spoken_bar(steps: int, density: float, rng: np.random.Generator) -> tuple[Tone, ...]:
    starts = np.flatnonzero(rng.random(steps) < density)
    return tuple(Tone(step=int(start), steps=1, semitones=int(rng.choice(SPEECH_STEPS))) for start in starts)
