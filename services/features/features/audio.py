"""Decodes the excerpt that everything is computed from: a part of the song, mono, at the rates asked for.

libsndfile reads what it can seek in to the sample; FFmpeg reads the rest. Runs in a process of its own: a decoder can
crash, hang, and write to stderr.
"""

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import numpy as np
import soxr

from features import ffmpeg, sndfile
from features.errors import Damaged, InvalidSamples, NotAudio, Silent, TooLong, Truncated
from features.excerpts import Part
from features.foreign import foreign_kind
from features.mpeg import read_at, skip_leading_tags, skip_padding
from features.payload import find_payload
from features.sound import MAX_LOST_SECONDS, FloatArray, Sound

SAMPLE_RATE_HZ = 22_050
NATIVE = 0
"""The key of the excerpt at the file's own rate."""
# At all rates together. With the 518 values computed of it, a process stays within its limit of memory for one such
# song after the other.
MAX_KEPT_SAMPLES = 2**26
# Enough to see what a file is.
HEAD_BYTES = 4096
OPUS = b"OpusHead"
# -120 dBFS: below the last bit of 16, above what a lossy codec makes of zeros.
SILENCE_PEAK = 1e-6
# Floating-point files may leave [-1, 1], even by the range of integers; beyond that they are no sound.
ABSURD_PEAK = 1e6


@dataclass(frozen=True, kw_only=True)
class AudioProperties:
    """What the file is, and which part of it was heard."""

    codec: str
    """FFmpeg's name: "mp3", "flac", "vorbis", "opus", "aac", "pcm_s16le", ..."""
    sample_rate_hz: int
    channels: int
    duration_seconds: float
    size_bytes: int
    excerpt_start_seconds: float
    excerpt_duration_seconds: float


@dataclass(frozen=True, kw_only=True)
class Excerpt:
    """The part of a song that is listened to."""

    at: Mapping[int, FloatArray]
    """By rate in Hz, those that were asked for; NATIVE is the file's own [shape=(n,)], mono, finite."""
    properties: AudioProperties

    @property
    def y(self) -> FloatArray:
        """At 22,050 Hz."""
        return self.at[SAMPLE_RATE_HZ]


def load_excerpt(path: str, part: Part = Part.MIDDLE, rates: Collection[int] = (SAMPLE_RATE_HZ,)) -> Excerpt:
    """Decode a part of the audio file at `path` once; a song shorter than the excerpt is taken whole.

    Raises NotAudio, NoSamples, InvalidSamples, TooShort, TooLong, Silent, Damaged, Truncated, or OSError.
    """
    if os.path.getsize(path) == 0:
        raise NotAudio("the file is empty")
    with _silent_stderr():
        try:
            with _opened(path, part) as sound:
                return _heard(path, sound, rates)
        except sndfile.LostSyncError as lost:
            with ffmpeg.open_sound(path, part) as sound:
                _check_rest(sound, lost.frames)
                return _heard(path, sound, rates)


def _heard(path: str, sound: Sound, rates: Collection[int]) -> Excerpt:
    _check_length(sound, rates)
    outlets = {rate: _Outlet(sound, rate) for rate in rates}
    heard = _listen(sound, outlets.values())
    return Excerpt(
        at={rate: outlet.finish(heard) for rate, outlet in outlets.items()},
        properties=_properties(sound, heard, os.path.getsize(path)),
    )


class _Outlet:
    """The excerpt at one rate, resampled at once where it comes as one block, else block by block: equal to the bit."""

    def __init__(self, sound: Sound, rate: int) -> None:
        self._native_hz = sound.sample_rate_hz
        self._rate_hz = rate or sound.sample_rate_hz
        self._count = sound.count
        self._held = np.empty(0, dtype=np.float32)
        self._joined: _Joined | None = None

    def take(self, y: FloatArray) -> None:
        """The next block."""
        if len(self._held):
            self._joined = self._joined or _Joined(self._native_hz, self._rate_hz, self._length(self._count))
            self._joined.add(self._held)
        self._held = y

    def finish(self, heard: int) -> FloatArray:
        """What came of `heard` samples."""
        if self._joined is not None:
            self._joined.add(self._held, last=True)
            y = self._joined.y
        elif self._rate_hz == self._native_hz:
            y = self._held
        else:
            y = soxr.resample(self._held, self._native_hz, self._rate_hz, "HQ")
        return y[: self._length(heard)]

    def _length(self, frames: int) -> int:
        return -(-frames * self._rate_hz // self._native_hz)


class _Joined:
    """Blocks, resampled and joined as they come."""

    def __init__(self, native_hz: int, rate_hz: int, length: int) -> None:
        self._all = np.empty(length, dtype=np.float32)
        self._filled = 0
        self._stream = (
            soxr.ResampleStream(native_hz, rate_hz, 1, dtype="float32", quality="HQ")
            if rate_hz != native_hz
            else None
        )

    @property
    def y(self) -> FloatArray:
        """What came so far."""
        return self._all[: self._filled]

    def add(self, y: FloatArray, *, last: bool = False) -> None:
        if self._stream is not None:
            y = self._stream.resample_chunk(y, last=last)
        y = y[: len(self._all) - self._filled]
        self._all[self._filled : self._filled + len(y)] = y
        self._filled += len(y)


def _opened(path: str, part: Part) -> AbstractContextManager[Sound]:
    with open(path, "rb") as file:
        payload, tag_bytes = find_payload(file), skip_leading_tags(file)
        head = read_at(file, skip_padding(file, tag_bytes), HEAD_BYTES)
    if payload.is_truncated:
        raise Truncated("the file ends before its own header says; copy or rip it again")
    # libsndfile forgets a tag in front when it seeks in FLAC, takes twice as long over Opus, and believes any header.
    is_for_ffmpeg = (payload.container == "flac" and tag_bytes) or OPUS in head or payload.is_overlong
    opened = None if is_for_ffmpeg else sndfile.open_file(path)
    if opened is not None:
        return sndfile.open_sound(opened, part)
    kind = foreign_kind(head)
    if kind:
        raise NotAudio(f"the file is {kind}, and no audio")
    return ffmpeg.open_sound(path, part)


def _check_rest(sound: Sound, promised_frames: int) -> None:
    """Refuse what lost more than a little of the song on the way."""
    lost_seconds = (promised_frames - sound.frames) / sound.sample_rate_hz
    if lost_seconds > MAX_LOST_SECONDS:
        raise Damaged(
            f"{lost_seconds:.1f} s of the song are damaged, or its header says more than it holds; "
            "copy or rip the file again"
        )


def _check_length(sound: Sound, rates: Collection[int]) -> None:
    """Refuse, before the work, what is too long to be kept; only songs that are heard whole can be."""
    seconds = sound.count / sound.sample_rate_hz
    limit = MAX_KEPT_SAMPLES / max(1, sum(rate or sound.sample_rate_hz for rate in rates))
    if seconds > limit:
        raise TooLong(
            f"the song lasts {seconds / 60:.0f} minutes, and up to {limit / 60:.0f} can be heard as a whole; "
            "choose 30 seconds as the excerpt instead"
        )


def _listen(sound: Sound, outlets: Collection[_Outlet]) -> int:
    """Hand the excerpt to the outlets; the number of its samples. Raises what is wrong with them."""
    heard, peak, loudest_channel = 0, 0.0, 0.0
    for block in sound.blocks:
        y = _mono(block)
        peak = max(peak, _peak(y))
        if peak < SILENCE_PEAK:
            loudest_channel = max(loudest_channel, _peak(block))
        heard += len(y)
        for outlet in outlets:
            outlet.take(y)
    lost_seconds = (sound.count - heard) / sound.sample_rate_hz
    if lost_seconds > MAX_LOST_SECONDS:
        raise Truncated(
            f"{lost_seconds:.1f} s of the excerpt are not there: the file ends early, or its header says more than "
            "it holds; copy or rip it again"
        )
    if peak < SILENCE_PEAK:
        is_cancelled = loudest_channel >= SILENCE_PEAK
        why = "its channels cancel each other out" if is_cancelled else "there is nothing to hear"
        raise Silent(f"what is heard of the song is digital silence; {why}")
    return heard


def _mono(samples: FloatArray) -> FloatArray:
    """The mean of the channels."""
    # The half sum equals numpy's mean bit by bit and costs a thirtieth.
    return (
        (samples[:, 0] + samples[:, 1]) * np.float32(0.5) if samples.shape[1] == 2 else samples.mean(axis=1)
    )


def _peak(samples: FloatArray) -> float:
    peak = float(max(samples.max(), -samples.min()))
    if not peak <= ABSURD_PEAK:  # NaN compares false
        raise InvalidSamples("the file holds samples that are not numbers, or far out of range; rip it again")
    return peak


def _properties(sound: Sound, heard: int, size_bytes: int) -> AudioProperties:
    return AudioProperties(
        codec=sound.codec,
        sample_rate_hz=sound.sample_rate_hz,
        channels=sound.channels,
        duration_seconds=sound.frames / sound.sample_rate_hz,
        size_bytes=size_bytes,
        excerpt_start_seconds=sound.start / sound.sample_rate_hz,
        excerpt_duration_seconds=heard / sound.sample_rate_hz,
    )


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Keep what C code prints, as mpg123 does of odd tags, out of the log."""
    saved = os.dup(2)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    os.close(nothing)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
