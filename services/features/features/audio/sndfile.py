"""Reads what libsndfile can seek in to the sample: MP3, FLAC, Ogg Vorbis, Opus, WAV, AIFF."""

from collections.abc import Iterator
from contextlib import contextmanager

import soundfile

from features.audio.excerpts import MIN_SECONDS, Excerpt, excerpt_span
from features.audio.stream import MAX_LOST_SECONDS, AudioStream, block_frames, check_format
from features.vectors import FloatArray

# It knows many more, some by nothing but the file's name.
FORMATS = frozenset({"MP3", "FLAC", "OGG", "WAV", "WAVEX", "RF64", "W64", "AIFF", "CAF", "AU"})
# What a writer to a pipe leaves in a header.
UNKNOWN_FRAMES = 2**62
CODECS = {
    "PCM_U8": "pcm_u8",
    "PCM_S8": "pcm_s8",
    "PCM_16": "pcm_s16le",
    "PCM_24": "pcm_s24le",
    "PCM_32": "pcm_s32le",
    "FLOAT": "pcm_f32le",
    "DOUBLE": "pcm_f64le",
    "ULAW": "pcm_mulaw",
    "ALAW": "pcm_alaw",
    "IMA_ADPCM": "adpcm_ima_wav",
    "MS_ADPCM": "adpcm_ms",
    "GSM610": "gsm_ms",
    "G721_32": "adpcm_g726",
    "ALAC_16": "alac",
    "ALAC_20": "alac",
    "ALAC_24": "alac",
    "ALAC_32": "alac",
    "MPEG_LAYER_III": "mp3",
}


# Files of plain samples: what is not there, no other decoder finds.
SAMPLES = frozenset({"WAV", "WAVEX", "RF64", "W64", "AIFF", "CAF", "AU"})


class LostSyncError(Exception):
    """What comes next in the file is not what should come. libsndfile gives up; FFmpeg looks for the next frame."""

    def __init__(self, frames: int, detail: object = "") -> None:
        super().__init__()
        self.frames = frames
        """Of the song, as its header says."""
        self.detail = detail
        """As the library said it."""


def open_file(path: str) -> soundfile.SoundFile | None:
    """The file at `path`; None where libsndfile does not know its format, or its length.

    A length that is no song's is nothing to rely on, where it is not that of the samples that are there.
    """
    try:
        file = soundfile.SoundFile(path)
    except soundfile.LibsndfileError:
        return None
    is_song = file.format in SAMPLES or file.frames >= MIN_SECONDS * file.samplerate
    if file.format in FORMATS and 0 < file.frames < UNKNOWN_FRAMES and is_song:
        return file
    file.close()
    return None


@contextmanager
def open_stream(
    file: soundfile.SoundFile, excerpt: Excerpt, place: int | None = None, *, share: float = 1.0
) -> Iterator[AudioStream]:
    """The audio of an open file, which is closed in the end. `share` is what is there of all that its header promises.

    Raises NotAudioError or TooShortError; its blocks raise LostSyncError.
    """
    with file:
        check_format(file.samplerate, file.channels)
        frames = round(file.frames / share)
        start, count = excerpt_span(frames, file.samplerate, excerpt, place)
        yield AudioStream(
            codec=_codec(file),
            sample_rate_hz=file.samplerate,
            channels=file.channels,
            frames=frames,
            start=start,
            count=count,
            blocks=_blocks(file, start, min(count, file.frames - start)),
        )


def _blocks(file: soundfile.SoundFile, start: int, count: int) -> Iterator[FloatArray]:
    size = block_frames(file.channels)
    if count <= 0:
        return
    try:
        file.seek(start)
        while count > 0 and len(block := file.read(min(size, count), dtype="float32", always_2d=True)):
            yield block
            count -= len(block)
    except soundfile.LibsndfileError as error:
        raise LostSyncError(file.frames, error) from error
    if count > MAX_LOST_SECONDS * file.samplerate and file.format not in SAMPLES:
        raise LostSyncError(file.frames, f"{count} samples did not come")


def _codec(file: soundfile.SoundFile) -> str:
    if file.format in ("FLAC", "MP3"):
        return str(file.format).lower()
    subtype = str(file.subtype)
    return CODECS.get(subtype, subtype.lower())
