"""Which part of a song is heard; it is part of every vector's version, for vectors of two parts are never mixed."""

from enum import StrEnum

from features.errors import NoSamples, TooShort

# Part of each version: the rule by which `audio.load_excerpt` goes on where the part is silent or cancels itself out.
RULE = 2
EXCERPT_SECONDS = 30.0
# Places at which an excerpt may begin, from the first sample to the last that leaves room for it.
STEPS = 16
MIN_SECONDS = 5.0
# The frames at both ends of a lossy file may go missing.
CODEC_FRAME_SECONDS = 0.05


class Part(StrEnum):
    """The part that is heard; the value stands in the version of vectors. A shorter song is heard whole."""

    MIDDLE = "middle-30s"
    FIRST = "first-30s"
    WHOLE = "whole"

    @property
    def made(self) -> str:
        """As the version of a vector names it: the part, and the rule for songs in which it is no sound."""
        return f"{self}/{RULE}"

    @property
    def places(self) -> tuple[int, ...]:
        """Where it may lie, in sixteenths of the way: the part itself, then what is tried where that is silent.

        From the middle to quarters, eighths, both ends, and what lies between; from the first half minute straight on.
        """
        if self is Part.MIDDLE:
            return (8, 4, 12, 2, 6, 10, 14, 0, 16, *range(1, STEPS, 2))
        return tuple(range(STEPS + 1)) if self is Part.FIRST else (0,)


def excerpt_span(
    frames: int, sample_rate_hz: int, part: Part = Part.MIDDLE, place: int | None = None
) -> tuple[int, int]:
    """First sample and number of samples of the part of a song that has `frames` of them, at one of its places.

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
    return (frames - count) * (part.places[0] if place is None else place) // STEPS, count
