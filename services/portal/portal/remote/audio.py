"""Audio and vectors as the features service describes them, which inference hands on unchanged."""

from collections.abc import Sequence
from dataclasses import dataclass

from reclass.features.v1 import features_pb2 as pb

_KINDS = {
    pb.VECTOR_KIND_FMA: "fma",
    pb.VECTOR_KIND_MERT: "mert",
    pb.VECTOR_KIND_JMLA: "jmla",
}
_NUMBERS = {name: number for number, name in _KINDS.items()}


@dataclass(frozen=True, kw_only=True)
class AudioSource:
    """A track's audio: its file where that is mounted, else its bytes out of Plex."""

    rating_key: str
    """Empty: the file alone will do, and Plex is not asked."""
    file: str


@dataclass(frozen=True, kw_only=True)
class VectorValues:
    """The values of one kind; only those of the same version can be compared."""

    kind: str
    version: str
    values: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What listening to a song brought to light."""

    content_key: str
    """Empty when no audio was read."""
    codec: str = ""
    sample_rate_hz: int = 0
    channels: int = 0
    duration_seconds: float = 0.0
    file_genres: tuple[str, ...] = ()
    vectors: tuple[VectorValues, ...] = ()


def reference(source: AudioSource) -> pb.AudioReference:
    """The message that names the audio."""
    if not source.rating_key:
        return pb.AudioReference(path=source.file)
    return pb.AudioReference(rating_key=source.rating_key, path_hint=source.file)


def kind_name(number: "pb.VectorKind.ValueType") -> str:
    """The kind as the database names it."""
    return _KINDS.get(number, str(number))


def vector_message(vector: VectorValues) -> pb.Vector:
    """A stored vector on its way out."""
    return pb.Vector(kind=_NUMBERS[vector.kind], version=vector.version, values=vector.values)


def heard(
    content_key: str, properties: pb.AudioProperties, tags: pb.FileTags, vectors: Sequence[pb.Vector]
) -> Heard:
    """An answer's parts about the audio."""
    return Heard(
        content_key=content_key,
        codec=properties.codec,
        sample_rate_hz=properties.sample_rate_hz,
        channels=properties.channels,
        duration_seconds=properties.duration_seconds,
        file_genres=tuple(tags.genres),
        vectors=tuple(
            VectorValues(kind=kind_name(each.kind), version=each.version, values=tuple(each.values))
            for each in vectors
        ),
    )
