"""Writes samples as a music file in each codec the product reads."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import soundfile

BLOCK_FRAMES = 1 << 12
"""Samples written at once; libsndfile's Vorbis encoder overflows its stack on blocks of millions."""

Audio = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Codec:
    """A way to write a song."""

    suffix: str
    container: str
    """FFmpeg's name of the container."""
    encoder: str
    """FFmpeg's name of the encoder; `vorbis` is libsndfile's."""
    sample_format: str = "fltp"
    """What the encoder takes."""
    bit_rate: int = 0
    """Bits a second for two channels; 0 where the encoder decides."""
    options: Mapping[str, str] = field(default_factory=dict)
    sample_rate_hz: int = 0
    """The only rate it takes; 0 for any."""
    id3_version: int = 0
    """3 or 4 for ID3v2.3 and ID3v2.4; 0 for another kind of tag."""


_LAME = {"compression_level": "7"}
_VARIABLE_RATE = {"global_quality": "236", "flags": "+qscale"}
_MP3 = Codec(suffix=".mp3", container="mp3", encoder="libmp3lame", sample_format="s16p")

CODECS: dict[str, Codec] = {
    "mp3 cbr": replace(_MP3, bit_rate=192_000, options=_LAME, id3_version=3),
    "flac": Codec(suffix=".flac", container="flac", encoder="flac", sample_format="s16"),
    "aac": Codec(
        suffix=".m4a", container="ipod", encoder="aac", bit_rate=160_000, options={"aac_coder": "fast"}
    ),
    "mp3 vbr": replace(_MP3, options=_LAME | _VARIABLE_RATE, id3_version=4),
    "vorbis": Codec(suffix=".ogg", container="ogg", encoder="vorbis"),
    "wav 16": Codec(suffix=".wav", container="wav", encoder="pcm_s16le", sample_format="s16", id3_version=3),
    "opus": Codec(
        suffix=".opus",
        container="opus",
        encoder="libopus",
        sample_format="flt",
        bit_rate=112_000,
        options={"compression_level": "2"},
        sample_rate_hz=48000,
    ),
    "wav 24": Codec(suffix=".wav", container="wav", encoder="pcm_s24le", sample_format="s32", id3_version=4),
}


def encode(y: Audio, path: Path, *, codec: Codec, sample_rate_hz: int) -> None:
    """Write `y`, shape (channels, n) in [-1, 1], to `path`."""
    if codec.encoder == "vorbis":
        _encode_vorbis(y, path, sample_rate_hz)
    else:
        _encode_with_ffmpeg(y, path, codec, sample_rate_hz)


def _encode_vorbis(y: Audio, path: Path, sample_rate_hz: int) -> None:
    """FFmpeg's wheel has no good Vorbis encoder, so libsndfile's writes it."""
    with soundfile.SoundFile(path, "w", sample_rate_hz, y.shape[0], format="OGG", subtype="VORBIS") as file:
        for block in _blocks(y):
            file.write(block.T)


def _encode_with_ffmpeg(y: Audio, path: Path, codec: Codec, sample_rate_hz: int) -> None:
    layout = "mono" if y.shape[0] == 1 else "stereo"
    # Without bitexact, containers hold the time of writing and the encoder's version.
    with av.open(str(path), "w", format=codec.container, options={"fflags": "+bitexact"}) as container:
        stream: Any = container.add_stream(
            codec.encoder, rate=sample_rate_hz, layout=layout, options=dict(codec.options)
        )
        stream.codec_context.format = codec.sample_format
        if codec.bit_rate:
            stream.bit_rate = codec.bit_rate * y.shape[0] // 2
        converter = av.AudioResampler(format=codec.sample_format, layout=layout, rate=sample_rate_hz)
        for frame in _frames(y, layout, sample_rate_hz):
            for converted in converter.resample(frame):
                container.mux(stream.encode(converted))
        container.mux(stream.encode(None))


def _frames(y: Audio, layout: str, sample_rate_hz: int) -> Iterator[av.AudioFrame]:
    for number, block in enumerate(_blocks(y)):
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp", layout=layout)
        frame.sample_rate, frame.pts = sample_rate_hz, number * BLOCK_FRAMES
        yield frame


def _blocks(y: Audio) -> Iterator[Audio]:
    for start in range(0, y.shape[1], BLOCK_FRAMES):
        yield y[:, start : start + BLOCK_FRAMES]
