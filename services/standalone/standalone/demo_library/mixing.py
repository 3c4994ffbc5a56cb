"""From a score to a finished stereo mix."""

import numpy as np
import numpy.typing as npt
from scipy import signal

from standalone.demo_library.artists import Artist, Mix
from standalone.demo_library.percussion import Stroke, kits, strike
from standalone.demo_library.score import Note, Score
from standalone.demo_library.timbres import Samples, note

PANS = {"bass": 0.0, "comp": -0.55, "pad": 0.4, "lead": 0.1}
"""Where each part stands, -1 left to 1 right; an odd artist's stage is mirrored."""
DRUM_PANS = {
    "kick": 0.0,
    "snare": 0.05,
    "hat": 0.4,
    "open": 0.4,
    "ride": -0.5,
    "crash": -0.3,
    "shaker": 0.6,
    "conga": -0.4,
}
SENDS = {"bass": 0.05, "comp": 0.5, "pad": 0.6, "lead": 0.7, "drums": 0.35}
"""How much of each part reaches the room."""
CEILING = 0.97
"""No sample of a song is beyond it."""
FADE_SECONDS = 0.8
LONGEST_TAIL_SECONDS = 2.5
"""Where a room's answer is cut off; computing more of it takes longer than it is heard."""


class Desk:
    """Two channels and a way to the room, to which parts are added."""

    def __init__(self, seconds: float, sample_rate_hz: int) -> None:
        n = round(seconds * sample_rate_hz)
        self.sample_rate_hz = sample_rate_hz
        self.channels: npt.NDArray[np.float32] = np.zeros((2, n), dtype=np.float32)
        self.room = np.zeros(n, dtype=np.float32)

    def add(self, y: Samples, *, pan: float, send: float) -> None:
        """Add a part of the whole length."""
        angle = (pan + 1) * np.pi / 4
        self.channels[0] += np.float32(np.cos(angle)) * y
        self.channels[1] += np.float32(np.sin(angle)) * y
        self.room += np.float32(send) * y


def mix(
    score: Score, artist: Artist, *, sample_rate_hz: int, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """The song, shape (2, n), within the ceiling."""
    desk = Desk(score.seconds, sample_rate_hz)
    side = float(rng.choice((-1, 1)))
    push = _pump(score, artist.mix.pump, desk)
    for part, notes in score.parts.items():
        y = _play(notes, artist, part, score, desk, rng)
        y *= np.float32(10 ** (artist.levels_db[part] / 20)) * push
        desk.add(y, pan=side * PANS[part], send=SENDS[part])
    _drum(score, artist, desk, rng)
    return _finish(desk, artist.mix, rng)


def _play(
    notes: tuple[Note, ...], artist: Artist, part: str, score: Score, desk: Desk, rng: np.random.Generator
) -> Samples:
    """A part's notes, each sounded once and reused where it returns."""
    y = np.zeros_like(desk.room)
    timbres = artist.parts[part]
    sounded: dict[tuple[int, int, int], Samples] = {}
    for event in notes:
        key = (int(rng.integers(len(timbres))), event.midi, event.steps)
        if key not in sounded:
            hz = 440 * 2 ** ((event.midi - 69 + artist.tuning_cents / 100) / 12)
            seconds = 0.95 * event.steps * score.step_seconds
            sounded[key] = note(
                timbres[key[0]], hz=hz, seconds=seconds, sample_rate_hz=desk.sample_rate_hz, rng=rng
            )
        _lay(y, sounded[key], event.start_seconds, event.loudness, desk.sample_rate_hz)
    return y


def _lay(track: Samples, sound: Samples, start_seconds: float, loudness: float, sample_rate_hz: int) -> None:
    start = round(start_seconds * sample_rate_hz)
    stop = min(start + sound.size, track.size)
    if stop > start:
        track[start:stop] += np.float32(loudness) * sound[: stop - start]


def _drum(score: Score, artist: Artist, desk: Desk, rng: np.random.Generator) -> None:
    kit: dict[str, Stroke] = kits()[artist.kit]
    level = 10 ** (artist.levels_db["drums"] / 20)
    for drum in sorted({event.drum for event in score.drums}):
        sound = strike(kit[drum], sample_rate_hz=desk.sample_rate_hz, pitch=artist.drum_pitch, rng=rng)
        y = np.zeros_like(desk.room)
        for event in score.drums:
            if event.drum == drum:
                _lay(y, sound, event.start_seconds, level * event.loudness, desk.sample_rate_hz)
        desk.add(y, pan=DRUM_PANS.get(drum, 0.25), send=0.0 if drum == "kick" else SENDS["drums"])


def _pump(score: Score, depth: float, desk: Desk) -> Samples:
    """The level of everything but the drums, pushed down by each kick for a quarter of a second."""
    push = np.ones_like(desk.room)
    if depth <= 0:
        return push
    length = round(0.25 * desk.sample_rate_hz)
    recovery = (1 - depth * (1 - np.linspace(0, 1, length)) ** 1.5).astype(np.float32)
    for event in score.drums:
        if event.drum == "kick":
            start = round(event.start_seconds * desk.sample_rate_hz)
            stop = min(start + length, push.size)
            push[start:stop] = np.minimum(push[start:stop], recovery[: stop - start])
    return push


def _finish(desk: Desk, mix: Mix, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """1. Room, 2. width, 3. tone, 4. noise and crackle, 5. loudness, 6. ceiling, 7. fades."""
    y = desk.channels + _reverberation(desk, mix, rng)
    middle, side = (y[0] + y[1]) / 2, (y[0] - y[1]) / 2 * np.float32(mix.width)
    y = np.stack([middle + side, middle - side])
    y = _tone(y, mix, desk.sample_rate_hz)
    y *= np.float32(10 ** (mix.loudness_dbfs / 20) / (np.sqrt(np.mean(y**2)) + 1e-9))
    y += np.float32(10 ** (mix.noise_dbfs / 20)) * rng.standard_normal(y.shape, dtype=np.float32)
    if mix.crackle_dbfs is not None:
        y += _crackle(y.shape[1], mix.crackle_dbfs, desk.sample_rate_hz, rng)
    y = np.float32(CEILING) * np.tanh(y / np.float32(CEILING))
    fade = round(FADE_SECONDS * desk.sample_rate_hz)
    y[:, -fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    y[:, : fade // 40] *= np.linspace(0, 1, fade // 40, dtype=np.float32)
    return np.asarray(y, dtype=np.float32)


def _reverberation(desk: Desk, mix: Mix, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """The room's answer: noise that fades by 60 dB in the reverberation time, darker towards its end."""
    n = round(min(mix.reverb_seconds, LONGEST_TAIL_SECONDS) * desk.sample_rate_hz)
    t = np.arange(n, dtype=np.float32) / np.float32(desk.sample_rate_hz)
    response = rng.standard_normal((2, n), dtype=np.float32) * np.exp(
        -6.9 * t / np.float32(mix.reverb_seconds)
    )
    response = signal.lfilter([0.45], [1, -0.55], response).astype(np.float32)
    response *= np.float32(mix.reverb_level) / np.sqrt(np.sum(response**2, axis=1, keepdims=True))
    wet = signal.oaconvolve(desk.room[None, :], response, axes=1)[:, : desk.room.size]
    return np.asarray(wet, dtype=np.float32)


def _tone(y: npt.NDArray[np.float32], mix: Mix, sample_rate_hz: int) -> npt.NDArray[np.float32]:
    """Shelves below 200 Hz and above 4 kHz, a bell at 1 kHz, and a low-pass."""
    low, middle, high = mix.tone_db
    sections = [
        _shelf(200, low, sample_rate_hz, above=False),
        _bell(1000, middle, sample_rate_hz),
        _shelf(4000, high, sample_rate_hz, above=True),
        signal.butter(2, min(mix.lowpass_hz, 0.45 * sample_rate_hz), fs=sample_rate_hz, output="sos")[0],
    ]
    filtered = signal.sosfilt(np.array(sections, dtype=np.float32), y, axis=1)
    return np.asarray(filtered, dtype=np.float32)


def _shelf(hz: float, gain_db: float, sample_rate_hz: int, *, above: bool) -> npt.NDArray[np.float64]:
    """A second-order shelf by the Audio EQ Cookbook, slope 1."""
    a = 10 ** (gain_db / 40)
    w = 2 * np.pi * hz / sample_rate_hz
    cos = np.cos(w) * (1 if above else -1)
    beta = np.sqrt(2 * a) * np.sin(w)
    b = (
        np.array([a + 1 + (a - 1) * cos + beta, -2 * (a - 1 + (a + 1) * cos), a + 1 + (a - 1) * cos - beta])
        * a
    )
    d = np.array([a + 1 - (a - 1) * cos + beta, 2 * (a - 1 - (a + 1) * cos), a + 1 - (a - 1) * cos - beta])
    if not above:
        b[1], d[1] = -b[1], -d[1]
    return np.asarray(np.concatenate([b, d]) / d[0], dtype=np.float64)


def _bell(hz: float, gain_db: float, sample_rate_hz: int) -> npt.NDArray[np.float64]:
    """A peak an octave and a half wide by the Audio EQ Cookbook."""
    a = 10 ** (gain_db / 40)
    w = 2 * np.pi * hz / sample_rate_hz
    alpha = np.sin(w) / (2 * 0.9)
    b = np.array([1 + alpha * a, -2 * np.cos(w), 1 - alpha * a])
    d = np.array([1 + alpha / a, -2 * np.cos(w), 1 - alpha / a])
    return np.asarray(np.concatenate([b, d]) / d[0], dtype=np.float64)


def _crackle(n: int, crackle_dbfs: float, sample_rate_hz: int, rng: np.random.Generator) -> Samples:
    """Some twenty clicks a second of very different loudness, and a hiss below them."""
    clicks = np.zeros(n, dtype=np.float32)
    count = round(20 * n / sample_rate_hz)
    clicks[rng.integers(0, n, count)] = rng.exponential(1.0, count) ** 2 * rng.choice((-1, 1), count)
    b, a = signal.butter(1, (900, 6000), btype="bandpass", fs=sample_rate_hz)
    clicks = signal.lfilter(b, a, clicks).astype(np.float32)
    clicks += 0.2 * np.std(clicks) * rng.standard_normal(n, dtype=np.float32)
    return np.asarray(clicks * np.float32(10 ** (crackle_dbfs / 20) / np.std(clicks)), dtype=np.float32)
