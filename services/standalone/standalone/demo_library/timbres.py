"""The pitched instruments by name, and how a note of them sounds: a few numbers each, one engine for all of them."""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from standalone.demo_library.tables import load_table

Samples = npt.NDArray[np.float32]

TABLE_SIZE = 4096
BAND_EDGES = (0, 2, 6, 14)
"""First partial (from 0) of each group of partials that fades together."""
SLIDE_SECONDS = 0.07
SHORTEST_FADE_SECONDS = 0.004


class Formant(NamedTuple):
    """A resonance of a body or a throat."""

    hz: float
    """Its centre."""
    width_hz: float
    """Its half width."""
    gain: float
    """How many times louder a partial at its centre gets."""


@dataclass(frozen=True, kw_only=True)
class Timbre:
    """A pitched instrument."""

    slope: float = 1.0
    """Partial k has the amplitude k to the power of minus this."""
    even: float = 1.0
    """Level of the even partials: 0 for a clarinet, 1 for a string."""
    partials: int = 24
    """How many partials at most; those above the Nyquist frequency are left out."""
    formants: tuple[Formant, ...] = ()
    """Resonances that stay where they are whatever the pitch."""
    attack_seconds: float = 0.005
    """Time to full loudness."""
    decay_seconds: float = 0.0
    """Time in which a struck or plucked note falls to 1/e; 0 holds it."""
    damping: float = 0.0
    """How much faster each higher group of partials fades; needs a decay."""
    release_seconds: float = 0.08
    """Time to silence after the note's end."""
    vibrato_hz: float = 5.2
    """Speed of the vibrato."""
    vibrato_cents: float = 0.0
    """Depth of the vibrato."""
    slide_cents: float = 0.0
    """How far from its pitch a note starts before it slides there."""
    unison: int = 1
    """How many detuned copies sound together."""
    detune_cents: float = 0.0
    """How far the outer copies are apart."""
    fm_ratio: float = 0.0
    """Modulator frequency over carrier frequency; 0 turns frequency modulation off."""
    fm_index: float = 0.0
    """Depth of the modulation at the start of a note; it fades with the note."""
    breath: float = 0.0
    """Level of the noise of breath, bow or pick."""
    drive: float = 0.0
    """How hard the note is driven into saturation."""
    level: float = 1.0
    """Loudness beside other instruments."""


@cache
def instruments() -> dict[str, tuple[Timbre, ...]]:
    """The timbres behind each name: one for an instrument, one per vowel for a throat."""
    table = load_table("instruments")
    throats, vowels = table.pop("throats"), table.pop("vowels")
    found: dict[str, tuple[Timbre, ...]] = {name: (_timbre(fields),) for name, fields in table.items()}
    for name, fields in throats.items():
        throat = _timbre(fields)
        found[name] = tuple(replace(throat, formants=_formants(rows)) for rows in vowels.values())
    return found


def _timbre(fields: dict[str, Any]) -> Timbre:
    return Timbre(**(fields | {"formants": _formants(fields.get("formants", ()))}))


def _formants(rows: list[list[float]] | tuple[()]) -> tuple[Formant, ...]:
    return tuple(Formant(*row) for row in rows)


def note(
    timbre: Timbre, *, hz: float, seconds: float, sample_rate_hz: int, rng: np.random.Generator
) -> Samples:
    """One note, mono, its loudest sample at about `timbre.level`; it rings on for the release."""
    n = max(64, round((seconds + timbre.release_seconds) * sample_rate_hz))
    t = np.arange(n, dtype=np.float32) / np.float32(sample_rate_hz)
    y = np.zeros(n, dtype=np.float32)
    spread = np.linspace(-0.5, 0.5, timbre.unison) if timbre.unison > 1 else np.zeros(1)
    for position in spread:
        copy_hz = hz * 2 ** (position * timbre.detune_cents / 1200)
        cycles = _cycles(timbre, copy_hz, t) + rng.random()
        y += _frequency_modulated(timbre, cycles, t) if timbre.fm_ratio else _additive(timbre, hz, cycles, t)
    if timbre.breath:
        y += timbre.breath * np.abs(y).max() * _breath(n, hz, sample_rate_hz, rng)
    y *= _envelope(timbre, t, seconds)
    y /= np.abs(y).max() + 1e-9
    if timbre.drive:
        y = np.tanh(y * (1 + timbre.drive)) / np.float32(np.tanh(1 + timbre.drive))
    return np.asarray(y * np.float32(timbre.level), dtype=np.float32)


def _cycles(timbre: Timbre, hz: float, t: Samples) -> npt.NDArray[np.float64]:
    """The phase of the fundamental in cycles, with vibrato and slide."""
    cycles = t.astype(np.float64) * hz
    if timbre.vibrato_cents:
        depth = hz * (2 ** (timbre.vibrato_cents / 1200) - 1) / (2 * np.pi * timbre.vibrato_hz)
        onset = np.minimum(t / np.float32(0.25), 1)
        cycles += depth * onset * np.sin(np.float32(2 * np.pi * timbre.vibrato_hz) * t)
    if timbre.slide_cents:
        distance = hz * (2 ** (timbre.slide_cents / 1200) - 1)
        cycles -= distance * SLIDE_SECONDS * (1 - np.exp(-t / np.float32(SLIDE_SECONDS)))
    return cycles


def _additive(timbre: Timbre, hz: float, cycles: npt.NDArray[np.float64], t: Samples) -> Samples:
    """Groups of partials read from one table each; in a damped note the higher groups fade faster."""
    amplitudes = _partial_amplitudes(timbre, hz, 1 / float(t[1]))
    index = (cycles * TABLE_SIZE).astype(np.int64) & (TABLE_SIZE - 1)
    if not (timbre.decay_seconds and timbre.damping):
        return _table(amplitudes, 0, amplitudes.size).take(index)
    y = np.zeros(t.size, dtype=np.float32)
    for group, start in enumerate(BAND_EDGES):
        stop = BAND_EDGES[group + 1] if group + 1 < len(BAND_EDGES) else amplitudes.size
        if start >= amplitudes.size:
            break
        fade = np.exp(t * np.float32(-timbre.damping * group / timbre.decay_seconds))
        y += _table(amplitudes, start, stop).take(index) * fade
    return y


def _partial_amplitudes(timbre: Timbre, hz: float, sample_rate_hz: float) -> npt.NDArray[np.float64]:
    count = int(np.clip(0.45 * sample_rate_hz / hz, 1, timbre.partials))
    k = np.arange(1, count + 1)
    amplitudes = k**-timbre.slope * np.where(k % 2 == 0, timbre.even, 1.0)
    if timbre.formants:
        resonance = np.full(count, 0.12)
        for formant in timbre.formants:
            resonance += formant.gain * np.exp(-(((k * hz - formant.hz) / formant.width_hz) ** 2))
        amplitudes = amplitudes * resonance
    return np.asarray(amplitudes, dtype=np.float64)


def _table(amplitudes: npt.NDArray[np.float64], start: int, stop: int) -> Samples:
    """One period of the partials `start` to `stop`, their phases spread so that they do not peak together."""
    spectrum = np.zeros(TABLE_SIZE // 2 + 1, dtype=np.complex128)
    k = np.arange(start, min(stop, amplitudes.size))
    spectrum[k + 1] = amplitudes[k] * np.exp(1j * np.pi * k**2 / 7) * (TABLE_SIZE / 2)
    return np.fft.irfft(spectrum).astype(np.float32)


def _frequency_modulated(timbre: Timbre, cycles: npt.NDArray[np.float64], t: Samples) -> Samples:
    phase = (2 * np.pi * (cycles % 1)).astype(np.float32)
    modulator = np.sin((2 * np.pi * (cycles * timbre.fm_ratio % 1)).astype(np.float32))
    fade_seconds = timbre.decay_seconds / 2 if timbre.decay_seconds else 1.5
    index = np.float32(timbre.fm_index) * np.exp(t / np.float32(-fade_seconds))
    return np.asarray(np.sin(phase + index * modulator), dtype=np.float32)


def _breath(n: int, hz: float, sample_rate_hz: int, rng: np.random.Generator) -> Samples:
    """Noise that follows the pitch: white noise thinned towards the top by a running mean."""
    noise = rng.standard_normal(n, dtype=np.float32)
    width = max(2, min(24, round(sample_rate_hz / (hz * 8))))
    total = np.cumsum(noise, dtype=np.float64)
    smooth = total.copy()
    smooth[width:] -= total[:-width]
    return np.asarray(0.4 * smooth / np.sqrt(width), dtype=np.float32)


def _envelope(timbre: Timbre, t: Samples, seconds: float) -> Samples:
    attack = np.float32(max(timbre.attack_seconds, SHORTEST_FADE_SECONDS))
    release = np.float32(max(timbre.release_seconds, SHORTEST_FADE_SECONDS))
    envelope = np.minimum(t / attack, 1)
    if timbre.decay_seconds:
        envelope *= np.exp(t / np.float32(-timbre.decay_seconds))
    envelope *= np.clip((np.float32(seconds) + release - t) / release, 0, 1)
    return np.asarray(envelope, dtype=np.float32)
