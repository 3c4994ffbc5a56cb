"""Reads through FFmpeg what libsndfile cannot: AAC, ALAC, WMA, WavPack, Matroska, ...

From the first packet on, because AAC decoded after a seek differs from AAC decoded in order.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import av
import numpy as np

from features.errors import NotAudio
from features.excerpts import Part, excerpt_span
from features.sound import FloatArray, Sound, block_frames, check_format

OPTIONS = {
    # A playlist is audio to FFmpeg: it would open whatever files and addresses the playlist names.
    "format_whitelist": "aac,ac3,aiff,amr,ape,asf,caf,dsf,dts,eac3,flac,matroska,webm,mov,mp4,mp3,mpc,mpc8,"
    "ogg,tak,tta,w64,wav,wv",
    "protocol_whitelist": "file",
}
# FFmpeg guesses the length of these from their bit rate.
UNTIMED_FORMATS = frozenset({"aac", "ac3", "amr", "dts", "eac3", "mp3"})


@contextmanager
def open_sound(path: str, part: Part) -> Iterator[Sound]:
    """Open the file at `path`. Raises NotAudio or TooShort."""
    with _translated(), av.open(path, options=OPTIONS, metadata_errors="ignore") as container:
        # A stream of a codec that FFmpeg does not know has no decoder.
        stream = next((stream for stream in container.streams.audio if stream.codec_context), None)
        if stream is None:
            raise NotAudio("the file holds no audio stream that can be decoded")
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
            blocks=_blocks(container, stream, start, count),
        )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except MemoryError:  # one of FFmpeg's errors, too; the file may well be sound
        raise
    except av.FFmpegError as error:
        raise NotAudio(f"the file holds no audio that can be decoded ({error.strerror})") from error


def _seconds(container: Any, stream: Any, path: str) -> float:
    if container.format.name in UNTIMED_FORMATS or not (stream.duration or container.duration):
        return _packet_seconds(path)
    if stream.duration:
        return float(stream.duration * stream.time_base)
    return float(container.duration / av.time_base)


def _packet_seconds(path: str) -> float:
    """The length that the packets add up to, without decoding them."""
    with av.open(path, options=OPTIONS, metadata_errors="ignore") as container:
        stream = container.streams.audio[0]
        ticks = sum(packet.duration or 0 for packet in container.demux(stream))
        return float(ticks * (stream.time_base or 0))


def _blocks(container: Any, stream: Any, start: int, count: int) -> Iterator[FloatArray]:
    """Samples `start` to `start + count`, counted from the first decoded one."""
    context = stream.codec_context
    resampler = av.AudioResampler(format="fltp", layout=context.layout, rate=context.sample_rate)
    position, gathered = 0, 0
    pieces: list[FloatArray] = []
    for frame in _decodable_frames(container, stream):
        first, last = max(start - position, 0), start + count - position
        if first < frame.samples:
            (whole,) = resampler.resample(frame)
            pieces.append(np.asarray(whole.to_ndarray()[:, first:last], dtype=np.float32))
            gathered += pieces[-1].shape[1]
        position += frame.samples
        if position >= start + count:
            break
        if gathered >= block_frames(context.channels):
            yield np.concatenate(pieces, axis=1).T
            pieces, gathered = [], 0
    if pieces:
        yield np.concatenate(pieces, axis=1).T


def _decodable_frames(container: Any, stream: Any) -> Iterator[Any]:
    """What decodes. As in FFmpeg's own player a damaged packet is left out; the caller counts what came."""
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            continue
