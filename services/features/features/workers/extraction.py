"""All that is extracted from one audio file, in one piece of work for a process of the pool."""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from features.audio.content_key import content_key
from features.audio.decode import NATIVE, SAMPLE_RATE_HZ, AudioProperties, DecodedExcerpt, load_excerpt
from features.audio.excerpts import Excerpt
from features.audio.tags import FileTags, read_tags
from features.embeddings.embedding import Preprocessing, Windows
from features.errors import AudioNotFoundError, FeatureError
from features.fma import vector as fma

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Extraction:
    """What was computed of the audio, and what the file says of itself."""

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
    windows: Mapping[int, Windows] = field(default_factory=dict)
    """What embeddings are computed from, by their kind."""
    seconds: Mapping[int, float] = field(default_factory=dict)
    """What each kind has cost here, decoding left out."""


def extract(
    path: str,
    *,
    with_fma: bool,
    with_fma_native: bool = False,
    preprocessings: Mapping[int, Preprocessing] | None = None,
    excerpt: Excerpt = Excerpt.MIDDLE,
    known_keys: Collection[str] = (),
) -> Extraction:
    """Decode the file at `path` and compute what is asked for, unless its content key is a known one.

    `preprocessings` are those of the embeddings that are wanted, by their kind. Raises what `load_excerpt` raises, and
    AudioNotFoundError when the file cannot be read.
    """
    wanted = preprocessings or {}
    try:
        # The key costs a few reads and no decoding, so it comes first wherever it may be all that is needed.
        key = _key_of(path)
        if key in known_keys:
            return Extraction(content_key=key, tags=read_tags(path))
        rates = {*([SAMPLE_RATE_HZ] if with_fma else []), *(each.sample_rate_hz for each in wanted.values())}
        decoded, whole, failure = _load(path, excerpt, rates, with_fma_native)
    except OSError as error:
        raise AudioNotFoundError(
            "the file cannot be read to its end: see whether it is still there, whether this service may read it, "
            "and whether the disk or the share that it is on answers",
            detail=error,
        ) from error
    costs = Stopwatch()
    return Extraction(
        content_key=key,
        properties=decoded.properties,
        tags=read_tags(path),
        fma=costs.of(fma.KIND, fma.fma_features, decoded.y) if with_fma else None,
        fma_native=costs.of(fma.NATIVE_KIND, _native, whole) if whole else None,
        fma_native_failure=failure,
        windows={
            kind: costs.of(kind, each.windows, decoded.at[each.sample_rate_hz])
            for kind, each in wanted.items()
        },
        seconds=costs.seconds,
    )


@dataclass
class Stopwatch:
    """Measures what each kind of vector costs."""

    seconds: dict[int, float] = field(default_factory=dict)

    def of(self, kind: int, compute: Callable[..., T], *arguments: object) -> T:
        """What is computed for a kind."""
        started = time.perf_counter()
        computed = compute(*arguments)
        self.seconds[kind] = time.perf_counter() - started
        return computed


def _load(
    path: str, excerpt: Excerpt, rates: set[int], with_whole: bool
) -> tuple[DecodedExcerpt, DecodedExcerpt | None, FeatureError | None]:
    """The excerpt, and the whole song at its own rate where that is wanted, or why there is none.

    One decoding, unless an excerpt is wanted beside the whole: seeking to it costs little beside decoding the whole.
    """
    if not with_whole:
        return load_excerpt(path, excerpt, rates=rates or {NATIVE}), None, None
    if not rates:
        whole = load_excerpt(path, Excerpt.WHOLE, rates={NATIVE})
        return whole, whole, None
    try:
        whole = load_excerpt(
            path, Excerpt.WHOLE, rates={NATIVE, *(rates if excerpt is Excerpt.WHOLE else ())}
        )
    except FeatureError as failure:
        # Its other vectors need less of the song, or less memory.
        return load_excerpt(path, excerpt, rates=rates), None, failure
    return (whole if excerpt is Excerpt.WHOLE else load_excerpt(path, excerpt, rates=rates)), whole, None


def _native(whole: DecodedExcerpt) -> npt.NDArray[np.float32] | None:
    rate_hz = whole.properties.sample_rate_hz
    return fma.fma_native_features(whole.at[NATIVE], rate_hz) if fma.has_native_values(rate_hz) else None


def _key_of(path: str) -> str:
    with open(path, "rb") as file:
        return content_key(file)


def warm_up(preprocessings: Collection[Preprocessing] = ()) -> None:
    """Do what is done at a first song, so that no song pays for it."""
    fma.warm_up_fma()
    for each in preprocessings:
        each.windows(np.ones(each.sample_rate_hz, dtype=np.float32))
