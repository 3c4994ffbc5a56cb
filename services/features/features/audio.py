"""Decodes the excerpt that everything is computed from: a part of the song, mono, at 22,050 Hz.

libsndfile reads what it can seek in to the sample (MP3, FLAC, Ogg Vorbis, Opus, WAV, AIFF); FFmpeg reads the rest
(AAC, ALAC, WMA, ...) from the first packet on, because AAC decoded after a seek differs from AAC decoded in order.
Runs in a process of its own: a decoder can crash, hang, and write to stderr.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import av
import librosa
import numpy as np
import numpy.typing as npt
import soundfile

from features.errors import NotAudio, Silent, Truncated
from features.excerpts import Part, excerpt_span
from features.mpeg import skip_leading_tags
from features.payload import find_payload

FloatArray = npt.NDArray[np.float32]

SAMPLE_RATE_HZ = 22_050
MAX_LOST_SECONDS = 0.5
# Beyond what is sold or mixed; a forged header would have gigabytes allocated.
MAX_CHANNELS = 32
MAX_SAMPLE_RATE_HZ = 768_000
# -120 dBFS: below the last bit of 16, above what a lossy codec makes of zeros.
SILENCE_PEAK = 1e-6
# Floating-point files may leave [-1, 1], even by the range of integers; beyond that they are no sound.
ABSURD_PEAK = 1e6
FFMPEG_OPTIONS = {
    # A playlist is audio to FFmpeg: it would open whatever files and addresses the playlist names.
    "format_whitelist": "aac,ac3,aiff,amr,ape,asf,caf,dsf,dts,eac3,flac,matroska,webm,mov,mp4,mp3,mpc,mpc8,"
    "ogg,tak,tta,w64,wav,wv",
    "protocol_whitelist": "file",
}
# FFmpeg guesses the length of these from their bit rate.
UNTIMED_FORMATS = frozenset({"aac", "ac3", "amr", "dts", "eac3", "mp3"})
PCM_CODECS = {
    "PCM_U8": "pcm_u8",
    "PCM_S8": "pcm_s8",
    "PCM_16": "pcm_s16le",
    "PCM_24": "pcm_s24le",
    "PCM_32": "pcm_s32le",
    "FLOAT": "pcm_f32le",
    "DOUBLE": "pcm_f64le",
}


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

    y: FloatArray
    """[shape=(n,)], mono at 22,050 Hz, finite."""
    properties: AudioProperties


@dataclass(frozen=True, kw_only=True)
class _Sound:
    codec: str
    sample_rate_hz: int
    frames: int
    """Of the whole song."""
    start: int
    samples: FloatArray
    """Of the excerpt [shape=(n, channels)]."""


class _UnknownFormatError(Exception):
    """libsndfile does not know the format; FFmpeg may."""


def load_excerpt(path: str, part: Part = Part.MIDDLE) -> Excerpt:
    """Decode a part of the audio file at `path`; a song shorter than the excerpt is taken whole.

    Raises NotAudio, TooShort, Silent or Truncated.
    """
    size_bytes = os.path.getsize(path)
    if size_bytes == 0:
        raise NotAudio("the file is empty")
    sound = _read(path, part)
    y = librosa.resample(
        _mono(sound.samples), orig_sr=sound.sample_rate_hz, target_sr=SAMPLE_RATE_HZ, res_type="soxr_hq"
    )
    return Excerpt(y=y, properties=_properties(sound, size_bytes))


def _check_format(sample_rate_hz: int, channels: int) -> None:
    if not (0 < channels <= MAX_CHANNELS and 0 < sample_rate_hz <= MAX_SAMPLE_RATE_HZ):
        raise NotAudio(
            f"the file holds no audio that can be decoded ({channels} channels at {sample_rate_hz} Hz)"
        )


def _read(path: str, part: Part) -> _Sound:
    with open(path, "rb") as file:
        payload, tag_bytes = find_payload(file), skip_leading_tags(file)
    if payload.is_truncated:
        raise Truncated("the file ends before its own header says; copy or rip it again")
    if payload.container == "flac" and tag_bytes:
        # libsndfile forgets the tag in front when it seeks in FLAC.
        return _read_with_ffmpeg(path, part)
    try:
        with _silent_stderr():
            return _read_with_libsndfile(path, part)
    except _UnknownFormatError:
        return _read_with_ffmpeg(path, part)


def _mono(samples: FloatArray) -> FloatArray:
    """The mean of the channels, judged."""
    # The half sum equals numpy's mean bit by bit and costs a thirtieth.
    y = (samples[:, 0] + samples[:, 1]) * np.float32(0.5) if samples.shape[1] == 2 else samples.mean(axis=1)
    peak = float(np.abs(y).max())
    if not peak <= ABSURD_PEAK:  # NaN compares false
        raise NotAudio("the file holds samples that are not numbers, or far out of range")
    if peak < SILENCE_PEAK:
        raise Silent("what is heard of the song is digital silence; there is nothing to hear")
    return y


def _properties(sound: _Sound, size_bytes: int) -> AudioProperties:
    return AudioProperties(
        codec=sound.codec,
        sample_rate_hz=sound.sample_rate_hz,
        channels=sound.samples.shape[1],
        duration_seconds=sound.frames / sound.sample_rate_hz,
        size_bytes=size_bytes,
        excerpt_start_seconds=sound.start / sound.sample_rate_hz,
        excerpt_duration_seconds=len(sound.samples) / sound.sample_rate_hz,
    )


def _check_excerpt(samples: FloatArray, count: int, sample_rate_hz: int) -> None:
    lost_seconds = (count - len(samples)) / sample_rate_hz
    if lost_seconds > MAX_LOST_SECONDS:
        raise Truncated(f"{lost_seconds:.1f} s of the excerpt cannot be decoded; copy or rip the file again")


def _read_with_libsndfile(path: str, part: Part) -> _Sound:
    try:
        sound = soundfile.SoundFile(path)
    except soundfile.LibsndfileError as error:
        raise _UnknownFormatError from error
    with sound:
        _check_format(sound.samplerate, sound.channels)
        start, count = excerpt_span(sound.frames, sound.samplerate, part)
        try:
            if sound.format == "FLAC":
                _require_last_sample(sound)
            sound.seek(start)
            samples = sound.read(count, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise Truncated(f"the file ends early or is damaged ({error}); copy or rip it again") from error
        _check_excerpt(samples, count, sound.samplerate)
        return _Sound(
            codec=_sndfile_codec(sound),
            sample_rate_hz=sound.samplerate,
            frames=sound.frames,
            start=start,
            samples=samples,
        )


def _require_last_sample(sound: soundfile.SoundFile) -> None:
    """Fail where the file ends early. FLAC tells its length in samples only, so the last one is asked for."""
    sound.seek(sound.frames - 1)
    sound.read(1)


def _sndfile_codec(sound: soundfile.SoundFile) -> str:
    if sound.format in ("FLAC", "MP3"):
        return str(sound.format).lower()
    subtype = str(sound.subtype)
    if subtype == "MPEG_LAYER_III":
        return "mp3"
    return PCM_CODECS.get(subtype, subtype.lower())


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Keep mpg123's remarks on odd tags, printed by C code, out of the log."""
    saved = os.dup(2)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    os.close(nothing)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)


def _read_with_ffmpeg(path: str, part: Part) -> _Sound:
    try:
        with av.open(path, options=FFMPEG_OPTIONS, metadata_errors="ignore") as container:
            return _decode(container, path, part)
    except MemoryError:  # one of FFmpeg's errors, too; the file may well be sound
        raise
    except av.FFmpegError as error:
        raise NotAudio(f"the file holds no audio that can be decoded ({error.strerror})") from error


def _decode(container: Any, path: str, part: Part) -> _Sound:
    # A stream of a codec that FFmpeg does not know has no decoder.
    stream = next((stream for stream in container.streams.audio if stream.codec_context), None)
    if stream is None:
        raise NotAudio("the file holds no audio stream that can be decoded")
    sample_rate_hz = stream.codec_context.sample_rate
    _check_format(sample_rate_hz, stream.codec_context.channels)
    frames = round(_seconds(container, stream, path) * sample_rate_hz)
    start, count = excerpt_span(frames, sample_rate_hz, part)
    samples = _decode_span(container, stream, start, count)
    _check_excerpt(samples, count, sample_rate_hz)
    return _Sound(
        codec=stream.codec_context.codec.canonical_name,
        sample_rate_hz=sample_rate_hz,
        frames=frames,
        start=start,
        samples=samples,
    )


def _seconds(container: Any, stream: Any, path: str) -> float:
    if container.format.name in UNTIMED_FORMATS or not (stream.duration or container.duration):
        return _packet_seconds(path)
    if stream.duration:
        return float(stream.duration * stream.time_base)
    return float(container.duration / av.time_base)


def _packet_seconds(path: str) -> float:
    """The length that the packets add up to, without decoding them."""
    with av.open(path, options=FFMPEG_OPTIONS, metadata_errors="ignore") as container:
        stream = container.streams.audio[0]
        ticks = sum(packet.duration or 0 for packet in container.demux(stream))
        return float(ticks * (stream.time_base or 0))


def _decode_span(container: Any, stream: Any, start: int, count: int) -> FloatArray:
    """Samples `start` to `start + count` [shape=(n, channels)], counted from the first decoded one."""
    context = stream.codec_context
    resampler = av.AudioResampler(format="fltp", layout=context.layout, rate=context.sample_rate)
    position, first, blocks = 0, start, [np.empty((context.channels, 0), dtype=np.float32)]
    for frame in _decodable_frames(container, stream):
        end = position + frame.samples
        if end > start:
            first = min(first, position)
            blocks.extend(part.to_ndarray() for part in resampler.resample(frame))
        position = end
        if position >= start + count:
            break
    return np.concatenate(blocks, axis=1)[:, start - first :][:, :count].T


def _decodable_frames(container: Any, stream: Any) -> Iterator[Any]:
    """What decodes. As in FFmpeg's own player a damaged packet is left out; the caller counts what came."""
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            continue
