"""How an excerpt is chosen: which part of a song is decoded. The choice stands in every vector's version."""

from enum import StrEnum

from features.errors import NoSamplesError, TooShortError

# Part of each version: how `decode.load_excerpt` goes on where the excerpt is silent or cancels itself out.
FALLBACK_RULE = 3
EXCERPT_SECONDS = 30.0
# Places at which an excerpt may begin, from the first sample to the last that leaves room for it.
STEPS = 16
MIN_SECONDS = 5.0
# The frames at both ends of a lossy file may go missing.
CODEC_FRAME_SECONDS = 0.05


class Excerpt(StrEnum):
    """The excerpts that may be asked for; the value stands in the version of vectors. A shorter song is taken whole."""

    MIDDLE = "middle-30s"
    FIRST = "first-30s"
    WHOLE = "whole"

    @property
    def version(self) -> str:
        """As the version of a vector names it: the excerpt, and the rule for songs in which it is silent."""
        return f"{self}/{FALLBACK_RULE}"

    @property
    def places(self) -> tuple[int, ...]:
        """Where it may lie, in sixteenths of the way: the excerpt itself, then what is tried where that is silent.

        From the middle to quarters, eighths, both ends, and what lies between; from the first half minute straight on.
        """
        if self is Excerpt.MIDDLE:
            return (8, 4, 12, 2, 6, 10, 14, 0, 16, *range(1, STEPS, 2))
        return tuple(range(STEPS + 1)) if self is Excerpt.FIRST else (0,)


def excerpt_span(
    frames: int, sample_rate_hz: int, excerpt: Excerpt = Excerpt.MIDDLE, place: int | None = None
) -> tuple[int, int]:
    """First sample and number of samples of the excerpt of a song that has `frames` of them, at one of its places.

    Raises NoSamplesError or TooShortError.
    """
    if frames <= 0:
        raise NoSamplesError("the file is audio, but there is not one sample in it")
    if frames < (MIN_SECONDS - CODEC_FRAME_SECONDS) * sample_rate_hz:
        raise TooShortError(
            f"the song lasts {frames / sample_rate_hz:.1f} s; {MIN_SECONDS:.0f} s are needed at least"
        )
    if excerpt is Excerpt.WHOLE:
        return 0, frames
    count = min(frames, round(EXCERPT_SECONDS * sample_rate_hz))
    return (frames - count) * (excerpt.places[0] if place is None else place) // STEPS, count
