"""All that is learned from one audio file, in one piece of work for a process of the pool."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.audio.content_key import content_key
from features.audio.decode import NATIVE, SAMPLE_RATE_HZ, AudioProperties, Excerpt, load_excerpt
from features.audio.excerpts import Part
from features.audio.tags import FileTags, read_tags
from features.embeddings.mert import windows as mert
from features.errors import AudioNotFound, FeatureError
from features.fma.vector import fma_features, fma_native_features, has_native_values, warm_up_fma


@dataclass(frozen=True, kw_only=True)
class Extraction:
    """What was heard, and what the file says of itself."""

    content_key: str
    tags: FileTags
    properties: AudioProperties | None = None
    """None when nothing was decoded, because the caller knows this audio."""
    fma: npt.NDArray[np.float32] | None = None
    """The 518 values [shape=(518,)]; None when they were not asked for."""
    fma_native: npt.NDArray[np.float32] | None = None
    """The 518 values of the whole song at its own rate; None as well where the song has none."""
    fma_native_failure: FeatureError | None = None
    """Why it has none, where the song as a whole is at fault and its excerpt is not."""
    windows: mert.PcmArray | None = None
    """The windows of the MERT model [shape=(n, window_samples)]."""


def extract(
    path: str,
    *,
    with_fma: bool,
    with_fma_native: bool = False,
    window_samples: int | None = None,
    part: Part = Part.MIDDLE,
    known_keys: Collection[str] = (),
) -> Extraction:
    """Listen to the file at `path`, unless its content key is a known one.

    Raises what `load_excerpt` raises, and AudioNotFound when the file cannot be read.
    """
    try:
        # The key costs a few reads and no decoding, so it comes first wherever it may be all that is needed.
        key = _key_of(path)
        if key in known_keys:
            return Extraction(content_key=key, tags=read_tags(path))
        excerpt, whole, failure = _load(path, part, _rates(with_fma, window_samples), with_fma_native)
    except OSError as error:
        raise AudioNotFound(
            "the file cannot be read to its end: see whether it is still there, whether this service may read it, "
            "and whether the disk or the share that it is on answers",
            said=error,
        ) from error
    return Extraction(
        content_key=key,
        properties=excerpt.properties,
        tags=read_tags(path),
        fma=fma_features(excerpt.y) if with_fma else None,
        fma_native=_native(whole) if whole else None,
        fma_native_failure=failure,
        windows=mert.pcm_windows(excerpt.at[mert.SAMPLE_RATE_HZ], window_samples) if window_samples else None,
    )


def _rates(with_fma: bool, window_samples: int | None) -> set[int]:
    """The rates that the vectors of the excerpt are made from."""
    return {
        *([SAMPLE_RATE_HZ] if with_fma else []),
        *([mert.SAMPLE_RATE_HZ] if window_samples else []),
    }


def _load(
    path: str, part: Part, rates: set[int], with_whole: bool
) -> tuple[Excerpt, Excerpt | None, FeatureError | None]:
    """The excerpt, and the whole song at its own rate where that is wanted, or why there is none.

    One decoding, unless a part is wanted beside the whole: seeking to it costs little beside decoding the whole.
    """
    if not with_whole:
        return load_excerpt(path, part, rates=rates or {NATIVE}), None, None
    if not rates:
        whole = load_excerpt(path, Part.WHOLE, rates={NATIVE})
        return whole, whole, None
    try:
        whole = load_excerpt(path, Part.WHOLE, rates={NATIVE, *(rates if part is Part.WHOLE else ())})
    except FeatureError as failure:
        # Its other vectors need less of the song, or less memory.
        return load_excerpt(path, part, rates=rates), None, failure
    return (whole if part is Part.WHOLE else load_excerpt(path, part, rates=rates)), whole, None


def _native(whole: Excerpt) -> npt.NDArray[np.float32] | None:
    rate_hz = whole.properties.sample_rate_hz
    return fma_native_features(whole.at[NATIVE], rate_hz) if has_native_values(rate_hz) else None


def _key_of(path: str) -> str:
    with open(path, "rb") as file:
        return content_key(file)


def warm_up() -> None:
    """Do what is done at a first song, so that no song pays for it."""
    warm_up_fma()
