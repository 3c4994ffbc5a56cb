"""The door to the features service."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import grpc
from reclass.features.v1 import features_pb2 as pb
from reclass.features.v1 import features_pb2_grpc

from portal.configuration import PortalSettings
from portal.preferences.values import Preferences
from portal.remote import bounds
from portal.remote.audio import (
    AudioSource,
    ExtractionResult,
    extraction_result,
    kind_name,
    kind_number,
    missing_of,
    reference,
)
from portal.remote.calls import channel_to, translated
from portal.remote.request_settings import compute, excerpt, path_mappings

# Reading a long file over a slow link and decoding it; a hung call is given up, not a slow one.
EXTRACT_TIMEOUT_SECONDS = 120.0


@dataclass(frozen=True, kw_only=True)
class Capability:
    """One kind of vector, and whether it can be made at present."""

    kind: str
    available: bool
    version: str
    """Also of one that is not available at the moment, where it was before."""
    detail: str
    """Where it runs, or why it is not available."""
    for_trials: bool = False
    """Its weights are random ones: what is made with them means nothing."""
    licence: str = ""
    """Of its model's weights, as SPDX names it; empty where there are none."""
    cpu_seconds: float = 0.0
    """Roughly, of one processor core for a song; 0 where it is not known."""
    name: str = ""
    """As people call it."""
    length: int = 0
    """Values of a vector; 0 where it is not known."""
    measured_seconds: float = 0.0
    """What a song has cost there on the mean; 0 before the first since the service started."""
    measured_songs: int = 0
    weights: str = ""
    """Where the weights come from and how they are checked; empty where there are none."""
    weights_bytes: int = 0
    tags: tuple[tuple[str, float], ...] = ()
    """The last values of a vector are the probabilities of these; each with its mean over music of all kinds."""


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What the features service can do at present."""

    kinds: tuple[Capability, ...]
    media_folders: tuple[str, ...]
    """Folders whose files may be read; empty where only bytes can be."""
    processes: int
    """Songs that it analyses at the same time."""
    path_mappings_locked: bool = False
    """Its environment sets path mappings, and those of the settings are not looked at."""


class FeaturesClient:
    """Typed calls; every failure is a `RemoteError`."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub = features_pb2_grpc.FeatureServiceStub(channel)

    def extract(
        self,
        source: AudioSource,
        *,
        settings: Preferences,
        kinds: Sequence[str] = (),
        known_keys: Sequence[str] = (),
    ) -> ExtractionResult:
        """Extract vectors of these kinds (none: FMA) from a song, unless its audio is one of the known ones."""
        request = pb.ExtractRequest(
            audio=reference(source),
            excerpt=excerpt(settings),
            path_mappings=path_mappings(settings),
            compute=compute(settings),
            kinds=[kind_number(kind) for kind in kinds],
            known_content_keys=known_keys,
        )
        with translated("features"):
            answer = self._stub.Extract(request, timeout=EXTRACT_TIMEOUT_SECONDS)
        found = extraction_result(answer.content_key, answer.properties, answer.tags, answer.vectors)
        return replace(found, already_known=answer.already_known, missing=missing_of(answer.missing))

    def capabilities(self, settings: Preferences, *, timeout_seconds: float = 10.0) -> Capabilities:
        """What can be made as it is wished, from where, and how many songs at the same time."""
        request = pb.GetCapabilitiesRequest(excerpt=excerpt(settings), compute=compute(settings))
        with translated("features"):
            answer = self._stub.GetCapabilities(request, timeout=timeout_seconds)
        return Capabilities(
            kinds=tuple(map(_capability, answer.kinds)),
            media_folders=tuple(answer.media_folders),
            processes=max(1, answer.processes),
            path_mappings_locked=answer.path_mappings_locked,
        )


def _capability(message: pb.VectorCapability) -> Capability:
    kind = kind_name(message.kind)
    return Capability(
        kind=kind,
        available=message.available,
        version=bounds.text(message.version, bounds.LONGEST_VERSION),
        detail=bounds.text(message.detail),
        for_trials=message.random_weights,
        licence=bounds.text(message.licence),
        cpu_seconds=bounds.seconds(message.cpu_seconds),
        name=bounds.text(message.name, bounds.LONGEST_NAME) or kind.upper(),
        length=bounds.number(message.length),
        measured_seconds=bounds.seconds(message.measured_seconds),
        measured_songs=bounds.number(message.measured_songs),
        weights=bounds.text(message.weights),
        weights_bytes=bounds.number(message.weights_bytes, bounds.LARGEST_SIZE),
        tags=tuple((bounds.text(tag.name), bounds.seconds(tag.reference_mean)) for tag in message.tags),
    )


def capabilities_now(settings: Preferences, timeout_seconds: float, *, patient: bool = False) -> Capabilities:
    """What can be made, as a page asks for it: a channel of its own, and an answer soon or a `RemoteError`."""
    with channel_to(PortalSettings.load(), "features", patient=patient) as channel:
        return FeaturesClient(channel).capabilities(settings, timeout_seconds=timeout_seconds)
