"""Hears songs: the pool decodes and computes on processors, Triton embeds, and neither waits for the other."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from features.audio.excerpts import Part
from features.caller import Caller
from features.embeddings.mert import windows as mert
from features.embeddings.mert.client import MertModel
from features.embeddings.options import Compute
from features.errors import (
    AudioNotFound,
    CannotEmbed,
    Damaged,
    DecoderCrashed,
    FeatureError,
    InvalidSamples,
    ModelUnavailable,
    NoSamples,
    NotAudio,
    OutOfMemory,
    Silent,
    TooShort,
    Truncated,
)
from features.fma import vector
from features.source.location import PathMapping
from features.source.resolve import AudioReference, AudioSources
from features.vectors import Ability, Gap, Kind, Vector
from features.workers.extraction import Extraction
from features.workers.pool import ExtractionPool

NOT_INSTALLED = {
    Kind.MERT: "MERT is not installed here: FEATURES_TRITON_TARGET names no Triton that could run it",
    Kind.JMLA: "JMLA is not installed here; this release has no model for it",
}
# What is wrong with one file, and need not be with another version of the song.
OF_A_FILE = (
    AudioNotFound,
    Damaged,
    DecoderCrashed,
    InvalidSamples,
    NoSamples,
    NotAudio,
    OutOfMemory,
    Silent,
    TooShort,
    Truncated,
)
TOO_LOW_RATE = "the song's sampling rate is too low for the values at its own rate, which reach up to 4.2 kHz"


@dataclass(frozen=True, kw_only=True)
class Song:
    """What is asked of one song."""

    audio: AudioReference
    kinds: Sequence[int]
    """Each once."""
    part: Part = Part.MIDDLE
    compute: Compute = field(default_factory=Compute)
    mappings: Sequence[PathMapping] = ()
    known_keys: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class HeardSong:
    """What came of it."""

    extraction: Extraction
    vectors: Sequence[Vector] = ()
    gaps: Sequence[Gap] = ()


class Listening:
    """Safe to share between threads; each works on a song of its own."""

    def __init__(
        self, *, sources: AudioSources, pool: ExtractionPool, model: MertModel | None = None
    ) -> None:
        self._sources = sources
        self._pool = pool
        self._model = model

    @property
    def has_own_mappings(self) -> bool:
        """Whether path mappings of requests are not looked at."""
        return self._sources.has_own_mappings

    def songs_at_once(self, abilities: Sequence[Ability]) -> int:
        """Songs that keep it busy: while one waits for the model, a process decodes another."""
        embeds = any(each.available for each in abilities if each.kind in NOT_INSTALLED)
        return self._pool.processes * (2 if embeds else 1)

    def hear(self, song: Song, caller: Caller) -> HeardSong:
        """One song; raises FeatureError where the audio is at fault.

        1. Find the audio; a process of the pool decodes it once, computes what needs a processor, and cuts the windows
           of the model. Then process and file are free for the next song.
        2. Triton embeds the windows. A model that does not answer leaves a gap and takes nothing from the rest.
        """
        gaps = {kind: gap for kind in song.kinds if (gap := self._known_gap(kind, song.compute)) is not None}
        extraction = self._extract(song, caller, gaps)
        if extraction.properties is None:
            return HeardSong(extraction=extraction)
        vectors = list(_computed(extraction, song.part))
        if Kind.FMA_NATIVE in song.kinds and extraction.fma_native is None:
            gaps[Kind.FMA_NATIVE] = _gap_of_whole(extraction.fma_native_failure)
        if extraction.windows is not None and self._model is not None:
            try:
                vectors.append(_embedded(self._model, extraction.windows, song, caller))
            except CannotEmbed as error:
                gaps[Kind.MERT] = _gap(Kind.MERT, error)
        return HeardSong(extraction=extraction, vectors=vectors, gaps=tuple(gaps.values()))

    def abilities(self, part: Part, compute: Compute, patience_seconds: float | None) -> list[Ability]:
        """Every kind, and what of it can be made here at present."""
        length = len(vector.COLUMNS)
        return [
            Ability(kind=Kind.FMA, available=True, version=vector.version(part), length=length, detail="cpu"),
            self._ability_of_mert(part, compute, patience_seconds),
            Ability(kind=Kind.JMLA, available=False, detail=NOT_INSTALLED[Kind.JMLA]),
            Ability(
                kind=Kind.FMA_NATIVE,
                available=True,
                version=vector.NATIVE_VERSION,
                length=length,
                detail="cpu",
            ),
        ]

    def _extract(self, song: Song, caller: Caller, gaps: dict[int, Gap]) -> Extraction:
        """What is heard of the best version of the song that can be; raises what is wrong with the first."""
        failure: FeatureError | None = None
        with closing(self._sources.paths(song.audio, song.mappings, caller.seconds_left())) as paths:
            for path in paths:
                try:
                    return self._extract_file(path, song, caller, gaps)
                except OF_A_FILE as error:
                    failure = failure or error
        raise failure or AudioNotFound("no file of the song is there")

    def _extract_file(self, path: str, song: Song, caller: Caller, gaps: dict[int, Gap]) -> Extraction:
        embeds = Kind.MERT in song.kinds and Kind.MERT not in gaps and self._model is not None
        work = self._pool.schedule(
            path,
            with_fma=Kind.FMA in song.kinds,
            with_fma_native=Kind.FMA_NATIVE in song.kinds,
            window_samples=self._model.window_samples if embeds and self._model else None,
            part=song.part,
            known_keys=song.known_keys,
        )
        with caller.waiting_for(work):
            return self._pool.wait(work, caller.seconds_left())

    def _known_gap(self, kind: int, compute: Compute) -> Gap | None:
        """Why a kind cannot be made, where that is known before the song is heard."""
        if kind not in set(Kind):
            message = f"this service does not know the kind of vector {kind}"
            return Gap(kind=kind, permanent=True, message=message)
        if kind == Kind.JMLA or (kind == Kind.MERT and self._model is None):
            return Gap(kind=kind, permanent=True, message=NOT_INSTALLED[Kind(kind)])
        failure = self._model.known_failure(compute) if kind == Kind.MERT and self._model else None
        return _gap(Kind.MERT, failure) if failure else None

    def _ability_of_mert(self, part: Part, compute: Compute, patience_seconds: float | None) -> Ability:
        if self._model is None:
            return Ability(kind=Kind.MERT, available=False, detail=NOT_INSTALLED[Kind.MERT])
        try:
            description = self._model.describe(compute, patience_seconds)
        except CannotEmbed as error:
            last = None if error.permanent else self._model.last_description
            version = mert.version(last, part) if last else ""
            return Ability(kind=Kind.MERT, available=False, version=version, detail=str(error))
        return Ability(
            kind=Kind.MERT,
            available=True,
            version=mert.version(description, part),
            length=description.width,
            detail=description.in_words(),
            for_trials=description.for_trials,
        )


def _computed(extraction: Extraction, part: Part) -> Iterator[Vector]:
    """What the pool has computed."""
    if extraction.fma is not None:
        yield Vector(kind=Kind.FMA, version=vector.version(part), values=extraction.fma)
    if extraction.fma_native is not None:
        yield Vector(kind=Kind.FMA_NATIVE, version=vector.NATIVE_VERSION, values=extraction.fma_native)


def _embedded(model: MertModel, windows: mert.PcmArray, song: Song, caller: Caller) -> Vector:
    embedded = model.embed(windows, song.compute, caller.seconds_left())
    try:
        values = mert.mean_embedding(embedded.values)
    except ValueError as error:
        raise ModelUnavailable(f"MERT: {error}; see Triton's log") from error
    return Vector(kind=Kind.MERT, version=mert.version(embedded.description, song.part), values=values)


def _gap_of_whole(failure: FeatureError | None) -> Gap:
    return Gap(kind=Kind.FMA_NATIVE, permanent=True, message=str(failure) if failure else TOO_LOW_RATE)


def _gap(kind: Kind, error: CannotEmbed) -> Gap:
    return Gap(kind=kind, permanent=error.permanent, message=str(error))
