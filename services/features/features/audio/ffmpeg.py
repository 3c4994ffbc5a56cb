"""Reads through FFmpeg what libsndfile cannot, or slowly: AAC, ALAC, Opus, WMA, WavPack, Matroska, ...

Seeks where timestamps tell the sample, a little before the excerpt so that the decoder has settled when it begins;
else, and where a seek lands elsewhere, decodes from the first packet on. docs/decisions/features.md says why,
format by format.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, pairwise
from typing import Any, NamedTuple

import av
import numpy as np
from av.stream import Disposition

from features.audio.excerpts import MIN_SECONDS, Excerpt, excerpt_span
from features.audio.frame_samples import samples_of
from features.audio.stream import MAX_LOST_SECONDS, AudioStream, block_frames, check_format
from features.errors import DamagedError, NotAudioError
from features.vectors import FloatArray

# What FFmpeg may take a file for: what people keep music in, and what is known by its first bytes. A playlist is audio
# to it too, and would have it open whatever files and addresses it names; some formats are told by a file's name alone.
FORMATS = (
    "aac,ac3,amr,ape,dsf,dts,dtshd,eac3,flac,loas,mlp,mp3,mpc,mpc8,oma,osq,shn,tak,truehd,tta,vqf,wv,"  # sound alone
    "aiff,au,avr,caf,epaf,iff,ircam,nistsphere,pvf,sds,sox,voc,w64,wav,wsd,xwma,"  # mostly samples
    "asf,avi,flv,matroska,mov,mp4,mpeg,mpegts,nut,ogg,rm,webm"  # films and sound
)
OPTIONS = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
# FFmpeg guesses the length of these from their bit rate.
UNTIMED_FORMATS = frozenset({"aac", "ac3", "amr", "dts", "eac3", "loas", "mlp", "mp3", "shn", "truehd"})
MP4 = "mov,mp4,m4a,3gp,3g2,mj2"
# Where the time of a packet is the number of its first sample. Others (Matroska, WMA) round to milliseconds.
EXACT = frozenset(
    {(MP4, "aac"), (MP4, "alac"), ("aac", "aac"), ("flac", "flac"), ("ogg", "opus"), ("wv", "wavpack")}
)
# Opus predicts each frame from those before, and forgets an error within a second; AAC needs a frame or two.
PREROLL_SECONDS = 1.0
READ_BYTES = 1 << 20
# Places in a file where the next packet is not found, before the rest is given up.
MAX_BREAKS = 20
# Where the time of a packet tells also what is missing before it, since each says which samples it holds.
NUMBERED = frozenset({"flac", "wavpack"})
# More than a packet, which a header's rounding might take for missing.
GAP_SECONDS = 0.02
# Else a frame with a wrong checksum would be decoded to noise.
CHECKED = {"flac": {"err_detect": "crccheck+explode"}}
# FFmpeg knows what would be inside, and decodes noise.
PROTECTED_TAGS = frozenset({"aavd", "drms", "enca"})


@contextmanager
def open_stream(
    path: str,
    excerpt: Excerpt,
    place: int | None = None,
    *,
    promised: int | None = None,
    is_chained: bool = False,
) -> Iterator[AudioStream]:
    """Open the file at `path`. `promised` are the samples that its header says, where FFmpeg does not look at that;
    `is_chained` says that files were joined to this one, each with times of its own.

    Raises NotAudioError, NoSamplesError, TooShortError or OSError; its blocks raise DamagedError.
    """
    with _opened(path) as container:
        stream = _audio_stream(container)
        context = stream.codec_context
        rate_hz, channels = _rate_and_channels(container, stream, path)
        check_format(rate_hz, channels)
        seconds, is_told = _length(container, stream, path, is_chained=is_chained)
        found = round(seconds * rate_hz)
        frames = max(found, promised or 0)
        start, count = excerpt_span(frames, rate_hz, excerpt, place)
        reading = _Reading(path, container, stream, rate_hz, start, count, lost=frames - found)
        yield AudioStream(
            codec=context.codec.canonical_name,
            sample_rate_hz=rate_hz,
            channels=channels,
            frames=frames,
            start=start,
            count=count,
            is_promised=is_told or promised is not None,
            blocks=reading.blocks(in_order=is_chained),
        )


def _opened(path: str) -> Any:
    try:
        return av.open(path, options=OPTIONS, metadata_errors="ignore")
    except av.FFmpegError as error:
        _require_memory_and_disk(error, path)
        raise NotAudioError("the file holds no audio that can be decoded", detail=error) from error


def _audio_stream(container: Any) -> Any:
    if not container.streams.audio:
        kinds = " and ".join(sorted({_kind(stream) for stream in container.streams})) or "nothing"
        raise NotAudioError(f"the file holds no audio stream: there is {kinds} in it")
    # A stream of a codec that FFmpeg does not know has no decoder.
    stream = next((stream for stream in container.streams.audio if stream.codec_context), None)
    if stream is None:
        raise NotAudioError("the audio in the file is of a codec that is not known here")
    if _is_protected(stream.codec_context):
        raise NotAudioError("the audio in the file is copy-protected; only its shop's own player can play it")
    stream.codec_context.thread_count = 1
    stream.codec_context.options = CHECKED.get(stream.codec_context.name, {})
    return stream


def _is_protected(context: Any) -> bool:
    try:
        return context.codec_tag in PROTECTED_TAGS
    except UnicodeDecodeError:  # PyAV takes it for letters; WAV has any number there
        return False


def _kind(stream: Any) -> str:
    return "a cover" if stream.disposition & Disposition.attached_pic else str(stream.type or "data")


def _rate_and_channels(container: Any, stream: Any, path: str) -> tuple[int, int]:
    """Of the stream; beside pictures FFmpeg may not come to the sound before it is asked for it."""
    context = stream.codec_context
    if (context.sample_rate and context.channels) or container.format.name in UNTIMED_FORMATS:
        return context.sample_rate, context.channels
    with _opened(path) as again:
        frames = (piece.frame for piece in _pieces(again, again.streams[stream.index], 0, []))
        first = next((frame for frame in frames if frame is not None), None)
        return (first.sample_rate, first.layout.nb_channels) if first is not None else (0, 0)


def _length(container: Any, stream: Any, path: str, *, is_chained: bool) -> tuple[float, bool]:
    """Of the stream in seconds, and whether its header tells it."""
    told = 0.0 if is_chained else _told_seconds(container, stream)
    seconds = told or _packet_seconds(path, stream.index)
    if seconds >= MIN_SECONDS:
        return seconds, told > 0
    # It is no song, or its header is wrong.
    decoded = _decoded_seconds(path, stream.index)
    return (decoded, False) if decoded > seconds else (seconds, told > 0)


def _told_seconds(container: Any, stream: Any) -> float:
    """What the header says; 0 where it says nothing, or FFmpeg would guess."""
    if container.format.name in UNTIMED_FORMATS:
        return 0.0
    if (stream.duration or 0) > 0:
        return float(stream.duration * stream.time_base)
    return float(max(0, container.duration or 0) / av.time_base)


def _packet_seconds(path: str, index: int) -> float:
    """The length by the times of the packets, without decoding them."""
    with _opened(path) as container:
        stream = container.streams[index]
        # The last packet is the end of the file, and has no time.
        packets = _packets(container, stream, [])
        spans = [(packet.pts, packet.duration or 0) for packet in packets if packet.size]
        if not spans:
            return 0.0
        (first, _), (last, duration) = spans[0], spans[-1]
        known = all(time is not None for time, _ in spans)
        # Where files are joined the times begin anew.
        is_one = known and all(one[0] <= next_[0] for one, next_ in pairwise(spans))
        ticks = last + duration - first if is_one else sum(duration for _, duration in spans)
        return float(ticks * (stream.time_base or 0))


def _decoded_seconds(path: str, index: int) -> float:
    """The length of a file in which nothing tells it, as in Shorten, or tells it wrongly."""
    with _opened(path) as container:
        pieces = _pieces(container, container.streams[index], 0, [])
        return float(sum(piece.samples / piece.frame.sample_rate for piece in pieces if piece.frame))


class _Piece(NamedTuple):
    """What came of a packet."""

    frame: Any
    """None where it could not be decoded."""
    samples: int
    """How many it has, or should have had."""
    skipped_seconds: float = 0.0
    """How long the bytes before it would last that belong to no packet."""


class _Reading:
    """The decoding of one excerpt: samples `start` to `start + count` of a stream."""

    def __init__(
        self, path: str, container: Any, stream: Any, rate_hz: int, start: int, count: int, *, lost: int
    ) -> None:
        self._path = path
        self._container = container
        self._stream = stream
        self._start = start
        self._end = start + count
        self._rate_hz = rate_hz
        self._is_numbered = stream.codec_context.name in NUMBERED
        # Samples that the whole file should have besides those that are found in it.
        self._lost_of_all = lost
        self._broken: list[str] = []
        self._lost = self._skipped = 0

    def blocks(self, *, in_order: bool = False) -> Iterator[FloatArray]:
        """The samples [shape=(n, channels)]; `in_order` decodes all that is in front of them."""
        target_seconds = self._start / self._rate_hz - PREROLL_SECONDS
        is_exact = (self._container.format.name, self._stream.codec_context.name) in EXACT
        if in_order or not is_exact or target_seconds <= 0:
            pieces = _pieces(self._container, self._stream, self._rate_hz, self._broken)
            yield from self._gathered(pieces, 0)
            return
        pieces = self._sought(target_seconds)
        first = next(pieces, None)
        position = first and self._position(first.frame)
        if first is not None and position is not None and position <= self._start:
            yield from self._gathered(chain([first], pieces), position)
            return
        with _opened(self._path) as again:  # as if nothing had been read: a decoder's state outlives a seek
            pieces = _pieces(again, _audio_stream(again), self._rate_hz, self._broken)
            yield from self._gathered(pieces, 0)

    def _sought(self, target_seconds: float) -> Iterator[_Piece]:
        """The pieces from the target on, or a little before; none where the file cannot be sought in."""
        target = (self._stream.start_time or 0) + int(target_seconds / self._stream.time_base)
        try:
            self._container.seek(target, stream=self._stream)
        except av.FFmpegError:
            return
        yield from _pieces(self._container, self._stream, self._rate_hz, self._broken)

    def _position(self, frame: Any) -> int | None:
        """The number of the frame's first sample in the song, where its time tells that."""
        if frame is None or frame.pts is None:
            return None
        position = (frame.pts - (self._stream.start_time or 0)) * frame.time_base * self._rate_hz
        return int(position) if position.denominator == 1 and position >= 0 else None

    def _gathered(self, pieces: Iterable[_Piece], position: int) -> Iterator[FloatArray]:
        """The samples, of pieces of which the first begins at `position`."""
        block: list[FloatArray] = []
        gathered = 0
        for piece in pieces:
            if self._is_numbered or piece.skipped_seconds:
                position += self._lost_before(piece, position)
            first, last = max(self._start - position, 0), self._end - position
            position += piece.samples
            if last > 0 and first < piece.samples and piece.frame is None:
                self._lost += piece.samples
            elif last > 0 and first < piece.samples:
                samples = samples_of(piece.frame)[:, first:last]
                if block and (gathered >= block_frames(len(samples)) or len(samples) != len(block[0])):
                    yield np.concatenate(block, axis=1).T
                    block, gathered = [], 0
                block.append(samples)
                gathered += samples.shape[1]
            if position >= self._end:
                break
        if block:
            yield np.concatenate(block, axis=1).T
        self._check(position)

    def _gap_before(self, piece: _Piece, position: int) -> int:
        """Samples of which there is no packet, not even a broken one."""
        if not self._is_numbered:
            return 0
        at = self._position(piece.frame)
        return at - position if at is not None and at - position > GAP_SECONDS * self._rate_hz else 0

    def _lost_before(self, piece: _Piece, position: int) -> int:
        """Count what is lost of the excerpt between the piece before and this one; how much that is of the song."""
        gap = self._gap_before(piece, position)
        self._lost += max(0, min(position + gap, self._end) - max(position, self._start))
        if self._start <= position + gap < self._end:
            self._skipped += round(piece.skipped_seconds * self._rate_hz)
        return gap

    def _check(self, position: int) -> None:
        """Refuse an excerpt, read up to a position, of which too much is lost."""
        # Bytes that belong to no packet are a loss as far as the file lacks something, and else were never sound.
        lost = self._lost + min(self._skipped, self._lost_of_all)
        if self._broken:
            lost = max(lost, self._end - max(position, self._start))
        if lost > MAX_LOST_SECONDS * self._rate_hz:
            raise DamagedError(
                f"{lost / self._rate_hz:.1f} s of the excerpt are damaged; copy or rip the file again",
                detail="; ".join(self._broken[:1]),
            )


def _pieces(container: Any, stream: Any, rate_hz: int, broken: list[str]) -> Iterator[_Piece]:
    """What the packets hold, one after the other, all at one rate (0: each at its own).

    As in FFmpeg's own player a damaged one costs only itself.
    """
    # As numbers, once: a song has thousands of packets, and fractions take longer than decoding some of them.
    seconds_per_tick = float(stream.time_base)
    resampling = _Resampling(rate_hz)
    end = None
    for packet in _packets(container, stream, broken):
        seconds = (packet.duration or 0) * seconds_per_tick
        skipped = _skipped_bytes(packet, end) * seconds / max(1, packet.size)
        end = None if packet.pos is None else packet.pos + packet.size
        try:
            frames = packet.decode()
        except MemoryError:
            raise
        except av.FFmpegError:
            yield _Piece(None, round(seconds * rate_hz) or stream.codec_context.frame_size, skipped)
            continue
        if len(frames) != 1 or frames[0].sample_rate != rate_hz:
            frames = list(chain.from_iterable(map(resampling.frames, frames)))
        for frame in frames:
            yield _Piece(frame, frame.samples, skipped)
            skipped = 0.0


def _skipped_bytes(packet: Any, end: int | None) -> int:
    """Bytes between the end of the packet before and this one; none where a container does not tell."""
    return 0 if end is None or packet.pos is None else max(0, packet.pos - end)


class _Resampling:
    """Brings frames to one rate: a song may be joined of pieces of several, and is called by the first."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._kind: tuple[str, str, int] | None = None
        self._resampler: Any = None

    def frames(self, frame: Any) -> list[Any]:
        """What comes of a frame."""
        if self._rate_hz in (0, frame.sample_rate):
            return [frame]
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if kind != self._kind:  # one resampler takes frames of one kind
            self._kind = kind
            self._resampler = av.AudioResampler(format=kind[0], layout=kind[1], rate=self._rate_hz)
        resampled: list[Any] = self._resampler.resample(frame)
        return resampled


def _packets(container: Any, stream: Any, broken: list[str]) -> Iterator[Any]:
    """The packets. Where none could be read `broken` gets a line, and the next is looked for; not for ever."""
    while True:
        try:
            yield from container.demux(stream)
        except av.FFmpegError as error:
            _require_memory_and_disk(error, container.name)
            broken.append(str(error))
            if len(broken) < MAX_BREAKS:
                continue
        return


def _require_memory_and_disk(error: av.FFmpegError, path: str) -> None:
    """Raise what is no fault of the file's; the disk is asked, since demuxers use its errors for their own ends."""
    if isinstance(error, MemoryError):
        raise error
    if isinstance(error, OSError):
        with open(path, "rb") as file:
            while file.read(READ_BYTES):
                pass
