"""Decodes the excerpt that everything is computed from: mono, at the sample rates asked for.

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

from features.audio import ffmpeg, sndfile
from features.audio.excerpts import EXCERPT_SECONDS, STEPS, Excerpt
from features.audio.file_type import foreign_kind, undecodable_format
from features.audio.level import Level, LevelMeter
from features.audio.mpeg import read_at, skip_leading_tags, skip_padding
from features.audio.payload import Payload, find_payload
from features.audio.resampling import Resampler
from features.audio.stream import MAX_LOST_SECONDS, AudioStream
from features.errors import (
    DamagedError,
    FeatureError,
    InvalidSamplesError,
    NoSamplesError,
    NotAudioError,
    SilentError,
    TooLongError,
    TruncatedError,
)
from features.vectors import FloatArray

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
# Of an excerpt; with less sound in it another place stands for the song.
AUDIBLE_SHARE = 0.5
# Floating-point files may leave [-1, 1], even by the range of integers; beyond that they are no sound.
ABSURD_PEAK = 1e6


@dataclass(frozen=True, kw_only=True)
class AudioProperties:
    """What the file is, and which part of it is the excerpt."""

    codec: str
    """FFmpeg's name: "mp3", "flac", "vorbis", "opus", "aac", "pcm_s16le", ..."""
    sample_rate_hz: int
    channels: int
    duration_seconds: float
    size_bytes: int
    excerpt_start_seconds: float
    excerpt_duration_seconds: float


@dataclass(frozen=True, kw_only=True)
class DecodedExcerpt:
    """The excerpt of a song, as samples."""

    at: Mapping[int, FloatArray]
    """By rate in Hz, those that were asked for; NATIVE is the file's own [shape=(n,)], mono, finite."""
    properties: AudioProperties

    @property
    def y(self) -> FloatArray:
        """At 22,050 Hz."""
        return self.at[SAMPLE_RATE_HZ]


def load_excerpt(
    path: str, excerpt: Excerpt = Excerpt.MIDDLE, rates: Collection[int] = (SAMPLE_RATE_HZ,)
) -> DecodedExcerpt:
    """Decode an excerpt of the audio file at `path` once; a song shorter than the excerpt is taken whole.

    1. Where the excerpt is silent for most of its length, the other places of one are tried in their order; the first
       that is not is taken, else the one with the most sound.
    2. Where its channels cancel each other out, one of them is taken instead of their mean.

    Raises NotAudioError, NoSamplesError, InvalidSamplesError, TooShortError, TooLongError, SilentError, DamagedError,
    TruncatedError, or OSError.
    """
    if os.path.getsize(path) == 0:
        raise NotAudioError("the file is empty")
    with _silent_stderr():
        return _audible(_File.at(path), excerpt, rates)


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    """What was decoded at one place of a song."""

    decoded: DecodedExcerpt
    level: Level
    spare_seconds: float
    """Of the song, beside the excerpt: how far it can be moved."""


def _audible(file: "_File", excerpt: Excerpt, rates: Collection[int]) -> DecodedExcerpt:
    enough = 0.0 if excerpt is Excerpt.WHOLE else AUDIBLE_SHARE
    first, *others = excerpt.places
    best = _candidate(file, excerpt, first, rates)
    starts = [best.decoded.properties.excerpt_start_seconds]
    for place in others:
        if best.level.audible_share > enough:
            break
        start = best.spare_seconds * place / STEPS
        if any(abs(start - other) < EXCERPT_SECONDS / 2 for other in starts):
            continue  # most of it was decoded
        starts.append(start)
        try:
            candidate = _candidate(file, excerpt, place, rates)
        except (DamagedError, TruncatedError):
            continue
        if candidate.level.audible_share > best.level.audible_share:
            best = candidate
    if best.level.audible_share == 0:
        raise SilentError("nothing that can be heard is in the song, only silence or noise below -70 dB")
    return best.decoded


def _candidate(file: "_File", excerpt: Excerpt, place: int, rates: Collection[int]) -> _Candidate:
    """What is decoded at a place, of one channel where their mean is not the song."""
    candidate = _decoded(file, excerpt, place, rates)
    channel = candidate.level.only_channel
    return candidate if channel is None else _decoded(file, excerpt, place, rates, channel)


def _decoded(
    file: "_File", excerpt: Excerpt, place: int, rates: Collection[int], channel: int | None = None
) -> _Candidate:
    try:
        with file.opened(excerpt, place) as stream:
            return _read(file, stream, rates, channel)
    except sndfile.LostSyncError as lost:
        # Without a header libsndfile guesses the length of an MP3 by its bit rate.
        promised = lost.frames if file.payload.has_length else None
        try:
            with file.opened_by_ffmpeg(excerpt, place, promised=promised) as stream:
                return _read(file, stream, rates, channel)
        except FeatureError as error:
            error.detail = f"{error.detail} {lost.detail}".strip()
            raise


def _read(file: "_File", stream: AudioStream, rates: Collection[int], channel: int | None) -> _Candidate:
    _check_length(stream, rates)
    resamplers = {rate: Resampler(stream, rate) for rate in rates}
    meter = LevelMeter(stream.sample_rate_hz)
    count = _read_blocks(stream, resamplers.values(), meter, channel)
    file.check_end(stream, count)
    decoded = DecodedExcerpt(
        at={rate: resampler.finish(count) for rate, resampler in resamplers.items()},
        properties=_properties(stream, count, os.path.getsize(file.path)),
    )
    spare_seconds = (stream.frames - stream.count) / stream.sample_rate_hz
    return _Candidate(decoded=decoded, level=meter.result(), spare_seconds=spare_seconds)


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
    def opened(self, excerpt: Excerpt, place: int) -> Iterator[AudioStream]:
        """Its sound, by the decoder that knows it best."""
        # libsndfile forgets a tag in front when it seeks in FLAC, takes long over Opus, and believes any header.
        is_tagged_flac = self.payload.container == "flac" and self.is_tagged
        is_for_ffmpeg = is_tagged_flac or OPUS in self.head
        is_for_ffmpeg |= self.payload.is_overlong or self.payload.is_packed
        is_for_ffmpeg |= self.payload.is_variable or self.payload.is_chained
        opened = None if is_for_ffmpeg else sndfile.open_file(self.path)
        if opened is not None:
            with sndfile.open_stream(opened, excerpt, place, share=self.payload.share) as stream:
                yield stream
            return
        kind = foreign_kind(self.head)
        # Behind many zeros there may be music yet.
        if kind and (any(self.head) or not _has_more_than_zeros(self.path)):
            raise NotAudioError(f"the file is {kind}, and no audio")
        name = undecodable_format(self.head)
        if name:
            raise NotAudioError(
                f"the file is of the format {name}, which cannot be decoded here; convert it to FLAC"
            )
        with self.opened_by_ffmpeg(excerpt, place) as stream:
            yield stream

    @contextmanager
    def opened_by_ffmpeg(
        self, excerpt: Excerpt, place: int, *, promised: int | None = None
    ) -> Iterator[AudioStream]:
        """Its sound by FFmpeg; `promised` are the samples that its header says."""
        try:
            is_chained = self.payload.is_chained
            with ffmpeg.open_stream(
                self.path, excerpt, place, promised=promised, is_chained=is_chained
            ) as stream:
                yield stream
        except (DamagedError, NotAudioError, NoSamplesError) as error:
            if self.payload.is_truncated:
                raise TruncatedError(CUT_OFF, detail=error.detail) from error
            raise

    def check_end(self, stream: AudioStream, decoded: int) -> None:
        """Refuse what ends within the excerpt. What is missing behind it costs nothing."""
        lost_seconds = (stream.count - decoded) / stream.sample_rate_hz
        is_little = not stream.is_promised and decoded > stream.count / 2
        if lost_seconds > MAX_LOST_SECONDS and not is_little:
            what = f"{lost_seconds:.1f} s of the excerpt are not there: "
            # Its header counts what is in front of a hole and behind it.
            is_counted = self.payload.container == "stream" and self.payload.has_length
            if stream.codec == "mp3" and is_counted and not self.payload.is_truncated:
                raise DamagedError(
                    f"{what}they are damaged, or the file's header says more than it holds; {REMEDY}"
                )
            raise TruncatedError(
                f"{what}the file ends early, or its header says more than it holds; {REMEDY}"
            )
        # Where Ogg was cut off, nothing tells how much is missing.
        is_last = stream.start + stream.count >= stream.frames - MAX_LOST_SECONDS * stream.sample_rate_hz
        if self.payload.container == "ogg" and self.payload.is_truncated and is_last:
            raise TruncatedError(CUT_OFF)


def _has_more_than_zeros(path: str) -> bool:
    with open(path, "rb") as file:
        return any(block.strip(b"\0") for block in iter(partial(file.read, READ_BYTES), b""))


def _check_length(stream: AudioStream, rates: Collection[int]) -> None:
    """Refuse, before the work, what is too long to be kept; only songs that are taken whole can be."""
    seconds = stream.count / stream.sample_rate_hz
    limit = MAX_KEPT_SAMPLES / max(1, sum(rate or stream.sample_rate_hz for rate in rates))
    if seconds > limit:
        raise TooLongError(
            f"the song lasts {seconds / 60:.0f} minutes, and up to {limit / 60:.0f} can be analysed as a whole; "
            "choose 30 seconds as the excerpt instead"
        )


def _read_blocks(
    stream: AudioStream, resamplers: Collection[Resampler], meter: LevelMeter, channel: int | None
) -> int:
    """Hand the excerpt to the resamplers and the meter; the number of its samples. Raises what is wrong with them."""
    count = 0
    for block in stream.blocks:
        y = _mono(block) if channel is None else _one(block, channel)
        _check_samples(y)
        meter.add(block, y)
        count += len(y)
        for resampler in resamplers:
            resampler.take(y)
    return count


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
        raise InvalidSamplesError(
            "the file holds samples that are not numbers, or far out of range; rip it again"
        )


def _properties(stream: AudioStream, decoded: int, size_bytes: int) -> AudioProperties:
    return AudioProperties(
        codec=stream.codec,
        sample_rate_hz=stream.sample_rate_hz,
        channels=stream.channels,
        duration_seconds=stream.frames / stream.sample_rate_hz,
        size_bytes=size_bytes,
        excerpt_start_seconds=stream.start / stream.sample_rate_hz,
        excerpt_duration_seconds=decoded / stream.sample_rate_hz,
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
