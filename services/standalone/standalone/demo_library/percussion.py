"""How one stroke of a drum or another unpitched instrument sounds, and the kits they come in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from standalone.demo_library.tables import load_table
from standalone.demo_library.timbres import Samples


@dataclass(frozen=True, kw_only=True)
class Stroke:
    """A stroke: a tone that falls in pitch, beside a band of noise."""

    hz: float = 0.0
    """Pitch of the skin or the wood; 0 for none."""
    fall: float = 0.0
    """How many times higher the pitch starts, minus one."""
    tone_seconds: float = 0.1
    """Time in which the tone falls to 1/e."""
    noise: float = 0.0
    """Level of the noise beside a tone of 1."""
    noise_hz: Sequence[float] = (200.0, 12000.0)
    """Band of the noise."""
    noise_seconds: float = 0.05
    """Time in which the noise falls to 1/e."""
    claps: int = 1
    """How many times the noise starts anew, 11 ms apart: several hands."""
    metal: float = 0.0
    """Level of inharmonic ringing above 3 kHz."""
    level: float = 1.0
    """Loudness beside the other strokes."""


def kits() -> dict[str, dict[str, Stroke]]:
    """The strokes of each kit by name; a kit lacks no stroke that the acoustic one has."""
    tables = load_table("kits")
    acoustic = _strokes(tables["acoustic"])
    return {name: acoustic | _strokes(table) for name, table in tables.items()}


def _strokes(table: dict[str, Any]) -> dict[str, Stroke]:
    return {name: Stroke(**fields) for name, fields in table.items()}


def strike(stroke: Stroke, *, sample_rate_hz: int, pitch: float, rng: np.random.Generator) -> Samples:
    """One stroke, mono, its loudest sample at `stroke.level`; `pitch` scales every frequency of it."""
    longest = max(
        stroke.tone_seconds if stroke.hz else 0.0, stroke.noise_seconds, 0.15 if stroke.metal else 0.0
    )
    n = round(min(1.2, 5 * longest + 0.011 * stroke.claps) * sample_rate_hz)
    t = np.arange(n, dtype=np.float32) / np.float32(sample_rate_hz)
    y = np.zeros(n, dtype=np.float32)
    if stroke.hz:
        y += _skin(stroke, t, pitch)
    if stroke.noise:
        y += np.float32(stroke.noise) * _noise(stroke, t, sample_rate_hz, pitch, rng)
    if stroke.metal:
        for ratio in (1.0, 1.342, 1.612, 1.953, 2.37):
            y += (
                np.float32(stroke.metal / 3)
                * np.sin(np.float32(2 * np.pi * 3150 * pitch * ratio) * t)
                * np.exp(t / -0.12)
            )
    return np.asarray(y / (np.abs(y).max() + 1e-9) * np.float32(stroke.level), dtype=np.float32)


def _skin(stroke: Stroke, t: Samples, pitch: float) -> Samples:
    fall_seconds = 0.025
    cycles = stroke.hz * pitch * (t + stroke.fall * fall_seconds * (1 - np.exp(t / -fall_seconds)))
    return np.asarray(np.sin(2 * np.pi * cycles) * np.exp(t / -stroke.tone_seconds), dtype=np.float32)


def _noise(
    stroke: Stroke, t: Samples, sample_rate_hz: int, pitch: float, rng: np.random.Generator
) -> Samples:
    """A band of noise with a peak of 1 that starts anew for each hand."""
    spectrum = np.fft.rfft(rng.standard_normal(t.size))
    hz = np.fft.rfftfreq(t.size, 1 / sample_rate_hz)
    low, high = stroke.noise_hz[0] * pitch, stroke.noise_hz[1] * pitch
    spectrum *= 1 / (1 + (low / np.maximum(hz, 1)) ** 4) / (1 + (hz / high) ** 6)
    y = np.fft.irfft(spectrum, t.size)
    envelope = np.zeros(t.size)
    for hand in range(stroke.claps):
        since = t - 0.011 * hand
        envelope = np.where(since >= 0, np.exp(-np.maximum(since, 0) / stroke.noise_seconds), envelope)
    y *= envelope
    return np.asarray(y / (np.abs(y).max() + 1e-9), dtype=np.float32)
