"""Which part of a song is heard; it is part of every vector's version, for vectors of two parts are never mixed."""

from enum import StrEnum

from features.errors import NoSamples, TooShort

EXCERPT_SECONDS = 30.0
MIN_SECONDS = 5.0
# The frames at both ends of a lossy file may go missing.
CODEC_FRAME_SECONDS = 0.05


class Part(StrEnum):
    """The part that is heard; the value stands in the version of vectors. A shorter song is heard whole."""

    MIDDLE = "middle-30s"
    FIRST = "first-30s"
    WHOLE = "whole"


def excerpt_span(frames: int, sample_rate_hz: int, part: Part = Part.MIDDLE) -> tuple[int, int]:
    """First sample and number of samples of the part of a song that has `frames` of them.

    Raises NoSamples or TooShort.
    """
    if frames <= 0:
        raise NoSamples("the file is audio, but there is not one sample in it")
    if frames < (MIN_SECONDS - CODEC_FRAME_SECONDS) * sample_rate_hz:
        raise TooShort(
            f"the song lasts {frames / sample_rate_hz:.1f} s; {MIN_SECONDS:.0f} s are needed at least"
        )
    if part is Part.WHOLE:
        return 0, frames
    count = min(frames, round(EXCERPT_SECONDS * sample_rate_hz))
    return ((frames - count) // 2 if part is Part.MIDDLE else 0), count
