"""Between the messages of the contract and the values of this package."""

from collections.abc import Iterable, Mapping, Sized

from reclass.features.v1 import features_pb2
from runtime.errors import ServiceError, short
from runtime.messages import message_of

from features.audio.excerpts import Excerpt
from features.embeddings.options import ComputeOptions, Device, LoadOptions
from features.errors import InvalidRequestError
from features.extractor import ExtractionRequest, ExtractionResult
from features.fma import vector as fma
from features.source.audio_sources import AudioReference
from features.source.download import TrackIdentity
from features.source.file_lookup import PathMapping
from features.vectors import Capability, Vector
from features.workers.extraction import Extraction

MAX_KNOWN_KEYS = 1_000
# Each path is looked for on the disk, by each mapping.
MAX_PATHS = 1_000
LONGEST_RATING_KEY = 100
MAX_MAPPINGS = 200
# More than there are; each is looked up, and named in the answer.
MAX_KINDS = 32

EXCERPTS = {
    features_pb2.EXCERPT_UNSPECIFIED: Excerpt.MIDDLE,
    features_pb2.EXCERPT_MIDDLE_30S: Excerpt.MIDDLE,
    features_pb2.EXCERPT_FIRST_30S: Excerpt.FIRST,
    features_pb2.EXCERPT_WHOLE: Excerpt.WHOLE,
}
DEVICES = {
    features_pb2.DEVICE_UNSPECIFIED: Device.AUTO,
    features_pb2.DEVICE_AUTO: Device.AUTO,
    features_pb2.DEVICE_CUDA: Device.CUDA,
    features_pb2.DEVICE_CPU: Device.CPU,
}
KIND_NAMES: Mapping[int, str] = {
    int(number): name.removeprefix("VECTOR_KIND_")
    for name, number in features_pb2.VectorKind.items()
    if number
}


def extraction_request(request: features_pb2.ExtractRequest) -> ExtractionRequest:
    """What is asked of one song."""
    return ExtractionRequest(
        audio=reference(request.audio),
        kinds=kinds(request),
        excerpt=excerpt(request.excerpt),
        options=compute_options(request.compute),
        mappings=mappings(request),
        known_keys=known_keys(request),
    )


def reference(message: features_pb2.AudioReference) -> AudioReference:
    """The one source that the message names."""
    source = message.WhichOneof("source")
    if source is None:
        raise InvalidRequestError(
            "the audio reference is empty: give a path, a rating key or the bytes of a file"
        )
    if len(message.rating_key) > LONGEST_RATING_KEY:
        raise InvalidRequestError(
            f"the rating key has {len(message.rating_key)} characters, as none of Plex's has"
        )
    _check_number(message.other_path_hints, "other paths", MAX_PATHS)
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
    _check_number(request.path_mappings, "path mappings", MAX_MAPPINGS)
    for mapping in request.path_mappings:
        if not mapping.from_prefix or not mapping.to_prefix.startswith("/"):
            raise InvalidRequestError(
                f"the path mapping {mapping.from_prefix!r} -> {mapping.to_prefix!r} needs both sides, "
                "and an absolute folder of this machine as the second"
            )
    return tuple(PathMapping(from_prefix=m.from_prefix, to_prefix=m.to_prefix) for m in request.path_mappings)


def kinds(request: features_pb2.ExtractRequest) -> list[int]:
    """The kinds asked for, each once; FMA when none is."""
    _check_number(request.kinds, "kinds", MAX_KINDS)
    wanted = [int(kind) for kind in request.kinds if kind != features_pb2.VECTOR_KIND_UNSPECIFIED]
    return list(dict.fromkeys(wanted)) or [fma.KIND]


def known_keys(request: features_pb2.ExtractRequest) -> frozenset[str]:
    """The content keys of audio that the caller has vectors of."""
    _check_number(request.known_content_keys, "known content keys", MAX_KNOWN_KEYS)
    return frozenset(request.known_content_keys)


def _check_number(sent: Sized, called: str, most: int) -> None:
    if len(sent) > most:
        raise InvalidRequestError(f"{len(sent)} {called} were sent: send at most {most}")


def excerpt(number: "features_pb2.Excerpt.ValueType") -> Excerpt:
    """The excerpt that is asked for; the middle, unless it is another."""
    if number not in EXCERPTS:
        raise InvalidRequestError(f"this service does not know the excerpt {number}")
    return EXCERPTS[number]


def compute_options(options: features_pb2.ComputeOptions) -> ComputeOptions:
    """How embeddings are to be computed."""
    share, windows = options.gpu_memory_share, options.batch_size
    if options.device not in DEVICES or not 0 <= share <= 1 or windows < 0:
        raise InvalidRequestError(
            f"compute is device {options.device}, gpu_memory_share {share:g}, batch_size {windows}: the device must be "
            "one of the contract's, the share between 0 and 1, the batch not negative; zeros take the defaults"
        )
    return ComputeOptions(
        load=LoadOptions(device=DEVICES[options.device], gpu_memory_share=share or None),
        batch_size=windows or None,
    )


def response(result: ExtractionResult) -> features_pb2.ExtractResponse:
    """What was extracted, and which of the kinds asked for are missing."""
    extraction = result.extraction
    if extraction.properties is None:
        return features_pb2.ExtractResponse(
            content_key=extraction.content_key, tags=_tags(extraction), already_known=True
        )
    return features_pb2.ExtractResponse(
        content_key=extraction.content_key,
        properties=message_of(features_pb2.AudioProperties, extraction.properties),
        tags=_tags(extraction),
        vectors=map(_vector, result.vectors),
        missing=[message_of(features_pb2.MissingVector, each) for each in result.missing],
    )


def error(failure: ServiceError) -> features_pb2.SongError:
    """What one song of a stream failed with."""
    return message_of(
        features_pb2.SongError, failure, code=failure.code.value[0], message=short(str(failure))
    )


def capabilities(found: Iterable[Capability]) -> list[features_pb2.VectorCapability]:
    """What of each kind can be computed here."""
    return [
        message_of(
            features_pb2.VectorCapability,
            each,
            random_weights=each.for_trials,
            tags=[message_of(features_pb2.TagOutput, tag) for tag in each.tags],
        )
        for each in found
    ]


def _tags(extraction: Extraction) -> features_pb2.FileTags:
    return message_of(features_pb2.FileTags, extraction.tags)


def _vector(vector: Vector) -> features_pb2.Vector:
    values = vector.values.astype("<f4", copy=False).tobytes()
    return message_of(features_pb2.Vector, vector, values=values)
