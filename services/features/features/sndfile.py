"""Reads what libsndfile can seek in to the sample: MP3, FLAC, Ogg Vorbis, Opus, WAV, AIFF."""

from collections.abc import Iterator
from contextlib import contextmanager

import soundfile

from features.errors import Truncated
from features.excerpts import Part, excerpt_span
from features.sound import FloatArray, Sound, block_frames, check_format

PCM_CODECS = {
    "PCM_U8": "pcm_u8",
    "PCM_S8": "pcm_s8",
    "PCM_16": "pcm_s16le",
    "PCM_24": "pcm_s24le",
    "PCM_32": "pcm_s32le",
    "FLOAT": "pcm_f32le",
    "DOUBLE": "pcm_f64le",
}


def open_file(path: str) -> soundfile.SoundFile | None:
    """The file at `path`; None where libsndfile does not know its format."""
    try:
        return soundfile.SoundFile(path)
    except soundfile.LibsndfileError:
        return None


@contextmanager
def open_sound(file: soundfile.SoundFile, part: Part) -> Iterator[Sound]:
    """The sound of an open file, which is closed in the end. Raises NotAudio, TooShort or Truncated."""
    with file:
        check_format(file.samplerate, file.channels)
        start, count = excerpt_span(file.frames, file.samplerate, part)
        yield Sound(
            codec=_codec(file),
            sample_rate_hz=file.samplerate,
            channels=file.channels,
            frames=file.frames,
            start=start,
            count=count,
            blocks=_blocks(file, start, count),
        )


def _blocks(file: soundfile.SoundFile, start: int, count: int) -> Iterator[FloatArray]:
    size = block_frames(file.channels)
    try:
        if file.format == "FLAC":
            _require_last_sample(file)
        file.seek(start)
        while count > 0 and len(block := file.read(min(size, count), dtype="float32", always_2d=True)):
            yield block
            count -= len(block)
    except soundfile.LibsndfileError as error:
        raise Truncated(f"the file ends early or is damaged ({error}); copy or rip it again") from error


def _require_last_sample(file: soundfile.SoundFile) -> None:
    """Fail where the file ends early. FLAC tells its length in samples only, so the last one is asked for."""
    file.seek(file.frames - 1)
    file.read(1)


def _codec(file: soundfile.SoundFile) -> str:
    if file.format in ("FLAC", "MP3"):
        return str(file.format).lower()
    subtype = str(file.subtype)
    if subtype == "MPEG_LAYER_III":
        return "mp3"
    return PCM_CODECS.get(subtype, subtype.lower())
