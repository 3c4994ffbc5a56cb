"""Sixty made-up excerpts of ten kinds, the same in every run: what the 518 values are compared on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soxr

FloatArray = npt.NDArray[np.floating]

# Of each kind; the longest is the excerpt that the service takes of a song, the shortest the shortest song it takes.
SECONDS = (30.0, 12.0, 8.0, 6.0, 5.0, 5.0)


@dataclass(frozen=True, kw_only=True)
class MadeExcerpt:
    """An excerpt, and what it is like."""

    kind: str
    y: FloatArray
    """Mono, float32."""


def made_excerpts() -> Iterator[MadeExcerpt]:
    """One after another, six of each kind."""
    for kind in KINDS:
        for number, seconds in enumerate(SECONDS):
            yield MadeExcerpt(kind=kind, y=made_excerpt(kind, number, seconds))


def made_excerpt(kind: str, number: int, seconds: float, sample_rate_hz: int = 22_050) -> FloatArray:
    """Mono, float32; each number is another one of the kind."""
    random = np.random.default_rng([number, *kind.encode()])
    y = KINDS[kind](random, np.arange(round(seconds * sample_rate_hz)) / sample_rate_hz)
    return np.clip(y, -1, 1).astype(np.float32)


def chords(random: np.random.Generator, t: FloatArray, cents: float = 0.0) -> FloatArray:
    """Chords of decaying partials, a new one every second or so; `cents` is how far they are out of tune."""
    y = np.zeros_like(t)
    beat = random.uniform(0.4, 1.2)
    for start in np.arange(0, t[-1], beat):
        now = (t >= start) & (t < start + 1.5 * beat)
        since = t[now] - start
        for pitch in random.choice(np.arange(45, 80), 3):
            frequency = 440 * 2 ** ((pitch - 69 + cents / 100) / 12)
            for partial in range(1, 6):
                y[now] += np.sin(2 * np.pi * frequency * partial * since) * np.exp(-2 * since) / partial**1.5
    return 0.15 * y


def speech(random: np.random.Generator, t: FloatArray) -> FloatArray:
    """A voice that glides, through three formants that move, with pauses."""
    rate_hz = 1 / (t[1] - t[0])
    steps = np.repeat(random.uniform(90, 220, t.size // 4000 + 1), 4000)[: t.size]
    phase = np.cumsum(np.convolve(steps, np.ones(2000) / 2000, "same")) / rate_hz
    y = np.zeros_like(t)
    formants = [np.repeat(random.uniform(*span, t.size // 3000 + 1), 3000)[: t.size] for span in FORMANTS_HZ]
    for partial in range(1, 20):
        frequency = partial * steps
        gain = sum(np.exp(-(((frequency - formant) / 150) ** 2)) for formant in formants)
        y += np.sin(2 * np.pi * partial * phase) * gain
    return 0.2 * y * (np.sin(2 * np.pi * random.uniform(0.5, 1.5) * t) > -0.6) + 1e-4 * noise(random, t)


FORMANTS_HZ = ((250, 850), (850, 2300), (2300, 3200))


def drums(random: np.random.Generator, t: FloatArray) -> FloatArray:
    """Kicks and hits of noise that die away to nothing."""
    y = np.zeros_like(t)
    for start in np.cumsum(random.choice([0.125, 0.25, 0.5], 400)):
        now = (t >= start) & (t < start + 0.4)
        since = t[now] - start
        if random.random() < 0.5:
            y[now] += np.sin(2 * np.pi * (50 * since + 6 * (1 - np.exp(-30 * since)))) * np.exp(-9 * since)
        else:
            y[now] += random.standard_normal(since.size) * np.exp(-random.uniform(15, 60) * since) * 0.4
    return 0.6 * y


def noise(random: np.random.Generator, t: FloatArray) -> FloatArray:
    """White, pink or brown."""
    spectrum = np.fft.rfft(random.standard_normal(t.size))
    spectrum /= np.maximum(1, np.arange(spectrum.size)) ** random.choice([0.0, 0.5, 1.0])
    y = np.fft.irfft(spectrum, t.size)
    return 0.5 * y / np.abs(y).max()


def chiptune(random: np.random.Generator, t: FloatArray) -> FloatArray:
    """Two square waves of arpeggios and a noise channel, in a few levels."""
    pitches = random.choice([48, 52, 55, 60, 64, 67, 72], (2, t.size // 1500 + 1))
    y = np.zeros_like(t)
    for voice in pitches:
        frequency = 440 * 2 ** ((np.repeat(voice, 1500)[: t.size] - 69) / 12)
        y += np.sign(np.sin(2 * np.pi * np.cumsum(frequency) * (t[1] - t[0])))
    hiss = np.repeat(random.choice([-1.0, 1.0], t.size // 8 + 1), 8)[: t.size] * ((t * 4) % 1 < 0.1)
    return np.round((y * 0.2 + hiss * 0.2) * 16) / 16


def tonal(random: np.random.Generator, t: FloatArray) -> FloatArray:
    return chords(random, t)


def detuned(random: np.random.Generator, t: FloatArray) -> FloatArray:
    return chords(random, t, cents=random.uniform(-49, 49))


def partly_silent(random: np.random.Generator, t: FloatArray) -> FloatArray:
    start, end = np.sort(random.uniform(0, t[-1], 2))
    return chords(random, t) * ~((t > start) & (t < end))


def clipped(random: np.random.Generator, t: FloatArray) -> FloatArray:
    return 8 * (chords(random, t) + 0.3 * drums(random, t))


def very_quiet(random: np.random.Generator, t: FloatArray) -> FloatArray:
    return 10 ** random.uniform(-5, -3) * (chords(random, t) + 0.1 * noise(random, t))


def low_rate(random: np.random.Generator, t: FloatArray) -> FloatArray:
    """Music that was recorded at 8 kHz: nothing but the resampler's rounding in the upper bins."""
    rate_hz = round(1 / (t[1] - t[0]))
    slow = np.arange(0, t[-1] + 0.01, 1 / 8000)
    y = soxr.resample((chords(random, slow) + 0.1 * drums(random, slow)).astype(np.float32), 8000, rate_hz)
    return y[: t.size]


KINDS: dict[str, Callable[[np.random.Generator, FloatArray], FloatArray]] = {
    "speech": speech,
    "percussive": drums,
    "tonal": tonal,
    "detuned": detuned,
    "noise": noise,
    "chiptune": chiptune,
    "partly silent": partly_silent,
    "clipped": clipped,
    "very quiet": very_quiet,
    "8 kHz source": low_rate,
}
