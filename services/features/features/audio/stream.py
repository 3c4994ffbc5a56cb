"""An audio stream as a decoder has opened it: what it is, where its excerpt lies, and the samples of that."""

from collections.abc import Iterator
from dataclasses import dataclass

from features.errors import NotAudioError
from features.vectors import FloatArray

# Beyond what is sold or mixed; a forged header would have gigabytes allocated. The highest rate is that of one-bit
# sound (DSD512), of which FFmpeg makes a sample of each eight bits.
MAX_CHANNELS = 32
MAX_SAMPLE_RATE_HZ = 2_822_400
# Of the excerpt, by damage or an early end.
MAX_LOST_SECONDS = 0.5
# Half a minute of stereo is one block; what is larger is never in memory with all its channels.
BLOCK_VALUES = 2**22


@dataclass(frozen=True, kw_only=True)
class AudioStream:
    """What a decoder hands on. Its blocks can be asked for once, while the file is open."""

    codec: str
    """FFmpeg's name: "mp3", "flac", "vorbis", "opus", "aac", "pcm_s16le", ..."""
    sample_rate_hz: int
    channels: int
    frames: int
    """Of the whole song."""
    start: int
    """First frame of the excerpt."""
    count: int
    """Frames that the excerpt should have; fewer may come."""
    is_promised: bool = True
    """Whether a header says the length; else it was worked out, and may be wrong where the rate changes."""
    blocks: Iterator[FloatArray]
    """Of the excerpt, in order [shape=(n, channels)]."""


def check_format(sample_rate_hz: int, channels: int) -> None:
    """Refuse what no song has."""
    if not (0 < channels <= MAX_CHANNELS and 0 < sample_rate_hz <= MAX_SAMPLE_RATE_HZ):
        form = f" ({channels} channels at {sample_rate_hz} Hz)" if channels and sample_rate_hz else ""
        raise NotAudioError(f"the file holds no audio that can be decoded{form}")


def block_frames(channels: int) -> int:
    """Frames of one block."""
    return BLOCK_VALUES // channels
