"""Between the messages of the contract and the values of this package."""

from collections.abc import Iterable

from reclass.features.v1 import features_pb2
from runtime.errors import ServiceError

from features.audio.decode import AudioProperties
from features.audio.excerpts import Part
from features.embeddings.options import Compute, Device
from features.errors import InvalidRequest
from features.extractor import HeardSong, Song
from features.source.download import TrackIdentity
from features.source.location import PathMapping
from features.source.resolve import AudioReference
from features.vectors import Ability, Gap, Kind, Vector
from features.workers.extraction import Extraction

MAX_KNOWN_KEYS = 1_000

PARTS = {
    features_pb2.EXCERPT_UNSPECIFIED: Part.MIDDLE,
    features_pb2.EXCERPT_MIDDLE_30S: Part.MIDDLE,
    features_pb2.EXCERPT_FIRST_30S: Part.FIRST,
    features_pb2.EXCERPT_WHOLE: Part.WHOLE,
}
DEVICES = {
    features_pb2.DEVICE_UNSPECIFIED: Device.AUTO,
    features_pb2.DEVICE_AUTO: Device.AUTO,
    features_pb2.DEVICE_CUDA: Device.CUDA,
    features_pb2.DEVICE_CPU: Device.CPU,
}


def song(request: features_pb2.ExtractRequest) -> Song:
    """What is asked of one song."""
    return Song(
        audio=reference(request.audio),
        kinds=kinds(request),
        part=part(request.excerpt),
        compute=compute(request.compute),
        mappings=mappings(request),
        known_keys=known_keys(request),
    )


def reference(message: features_pb2.AudioReference) -> AudioReference:
    """The one source that the message names."""
    source = message.WhichOneof("source")
    if source is None:
        raise InvalidRequest("the audio reference is empty: give a path, a rating key or the bytes of a file")
    return AudioReference(
        path=message.path,
        rating_key=message.rating_key,
        path_hint=message.path_hint,
        other_paths=tuple(message.other_path_hints),
        content=message.content,
        track=_identity(message) if message.HasField("track") else None,
    )


def _identity(message: features_pb2.AudioReference) -> TrackIdentity:
    track = message.track
    return TrackIdentity(guid=track.guid, file=message.path_hint, title=track.title, artist=track.artist)


def mappings(request: features_pb2.ExtractRequest) -> tuple[PathMapping, ...]:
    """The path mappings of a request; those without a target are refused."""
    for mapping in request.path_mappings:
        if not mapping.from_prefix or not mapping.to_prefix.startswith("/"):
            raise InvalidRequest(
                f"the path mapping {mapping.from_prefix!r} -> {mapping.to_prefix!r} needs both sides, "
                "and an absolute folder of this machine as the second"
            )
    return tuple(PathMapping(from_prefix=m.from_prefix, to_prefix=m.to_prefix) for m in request.path_mappings)


def kinds(request: features_pb2.ExtractRequest) -> list[int]:
    """The kinds asked for, each once; FMA when none is."""
    wanted = [int(kind) for kind in request.kinds if kind != features_pb2.VECTOR_KIND_UNSPECIFIED]
    return list(dict.fromkeys(wanted)) or [Kind.FMA]


def known_keys(request: features_pb2.ExtractRequest) -> frozenset[str]:
    """The content keys of audio that the caller has vectors of."""
    count = len(request.known_content_keys)
    if count > MAX_KNOWN_KEYS:
        raise InvalidRequest(f"{count} known content keys were sent: send at most {MAX_KNOWN_KEYS}")
    return frozenset(request.known_content_keys)


def part(excerpt: "features_pb2.Excerpt.ValueType") -> Part:
    """The part of the song that is to be heard; the middle, unless another is asked for."""
    if excerpt not in PARTS:
        raise InvalidRequest(f"this service does not know the excerpt {excerpt}")
    return PARTS[excerpt]


def compute(options: features_pb2.ComputeOptions) -> Compute:
    """How embeddings are to be computed."""
    share, windows = options.gpu_memory_share, options.batch_size
    if options.device not in DEVICES or not 0 <= share <= 1 or windows < 0:
        raise InvalidRequest(
            f"compute is device {options.device}, gpu_memory_share {share:g}, batch_size {windows}: the device must be "
            "one of the contract's, the share between 0 and 1, the batch not negative; zeros take the defaults"
        )
    return Compute(device=DEVICES[options.device], gpu_memory_share=share or None, batch_size=windows or None)


def response(heard: HeardSong) -> features_pb2.ExtractResponse:
    """What was heard, and which of the kinds asked for are missing."""
    extraction = heard.extraction
    if extraction.properties is None:
        return features_pb2.ExtractResponse(
            content_key=extraction.content_key, tags=_tags(extraction), already_known=True
        )
    return features_pb2.ExtractResponse(
        content_key=extraction.content_key,
        properties=_properties(extraction.properties),
        tags=_tags(extraction),
        vectors=map(_vector, heard.vectors),
        missing=map(_missing, heard.gaps),
    )


def error(failure: ServiceError) -> features_pb2.SongError:
    """What one song of a stream failed with."""
    return features_pb2.SongError(
        code=failure.code.value[0],
        reason=failure.reason,
        domain=failure.domain,
        message=str(failure),
        permanent=failure.permanent,
    )


def capabilities(abilities: Iterable[Ability]) -> list[features_pb2.VectorCapability]:
    """What of each kind can be made here."""
    return [
        features_pb2.VectorCapability(
            kind=_number(each.kind),
            available=each.available,
            version=each.version,
            length=each.length,
            detail=each.detail,
            random_weights=each.for_trials,
        )
        for each in abilities
    ]


def _properties(properties: AudioProperties) -> features_pb2.AudioProperties:
    return features_pb2.AudioProperties(
        codec=properties.codec,
        sample_rate_hz=properties.sample_rate_hz,
        channels=properties.channels,
        duration_seconds=properties.duration_seconds,
        size_bytes=properties.size_bytes,
        excerpt_start_seconds=properties.excerpt_start_seconds,
        excerpt_duration_seconds=properties.excerpt_duration_seconds,
    )


def _tags(extraction: Extraction) -> features_pb2.FileTags:
    tags = extraction.tags
    return features_pb2.FileTags(
        title=tags.title,
        artist=tags.artist,
        album=tags.album,
        album_artist=tags.album_artist,
        genres=tags.genres,
    )


def _vector(vector: Vector) -> features_pb2.Vector:
    values = vector.values.astype("<f4", copy=False).tobytes()
    return features_pb2.Vector(kind=_number(vector.kind), version=vector.version, values=values)


def _missing(gap: Gap) -> features_pb2.MissingVector:
    return features_pb2.MissingVector(kind=_number(gap.kind), permanent=gap.permanent, message=gap.message)


def _number(kind: int) -> "features_pb2.VectorKind.ValueType":
    # Protobuf's own type of an enum is a plain number when the module runs.
    return features_pb2.VectorKind.ValueType(kind)
