"""Reads through FFmpeg what libsndfile cannot, or slowly: AAC, ALAC, Opus, WMA, WavPack, Matroska, ...

Seeks where timestamps tell the sample, a little before the excerpt so that the decoder has settled when it begins;
else, and where a seek lands elsewhere, decodes from the first packet on. docs/decisions.md says why, format by format.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any, NamedTuple

import av
import numpy as np
import numpy.typing as npt
from av.stream import Disposition

from features.errors import Damaged, NotAudio
from features.excerpts import Part, excerpt_span
from features.sound import MAX_LOST_SECONDS, FloatArray, Sound, block_frames, check_format

OPTIONS = {
    # A playlist is audio to FFmpeg: it would open whatever files and addresses the playlist names.
    "format_whitelist": "aac,ac3,aiff,amr,ape,asf,caf,dsf,dts,eac3,flac,matroska,webm,mov,mp4,mp3,mpc,mpc8,"
    "ogg,tak,tta,w64,wav,wv",
    "protocol_whitelist": "file",
}
# FFmpeg guesses the length of these from their bit rate.
UNTIMED_FORMATS = frozenset({"aac", "ac3", "amr", "dts", "eac3", "mp3"})
MP4 = "mov,mp4,m4a,3gp,3g2,mj2"
# Where the time of a packet is the number of its first sample. Others (Matroska, WMA) round to milliseconds.
EXACT = frozenset(
    {(MP4, "aac"), (MP4, "alac"), ("aac", "aac"), ("flac", "flac"), ("ogg", "opus"), ("wv", "wavpack")}
)
# Opus predicts each frame from those before, and forgets an error within a second; AAC needs a frame or two.
PREROLL_SECONDS = 1.0
READ_BYTES = 1 << 20
# It has room for as many pointers, and no mark behind the last.
PLANES_OF_A_FRAME = 8
# FFmpeg knows what would be inside, and decodes noise.
PROTECTED_TAGS = frozenset({"drms", "enca"})
# What makes [-1, 1] of a decoder's integers: powers of two, so that nothing is rounded twice.
SCALES = {
    "u8": np.float32(2.0**-7),
    "s16": np.float32(2.0**-15),
    "s32": np.float32(2.0**-31),
    "flt": np.float32(1),
    "dbl": np.float32(1),
}


@contextmanager
def open_sound(path: str, part: Part) -> Iterator[Sound]:
    """Open the file at `path`. Raises NotAudio, NoSamples, TooShort or OSError; its blocks raise Damaged."""
    with _opened(path) as container:
        stream = _audio_stream(container)
        context = stream.codec_context
        check_format(context.sample_rate, context.channels)
        frames = round(_seconds(container, stream, path) * context.sample_rate)
        start, count = excerpt_span(frames, context.sample_rate, part)
        yield Sound(
            codec=context.codec.canonical_name,
            sample_rate_hz=context.sample_rate,
            channels=context.channels,
            frames=frames,
            start=start,
            count=count,
            blocks=_Reading(path, container, stream, start, count).blocks(),
        )


def _opened(path: str) -> Any:
    try:
        return av.open(path, options=OPTIONS, metadata_errors="ignore")
    except av.FFmpegError as error:
        _require_memory_and_disk(error, path)
        raise NotAudio(f"the file holds no audio that can be decoded ({_why(error)})") from error


def _audio_stream(container: Any) -> Any:
    if not container.streams.audio:
        kinds = " and ".join(sorted({_kind(stream) for stream in container.streams})) or "nothing"
        raise NotAudio(f"the file holds no audio stream: there is {kinds} in it")
    # A stream of a codec that FFmpeg does not know has no decoder.
    stream = next((stream for stream in container.streams.audio if stream.codec_context), None)
    if stream is None:
        raise NotAudio("the audio in the file is of a codec that is not known here")
    if stream.codec_context.codec_tag in PROTECTED_TAGS:
        raise NotAudio("the audio in the file is copy-protected; only its shop's own player can play it")
    stream.codec_context.thread_count = 1
    return stream


def _kind(stream: Any) -> str:
    return "a cover" if stream.disposition & Disposition.attached_pic else str(stream.type or "data")


def _seconds(container: Any, stream: Any, path: str) -> float:
    if container.format.name not in UNTIMED_FORMATS:
        if (stream.duration or 0) > 0:
            return float(stream.duration * stream.time_base)
        if (container.duration or 0) > 0:
            return float(container.duration / av.time_base)
    return _packet_seconds(path, stream.index)


def _packet_seconds(path: str, index: int) -> float:
    """The length by the times of the packets, without decoding them."""
    with _opened(path) as container:
        stream = container.streams[index]
        # The last packet is the end of the file, and has no time.
        spans = [(packet.pts, packet.duration or 0) for packet in _packets(container, stream) if packet.size]
        if not spans:
            return 0.0
        (first, _), (last, duration) = spans[0], spans[-1]
        known = first is not None and last is not None
        ticks = last + duration - first if known else sum(duration for _, duration in spans)
        return float(ticks * (stream.time_base or 0))


class _Piece(NamedTuple):
    """What came of a packet."""

    frame: Any
    """None where it could not be decoded."""
    samples: int
    """How many it has, or should have had."""


class _Reading:
    """The decoding of one excerpt: samples `start` to `start + count` of a stream."""

    def __init__(self, path: str, container: Any, stream: Any, start: int, count: int) -> None:
        self._path = path
        self._container = container
        self._stream = stream
        self._start = start
        self._end = start + count
        self._rate_hz = stream.codec_context.sample_rate

    def blocks(self) -> Iterator[FloatArray]:
        """The samples [shape=(n, channels)]."""
        target_seconds = self._start / self._rate_hz - PREROLL_SECONDS
        is_exact = (self._container.format.name, self._stream.codec_context.name) in EXACT
        if not is_exact or target_seconds <= 0:
            yield from self._gathered(_pieces(self._container, self._stream), 0)
            return
        pieces = self._sought(target_seconds)
        first = next(pieces, None)
        position = first and self._position(first.frame)
        if first is not None and position is not None:
            yield from self._gathered(chain([first], pieces), position)
            return
        with _opened(self._path) as again:  # as if nothing had been read: a decoder's state outlives a seek
            yield from self._gathered(_pieces(again, _audio_stream(again)), 0)

    def _sought(self, target_seconds: float) -> Iterator[_Piece]:
        """The pieces from the target on, or a little before; none where the file cannot be sought in."""
        target = (self._stream.start_time or 0) + int(target_seconds / self._stream.time_base)
        try:
            self._container.seek(target, stream=self._stream)
        except av.FFmpegError:
            return
        yield from _pieces(self._container, self._stream)

    def _position(self, frame: Any) -> int | None:
        """The number of the frame's first sample in the song, where its time tells that and it is early enough."""
        if frame is None or frame.pts is None:
            return None
        position = (frame.pts - (self._stream.start_time or 0)) * frame.time_base * self._rate_hz
        return int(position) if position.denominator == 1 and 0 <= position <= self._start else None

    def _gathered(self, pieces: Iterable[_Piece], position: int) -> Iterator[FloatArray]:
        """The samples, of pieces of which the first begins at `position`."""
        block: list[FloatArray] = []
        gathered = lost = 0
        for piece in pieces:
            first, last = max(self._start - position, 0), self._end - position
            position += piece.samples
            if first < piece.samples and piece.frame is None:
                lost += piece.samples
            elif first < piece.samples:
                samples = _samples(piece.frame)[:, first:last]
                if block and (gathered >= block_frames(len(samples)) or len(samples) != len(block[0])):
                    yield np.concatenate(block, axis=1).T
                    block, gathered = [], 0
                block.append(samples)
                gathered += samples.shape[1]
            if position >= self._end:
                break
        if block:
            yield np.concatenate(block, axis=1).T
        if lost > MAX_LOST_SECONDS * self._rate_hz:
            raise Damaged(
                f"{lost / self._rate_hz:.1f} s of the excerpt are damaged; copy or rip the file again"
            )


def _pieces(container: Any, stream: Any) -> Iterator[_Piece]:
    """What the packets hold, one after the other. As in FFmpeg's own player a damaged one costs only itself."""
    rate = stream.codec_context.sample_rate
    for packet in _packets(container, stream):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            lost = (packet.duration or 0) * stream.time_base * rate
            yield _Piece(None, round(lost) or stream.codec_context.frame_size)
            continue
        except MemoryError:
            raise
        except av.FFmpegError as error:
            raise _damaged(error) from error
        for frame in frames:
            if frame.sample_rate != rate:
                raise Damaged(f"the sample rate changes from {rate} to {frame.sample_rate} Hz in the file")
            yield _Piece(frame, frame.samples)


def _packets(container: Any, stream: Any) -> Iterator[Any]:
    try:
        yield from container.demux(stream)
    except av.FFmpegError as error:
        _require_memory_and_disk(error, container.name)
        raise _damaged(error) from error


def _damaged(error: av.FFmpegError) -> Damaged:
    return Damaged(f"the file opens, but cannot be read through ({_why(error)}); copy or rip it again")


def _require_memory_and_disk(error: av.FFmpegError, path: str) -> None:
    """Raise what is no fault of the file's; the disk is asked, since demuxers use its errors for their own ends."""
    if isinstance(error, MemoryError):
        raise error
    if isinstance(error, OSError):
        with open(path, "rb") as file:
            while file.read(READ_BYTES):
                pass


def _why(error: av.FFmpegError) -> str:
    # Matroska's demuxer says so of an element that goes on where the file ends.
    return "it ends where more should come" if isinstance(error, OSError) else str(error.strerror)


def _packed(frame: Any) -> Any:
    """The frame with its channels interleaved where PyAV cannot tell the planes of so many from what lies behind."""
    if not frame.format.is_planar or frame.layout.nb_channels < PLANES_OF_A_FRAME:
        return frame
    resampler = av.AudioResampler(
        format=frame.format.packed.name, layout=frame.layout, rate=frame.sample_rate
    )
    (packed,) = resampler.resample(frame)
    return packed


def _samples(frame: Any) -> FloatArray:
    """Of a frame of any format [shape=(channels, n)], in [-1, 1]."""
    if frame.format.packed.name not in SCALES:
        raise NotAudio(f"the file has samples of the format {frame.format.name}, which is not known here")
    frame = _packed(frame)
    values: npt.NDArray[Any] = frame.to_ndarray()
    if not frame.format.is_planar:
        values = values.reshape(-1, frame.layout.nb_channels).T
    samples = values.astype(np.float32, copy=False)
    if values.dtype == np.uint8:
        samples -= 128
    scale = SCALES[frame.format.packed.name]
    return samples if scale == 1 else samples * scale
