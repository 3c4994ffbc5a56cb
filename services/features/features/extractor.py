"""Extracts features: the pool decodes and computes on processors, models embed, and neither waits for the other."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial

from pebble import ProcessFuture
from runtime.streams import Caller

from features.audio.excerpts import Excerpt
from features.costs import MeasuredCosts
from features.embeddings.embedding import Embedding
from features.embeddings.options import ComputeOptions, LoadOptions
from features.errors import (
    AudioNotFoundError,
    DamagedError,
    DecoderCrashedError,
    EmbeddingError,
    FeatureError,
    InvalidSamplesError,
    NoSamplesError,
    NotAudioError,
    OutOfMemoryError,
    ProcessesLostError,
    SilentError,
    TooShortError,
    TruncatedError,
)
from features.fma import vector as fma
from features.source.audio_sources import AudioReference, AudioSources
from features.source.file_lookup import PathMapping
from features.vectors import Capability, MissingVector, Vector
from features.workers.extraction import Extraction
from features.workers.pool import ExtractionPool, TimedExtraction

# What is wrong with one file, and need not be with another version of the song.
OF_A_FILE = (
    AudioNotFoundError,
    DamagedError,
    DecoderCrashedError,
    InvalidSamplesError,
    NoSamplesError,
    NotAudioError,
    OutOfMemoryError,
    SilentError,
    TooShortError,
    TruncatedError,
)
TOO_LOW_RATE = "the song's sampling rate is too low for the values at its own rate, which reach up to 4.2 kHz"
Missing = dict[int, MissingVector]
"""By kind."""


@dataclass(frozen=True, kw_only=True)
class ExtractionRequest:
    """What is asked of one song."""

    audio: AudioReference
    kinds: Sequence[int]
    """Each once."""
    excerpt: Excerpt = Excerpt.MIDDLE
    options: ComputeOptions = field(default_factory=ComputeOptions)
    mappings: Sequence[PathMapping] = ()
    known_keys: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class ExtractionResult:
    """What came of it."""

    extraction: Extraction
    vectors: Sequence[Vector] = ()
    missing: Sequence[MissingVector] = ()


class Extractor:
    """Safe to share between threads; each works on a song of its own.

    `kind_names` are the kinds of vectors that there are, with the names that people know; nothing need compute them.
    """

    def __init__(
        self,
        *,
        sources: AudioSources,
        pool: ExtractionPool,
        embeddings: Sequence[Embedding] = (),
        kind_names: Mapping[int, str] | None = None,
    ) -> None:
        self._sources = sources
        self._pool = pool
        self._embeddings = {each.card.kind: each for each in embeddings}
        self._kind_names = kind_names or {}
        self._costs = MeasuredCosts()

    @property
    def has_own_mappings(self) -> bool:
        """Whether path mappings of requests are not looked at."""
        return self._sources.has_own_mappings

    def songs_at_once(self, capabilities: Sequence[Capability]) -> int:
        """Songs that keep it busy: while one waits for a model, a process decodes another."""
        embeds = any(each.available for each in capabilities if each.kind in self._embeddings)
        return self._pool.processes * (2 if embeds else 1)

    def extract(self, request: ExtractionRequest, caller: Caller) -> ExtractionResult:
        """The vectors of one song; raises FeatureError where the audio is at fault.

        1. Find the audio; a process of the pool decodes it once, computes what needs a processor, and cuts the windows
           of the embeddings. Then process and file are free for the next song.
        2. The embeddings are computed. A model that does not answer leaves a gap and takes nothing from the rest.
        """
        missing = self._known_missing(request)
        wanted = [each for each in self._embeddings if each in request.kinds and each not in missing]
        extraction = self._extract(request, wanted, caller)
        if extraction.properties is None:
            return ExtractionResult(extraction=extraction)
        vectors = list(_computed(extraction, request.excerpt))
        if fma.NATIVE_KIND in request.kinds and extraction.fma_native is None:
            missing[fma.NATIVE_KIND] = _missing_native(extraction.fma_native_failure)
        for kind in wanted:
            try:
                vectors.append(self._embedded(kind, extraction, request, caller))
            except EmbeddingError as error:
                missing[kind] = _missing(kind, error)
        self._note_costs(extraction, vectors)
        return ExtractionResult(extraction=extraction, vectors=vectors, missing=tuple(missing.values()))

    def capabilities(
        self, excerpt: Excerpt, options: LoadOptions, patience_seconds: float | None
    ) -> list[Capability]:
        """Every kind, and what of it can be computed here at present."""
        versions = {fma.KIND: fma.version(excerpt), fma.NATIVE_KIND: fma.NATIVE_VERSION}
        found = [
            Capability(
                kind=kind,
                available=True,
                version=version,
                length=len(fma.COLUMNS),
                detail="cpu",
                name=fma.NAMES[kind],
            )
            for kind, version in versions.items()
        ]
        found += [each.capability(excerpt, options, patience_seconds) for each in self._embeddings.values()]
        others = self._kind_names.keys() - {each.kind for each in found}
        found += [
            Capability(
                kind=kind,
                available=False,
                detail=self._not_installed(kind),
                name=self._kind_names[kind],
            )
            for kind in others
        ]
        return [self._with_cost(each) for each in sorted(found, key=lambda each: each.kind)]

    def _with_cost(self, capability: Capability) -> Capability:
        cost = self._costs.of(capability.kind)
        return replace(capability, measured_seconds=cost.seconds, measured_songs=cost.songs)

    def _note_costs(self, extraction: Extraction, vectors: Sequence[Vector]) -> None:
        """Of the kinds that came of it: in a worker, and in a model."""
        self._costs.add(
            {each.kind: extraction.seconds.get(each.kind, 0.0) + each.seconds for each in vectors}
        )

    def _extract(self, request: ExtractionRequest, wanted: Sequence[int], caller: Caller) -> Extraction:
        """Of the best version of the song that can be analysed; raises what is wrong with the first."""
        failure: FeatureError | None = None
        paths = self._sources.paths(request.audio, request.mappings, caller.seconds_left())
        with closing(paths):
            for path in paths:
                try:
                    return self._extract_file(path, request, wanted, caller)
                except OF_A_FILE as error:
                    failure = failure or error
        raise failure or AudioNotFoundError("no file of the song is there")

    def _extract_file(
        self, path: str, request: ExtractionRequest, wanted: Sequence[int], caller: Caller
    ) -> Extraction:
        schedule = partial(
            self._pool.schedule,
            path,
            with_fma=fma.KIND in request.kinds,
            with_fma_native=fma.NATIVE_KIND in request.kinds,
            preprocessings={kind: self._embeddings[kind].preprocessing for kind in wanted},
            excerpt=request.excerpt,
            known_keys=request.known_keys,
        )
        try:
            return self._wait(schedule(), caller)
        except ProcessesLostError:  # which is no fault of this song
            return self._wait(schedule(), caller)

    def _wait(self, work: "ProcessFuture[TimedExtraction]", caller: Caller) -> Extraction:
        with caller.waiting_for(work):
            return self._pool.wait(work, caller.seconds_left())

    def _embedded(
        self, kind: int, extraction: Extraction, request: ExtractionRequest, caller: Caller
    ) -> Vector:
        windows = extraction.windows[kind]
        return self._embeddings[kind].embed(windows, request.excerpt, request.options, caller.seconds_left())

    def _known_missing(self, request: ExtractionRequest) -> Missing:
        """Kinds that cannot be computed, where that is known before the song is decoded."""
        missing: Missing = {}
        for kind in request.kinds:
            if kind in (fma.KIND, fma.NATIVE_KIND):
                continue
            if kind not in self._embeddings:
                missing[kind] = MissingVector(kind=kind, permanent=True, message=self._not_installed(kind))
            elif failure := self._embeddings[kind].known_failure(request.options.load):
                missing[kind] = _missing(kind, failure)
        return missing

    def _not_installed(self, kind: int) -> str:
        name = self._kind_names.get(kind)
        if name is None:
            return f"this service does not know the kind of vector {kind}"
        return f"{name} is not installed here; this release has no model for it"


def _computed(extraction: Extraction, excerpt: Excerpt) -> Iterator[Vector]:
    """What the pool has computed."""
    if extraction.fma is not None:
        yield Vector(kind=fma.KIND, version=fma.version(excerpt), values=extraction.fma)
    if extraction.fma_native is not None:
        yield Vector(kind=fma.NATIVE_KIND, version=fma.NATIVE_VERSION, values=extraction.fma_native)


def _missing_native(failure: FeatureError | None) -> MissingVector:
    message = str(failure) if failure else TOO_LOW_RATE
    return MissingVector(kind=fma.NATIVE_KIND, permanent=True, message=message)


def _missing(kind: int, error: EmbeddingError) -> MissingVector:
    return MissingVector(kind=kind, permanent=error.permanent, message=str(error))
