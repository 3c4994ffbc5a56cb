"""Reads what libsndfile can seek in to the sample: MP3, FLAC, Ogg Vorbis, Opus, WAV, AIFF."""

from collections.abc import Iterator
from contextlib import contextmanager

import soundfile

from features.errors import Damaged, Truncated
from features.excerpts import Part, excerpt_span
from features.sound import MAX_LOST_SECONDS, FloatArray, Sound, block_frames, check_format

# It knows many more, some by nothing but the file's name.
FORMATS = frozenset({"MP3", "FLAC", "OGG", "WAV", "WAVEX", "RF64", "W64", "AIFF", "CAF", "AU"})
# What a writer to a pipe leaves in a header.
UNKNOWN_FRAMES = 2**62
PCM_CODECS = {
    "PCM_U8": "pcm_u8",
    "PCM_S8": "pcm_s8",
    "PCM_16": "pcm_s16le",
    "PCM_24": "pcm_s24le",
    "PCM_32": "pcm_s32le",
    "FLOAT": "pcm_f32le",
    "DOUBLE": "pcm_f64le",
}


class LostSyncError(Exception):
    """Where the next frame of an MP3 is not where it should be, mpg123 soon gives up; FFmpeg looks further."""

    def __init__(self, frames: int) -> None:
        super().__init__()
        self.frames = frames
        """Of the song, as its header says."""


def open_file(path: str) -> soundfile.SoundFile | None:
    """The file at `path`; None where libsndfile does not know its format, or its length."""
    try:
        file = soundfile.SoundFile(path)
    except soundfile.LibsndfileError:
        return None
    if file.format in FORMATS and 0 < file.frames < UNKNOWN_FRAMES:
        return file
    file.close()
    return None


@contextmanager
def open_sound(file: soundfile.SoundFile, part: Part) -> Iterator[Sound]:
    """The sound of an open file, which is closed in the end.

    Raises NotAudio or TooShort; its blocks raise LostSyncError, Damaged or Truncated.
    """
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
    if file.format == "FLAC":
        _require_last_sample(file)
    try:
        file.seek(start)
        while count > 0 and len(block := file.read(min(size, count), dtype="float32", always_2d=True)):
            yield block
            count -= len(block)
        if _codec(file) == "mp3" and count > MAX_LOST_SECONDS * file.samplerate:
            raise LostSyncError(file.frames)
    except soundfile.LibsndfileError as error:
        if _codec(file) == "mp3":
            raise LostSyncError(file.frames) from error
        raise Damaged(f"the file opens, but cannot be decoded ({error}); copy or rip it again") from error


def _require_last_sample(file: soundfile.SoundFile) -> None:
    """Fail where the file ends early. FLAC tells its length in samples only, so the last one is asked for."""
    try:
        file.seek(file.frames - 1)
        file.read(1)
    except soundfile.LibsndfileError as error:
        raise Truncated(
            f"the file ends before its own header says, or its end is damaged ({error}); copy or rip it again"
        ) from error


def _codec(file: soundfile.SoundFile) -> str:
    if file.format in ("FLAC", "MP3"):
        return str(file.format).lower()
    subtype = str(file.subtype)
    if subtype == "MPEG_LAYER_III":
        return "mp3"
    return PCM_CODECS.get(subtype, subtype.lower())
