"""Decodes the excerpt that everything is computed from: a part of the song, mono, at the rates asked for.

libsndfile reads what it can seek in to the sample; FFmpeg reads the rest. Runs in a process of its own: a decoder can
crash, hang, and write to stderr.
"""

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np
import soxr

from features.audio import ffmpeg, sndfile
from features.audio.excerpts import EXCERPT_SECONDS, STEPS, Part
from features.audio.file_type import foreign_kind
from features.audio.level import Level, LevelMeter
from features.audio.mpeg import read_at, skip_leading_tags, skip_padding
from features.audio.payload import Payload, find_payload
from features.audio.stream import MAX_LOST_SECONDS, FloatArray, Sound
from features.errors import (
    Damaged,
    FeatureError,
    InvalidSamples,
    NoSamples,
    NotAudio,
    Silent,
    TooLong,
    Truncated,
)

SAMPLE_RATE_HZ = 22_050
NATIVE = 0
"""The key of the excerpt at the file's own rate."""
# At all rates together. With the 518 values computed of it, a process stays within its limit of memory for one such
# song after the other.
MAX_KEPT_SAMPLES = 2**26
# Enough to see what a file is.
HEAD_BYTES = 4096
READ_BYTES = 1 << 20
OPUS = b"OpusHead"
REMEDY = "copy or rip it again"
CUT_OFF = f"the file ends before its own header says; {REMEDY}"
# Of the seconds of a part of a song; with less sound in it another part stands for the song.
AUDIBLE_SHARE = 0.5
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

    1. Where the part is silent for most of its length, the other places of a part are tried in their order; the first
       that is not is taken, else the one with the most seconds of sound.
    2. Where its channels cancel each other out, one of them is heard instead of their mean.

    Raises NotAudio, NoSamples, InvalidSamples, TooShort, TooLong, Silent, Damaged, Truncated, or OSError.
    """
    if os.path.getsize(path) == 0:
        raise NotAudio("the file is empty")
    with _silent_stderr():
        return _audible(_File.at(path), part, rates)


@dataclass(frozen=True, kw_only=True)
class _Tried:
    """What was heard at one place of a song."""

    excerpt: Excerpt
    level: Level
    room_seconds: float
    """Of the song, beside the part: how far it can be moved."""


def _audible(file: "_File", part: Part, rates: Collection[int]) -> Excerpt:
    enough = 0.0 if part is Part.WHOLE else AUDIBLE_SHARE
    first, *others = part.places
    best = _tried(file, part, first, rates)
    begun = [best.excerpt.properties.excerpt_start_seconds]
    for place in others:
        if best.level.audible_share > enough:
            break
        start = best.room_seconds * place / STEPS
        if any(abs(start - other) < EXCERPT_SECONDS / 2 for other in begun):
            continue  # most of it was heard
        begun.append(start)
        try:
            tried = _tried(file, part, place, rates)
        except (Damaged, Truncated):
            continue
        if tried.level.audible_share > best.level.audible_share:
            best = tried
    if best.level.audible_share == 0:
        raise Silent("nothing that can be heard is in the song, only silence or noise below -70 dB")
    return best.excerpt


def _tried(file: "_File", part: Part, place: int, rates: Collection[int]) -> _Tried:
    """What is heard at a place, of one channel where their mean is not the song."""
    tried = _decoded(file, part, place, rates)
    channel = tried.level.instead
    return tried if channel is None else _decoded(file, part, place, rates, channel)


def _decoded(
    file: "_File", part: Part, place: int, rates: Collection[int], channel: int | None = None
) -> _Tried:
    try:
        with file.opened(part, place) as sound:
            return _heard(file, sound, rates, channel)
    except sndfile.LostSyncError as lost:
        # Without a header libsndfile guesses the length of an MP3 by its bit rate.
        promised = lost.frames if file.payload.has_length else None
        try:
            with file.opened_by_ffmpeg(part, place, promised=promised) as sound:
                return _heard(file, sound, rates, channel)
        except FeatureError as error:
            error.said = f"{error.said} {lost.said}".strip()
            raise


def _heard(file: "_File", sound: Sound, rates: Collection[int], channel: int | None) -> _Tried:
    _check_length(sound, rates)
    outlets = {rate: _Outlet(sound, rate) for rate in rates}
    meter = LevelMeter(sound.sample_rate_hz)
    heard = _listen(sound, outlets.values(), meter, channel)
    file.check_end(sound, heard)
    excerpt = Excerpt(
        at={rate: outlet.finish(heard) for rate, outlet in outlets.items()},
        properties=_properties(sound, heard, os.path.getsize(file.path)),
    )
    room_seconds = (sound.frames - sound.count) / sound.sample_rate_hz
    return _Tried(excerpt=excerpt, level=meter.result(), room_seconds=room_seconds)


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


@dataclass(frozen=True, kw_only=True)
class _File:
    """A file, and what a look at it tells before it is opened."""

    path: str
    payload: Payload
    head: bytes
    """Behind tags and padding."""
    is_tagged: bool
    """There is a tag in front of the sound."""

    @classmethod
    def at(cls, path: str) -> Self:
        """Look at the file."""
        with open(path, "rb") as file:
            payload, tag_bytes = find_payload(file), skip_leading_tags(file)
            head = read_at(file, skip_padding(file, tag_bytes), HEAD_BYTES)
        return cls(path=path, payload=payload, head=head, is_tagged=tag_bytes > 0)

    @contextmanager
    def opened(self, part: Part, place: int) -> Iterator[Sound]:
        """Its sound, by the decoder that knows it best."""
        # libsndfile forgets a tag in front when it seeks in FLAC, takes long over Opus, and believes any header.
        is_tagged_flac = self.payload.container == "flac" and self.is_tagged
        is_for_ffmpeg = is_tagged_flac or OPUS in self.head
        is_for_ffmpeg |= self.payload.is_overlong or self.payload.is_packed
        opened = None if is_for_ffmpeg else sndfile.open_file(self.path)
        if opened is not None:
            with sndfile.open_sound(opened, part, place, share=self.payload.share) as sound:
                yield sound
            return
        kind = foreign_kind(self.head)
        # Behind many zeros there may be music yet.
        if kind and (any(self.head) or not _has_more_than_zeros(self.path)):
            raise NotAudio(f"the file is {kind}, and no audio")
        with self.opened_by_ffmpeg(part, place) as sound:
            yield sound

    @contextmanager
    def opened_by_ffmpeg(self, part: Part, place: int, *, promised: int | None = None) -> Iterator[Sound]:
        """Its sound by FFmpeg; `promised` are the samples that its header says."""
        try:
            with ffmpeg.open_sound(self.path, part, place, promised=promised) as sound:
                yield sound
        except (Damaged, NotAudio, NoSamples) as error:
            if self.payload.is_truncated:
                raise Truncated(CUT_OFF, said=error.said) from error
            raise

    def check_end(self, sound: Sound, heard: int) -> None:
        """Refuse what ends within the excerpt. What is missing behind it costs nothing."""
        lost_seconds = (sound.count - heard) / sound.sample_rate_hz
        is_little = not sound.is_promised and heard > sound.count / 2
        if lost_seconds > MAX_LOST_SECONDS and not is_little:
            what = f"{lost_seconds:.1f} s of the excerpt are not there: "
            # Its header counts what is in front of a hole and behind it.
            is_counted = self.payload.container == "stream" and self.payload.has_length
            if sound.codec == "mp3" and is_counted and not self.payload.is_truncated:
                raise Damaged(
                    f"{what}they are damaged, or the file's header says more than it holds; {REMEDY}"
                )
            raise Truncated(f"{what}the file ends early, or its header says more than it holds; {REMEDY}")
        # Where Ogg was cut off, nothing tells how much is missing.
        is_last = sound.start + sound.count >= sound.frames - MAX_LOST_SECONDS * sound.sample_rate_hz
        if self.payload.container == "ogg" and self.payload.is_truncated and is_last:
            raise Truncated(CUT_OFF)


def _has_more_than_zeros(path: str) -> bool:
    with open(path, "rb") as file:
        return any(block.strip(b"\0") for block in iter(partial(file.read, READ_BYTES), b""))


def _check_length(sound: Sound, rates: Collection[int]) -> None:
    """Refuse, before the work, what is too long to be kept; only songs that are heard whole can be."""
    seconds = sound.count / sound.sample_rate_hz
    limit = MAX_KEPT_SAMPLES / max(1, sum(rate or sound.sample_rate_hz for rate in rates))
    if seconds > limit:
        raise TooLong(
            f"the song lasts {seconds / 60:.0f} minutes, and up to {limit / 60:.0f} can be heard as a whole; "
            "choose 30 seconds as the excerpt instead"
        )


def _listen(sound: Sound, outlets: Collection[_Outlet], meter: LevelMeter, channel: int | None) -> int:
    """Hand the excerpt to the outlets and the meter; the number of its samples. Raises what is wrong with them."""
    heard = 0
    for block in sound.blocks:
        y = _mono(block) if channel is None else _one(block, channel)
        _check_samples(y)
        meter.add(block, y)
        heard += len(y)
        for outlet in outlets:
            outlet.take(y)
    return heard


def _mono(samples: FloatArray) -> FloatArray:
    """The mean of the channels."""
    if samples.shape[1] == 1:
        return samples[:, 0]
    with np.errstate(invalid="ignore", over="ignore"):  # what is no number is told afterwards
        # The half sum equals numpy's mean bit by bit and costs a thirtieth.
        if samples.shape[1] == 2:
            return (samples[:, 0] + samples[:, 1]) * np.float32(0.5)
        mean: FloatArray = samples.mean(axis=1)
    return mean


def _one(samples: FloatArray, channel: int) -> FloatArray:
    """One channel; the last where the song has fewer by now."""
    return np.ascontiguousarray(samples[:, min(channel, samples.shape[1] - 1)])


def _check_samples(samples: FloatArray) -> None:
    peak = float(max(samples.max(), -samples.min()))
    if not peak <= ABSURD_PEAK:  # NaN compares false
        raise InvalidSamples("the file holds samples that are not numbers, or far out of range; rip it again")


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
