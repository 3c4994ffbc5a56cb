"""A stand-in for features: real gRPC, answers that a test has put there."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import grpc
import numpy as np
from reclass.features.v1 import features_pb2, features_pb2_grpc
from runtime.errors import ServiceError
from wire import packed

NAME = "reclass.features.v1.FeatureService"
VERSION = "test/1"
NOT_INSTALLED = "It is not installed: download its weights"
KINDS = (
    features_pb2.VECTOR_KIND_FMA,
    features_pb2.VECTOR_KIND_MERT,
    features_pb2.VECTOR_KIND_JMLA,
    features_pb2.VECTOR_KIND_FMA_NATIVE,
)


@dataclass
class FeaturesStandIn(features_pb2_grpc.FeatureServiceServicer):
    """Answers for every song at once. Tests change its fields between calls.

    A song's name is its rating key, else its path, else the size of its file ("1000 bytes").
    """

    audio: dict[str, Mapping[int, np.ndarray]] = field(default_factory=dict)
    """By name, the vectors of each kind; a song that is not here has vectors of its rating key."""
    versions: dict[int, str] = field(default_factory=lambda: {features_pb2.VECTOR_KIND_FMA: VERSION})
    """The kinds that are installed."""
    away: dict[int, str] = field(default_factory=dict)
    """Versions of kinds that are not available for the moment."""
    details: dict[int, str] = field(default_factory=dict)
    for_trials: set[int] = field(default_factory=set)
    """Kinds whose weights are random ones."""
    costs: dict[int, tuple[str, float]] = field(default_factory=dict)
    """By kind: the licence of its weights, and the seconds that a core takes for a song."""
    cards: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    """By kind: what else its capability says; a kind that is here and not among `KINDS` is spoken of too."""
    missing: Sequence[features_pb2.MissingVector] = ()
    faults: dict[str, list[ServiceError]] = field(default_factory=dict)
    """By name; raised first, in order."""
    refusals: dict[str, ServiceError] = field(default_factory=dict)
    """By name; raised each time."""
    capabilities_refusal: ServiceError | None = None
    held: dict[str, threading.Event] = field(default_factory=dict)
    """By name: an answer that waits for this."""
    given_up: list[str] = field(default_factory=list)
    """Names of songs whose caller went away before the answer."""
    tags: tuple[str, ...] = ("In the file",)
    """Genres that every file has in its own tags."""
    contents: dict[str, str] = field(default_factory=dict)
    """Content keys by name, where they are not the song's own."""
    media_folders: list[str] = field(default_factory=list)
    processes: int = 1
    mappings_locked: bool = False
    before_answer: Callable[[str], object] = field(default=lambda name: None)
    """Called with the name while a song is being extracted."""
    requests: list[features_pb2.ExtractRequest] = field(default_factory=list)
    capability_requests: list[features_pb2.GetCapabilitiesRequest] = field(default_factory=list)
    request_ids: set[str] = field(default_factory=set)
    extracted: list[str] = field(default_factory=list)
    decoded: list[str] = field(default_factory=list)
    """Names of the songs that were not among the known ones."""

    def services(self) -> dict[str, partial[None]]:
        """What runtime's server takes."""
        return {NAME: partial(features_pb2_grpc.add_FeatureServiceServicer_to_server, self)}

    def Extract(
        self, request: features_pb2.ExtractRequest, context: grpc.ServicerContext
    ) -> features_pb2.ExtractResponse:
        name = request.audio.rating_key or request.audio.path or f"{len(request.audio.content)} bytes"
        self.requests.append(request)
        self.request_ids.update(
            str(value) for key, value in context.invocation_metadata() if key == "x-request-id"
        )
        if name in self.held:
            self._hold(name, context)
        if self.faults.get(name):
            raise self.faults[name].pop(0)
        if name in self.refusals:
            raise self.refusals[name]
        self.extracted.append(name)
        self.before_answer(name)
        content = self.contents.get(name, f"content {name}")
        tags = features_pb2.FileTags(artist="Somebody", genres=self.tags)
        if content in request.known_content_keys:
            return features_pb2.ExtractResponse(content_key=content, tags=tags, already_known=True)
        self.decoded.append(name)
        missing = [gap for gap in self.missing if gap.kind in request.kinds]
        return features_pb2.ExtractResponse(
            content_key=content,
            properties=features_pb2.AudioProperties(
                codec="flac", sample_rate_hz=44100, channels=2, duration_seconds=31.5
            ),
            tags=tags,
            vectors=self._vectors(name, request, {gap.kind for gap in missing}),
            missing=missing,
        )

    def GetCapabilities(
        self, request: features_pb2.GetCapabilitiesRequest, context: grpc.ServicerContext
    ) -> features_pb2.GetCapabilitiesResponse:
        self.capability_requests.append(request)
        if self.capabilities_refusal:
            raise self.capabilities_refusal
        return features_pb2.GetCapabilitiesResponse(
            kinds=[self._capability(kind, request.excerpt) for kind in dict.fromkeys((*KINDS, *self.cards))],
            media_folders=self.media_folders,
            processes=self.processes,
            path_mappings_locked=self.mappings_locked,
        )

    def version(self, kind: int, excerpt: int) -> str:
        """Another one for each excerpt; empty for a kind that is not installed."""
        usual = excerpt in (features_pb2.EXCERPT_UNSPECIFIED, features_pb2.EXCERPT_MIDDLE_30S)
        return self.versions.get(kind, "") + ("" if usual else f";excerpt {excerpt}")

    def _vectors(
        self, name: str, request: features_pb2.ExtractRequest, absent: set[int]
    ) -> list[features_pb2.Vector]:
        wanted = [kind for kind in request.kinds or [features_pb2.VECTOR_KIND_FMA] if kind not in absent]
        if name in self.audio:
            own = self.audio[name]
            return [
                features_pb2.Vector(
                    kind=kind, version=self.versions.get(kind, VERSION), values=packed(own[kind])
                )
                for kind in wanted
            ]
        return [
            features_pb2.Vector(
                kind=kind,
                version=self.version(kind, request.excerpt),
                values=packed([float(request.audio.rating_key or 0), 1.0]),
            )
            for kind in wanted
            if kind in self.versions
        ]

    def _capability(
        self, kind: "features_pb2.VectorKind.ValueType", excerpt: int
    ) -> features_pb2.VectorCapability:
        is_here = kind in self.versions
        licence, cpu_seconds = self.costs.get(kind, ("", 0.0))
        return features_pb2.VectorCapability(
            kind=kind,
            available=is_here,
            version=self.version(kind, excerpt) if is_here else self.away.get(kind, ""),
            detail=self.details.get(kind, "cpu") if is_here else NOT_INSTALLED,
            random_weights=kind in self.for_trials,
            licence=licence,
            **{"cpu_seconds": cpu_seconds, **self.cards.get(kind, {})},
        )

    def _hold(self, name: str, context: grpc.ServicerContext) -> None:
        gate = self.held[name]

        def give_up() -> None:
            if not gate.is_set():
                self.given_up.append(name)
                gate.set()

        if not context.add_callback(give_up):
            give_up()  # the caller has gone already
        gate.wait()
