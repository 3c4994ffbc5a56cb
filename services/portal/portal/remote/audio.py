"""Audio and vectors as the features service describes them, which inference hands on unchanged."""

import sys
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from reclass.features.v1 import features_pb2 as pb

from portal.remote import bounds

FMA = "fma"
FMA_NATIVE = "fma-native"
"""The same values of the whole song, as in FMA's published table."""
_PREFIX, _UNNAMED = "VECTOR_KIND_", "kind"
MOST_OTHER_FILES = 1_000
"""As many as features takes; a book in more pieces is one song to Plex."""


@dataclass(frozen=True, kw_only=True)
class AudioSource:
    """A track's audio: its file where that is mounted, else its bytes out of Plex."""

    rating_key: str
    """Empty: the file alone will do, and Plex is not asked."""
    file: str
    other_files: tuple[str, ...] = ()
    """Those of its other versions, analysed where the first cannot be."""
    guid: str = ""
    title: str = ""
    artist: str = ""
    """With the file, what tells the song from another one that Plex has under its key by now."""


@dataclass(frozen=True, kw_only=True)
class VectorValues:
    """The values of one kind; only those of the same version can be compared."""

    kind: str
    version: str
    values: "array[float]"
    """Of type "f", four bytes each."""


@dataclass(frozen=True, kw_only=True)
class ExtractionResult:
    """What was extracted from a song."""

    content_key: str
    """Empty when no audio was read."""
    codec: str = ""
    sample_rate_hz: int = 0
    channels: int = 0
    duration_seconds: float = 0.0
    file_genres: tuple[str, ...] = ()
    vectors: tuple[VectorValues, ...] = ()
    already_known: bool = False
    """The audio is one of those that the caller named: nothing was decoded, and there are no vectors."""
    missing: "tuple[MissingKind, ...]" = ()


@dataclass(frozen=True, kw_only=True)
class MissingKind:
    """A kind that was asked for and could not be made."""

    kind: str
    permanent: bool
    message: str


# A part of the versions of vectors that random weights made, as the contract says.
_TRIAL_PART = "weights=trial"


def made_by_random_weights(version: str) -> bool:
    """Whether vectors of this version were made for trials only, and mean nothing."""
    return _TRIAL_PART in version.split(";")


def reference(source: AudioSource) -> pb.AudioReference:
    """The message that names the audio."""
    others = source.other_files[:MOST_OTHER_FILES]
    if not source.rating_key:
        return pb.AudioReference(path=source.file, other_path_hints=others)
    return pb.AudioReference(
        rating_key=source.rating_key,
        path_hint=source.file,
        other_path_hints=others,
        track=pb.TrackIdentity(guid=source.guid, title=source.title, artist=source.artist),
    )


def kind_name(number: "pb.VectorKind.ValueType") -> str:
    """The kind as the database names it: as the contract does, for example "fma-native", or "kind1000"."""
    known = pb.VectorKind.DESCRIPTOR.values_by_number.get(number)
    if known is None:
        return f"{_UNNAMED}{number}"
    return known.name.removeprefix(_PREFIX).lower().replace("_", "-")


def kind_number(name: str) -> "pb.VectorKind.ValueType":
    """The kind as the contract names it; `ValueError` where it is none."""
    known = pb.VectorKind.DESCRIPTOR.values_by_name.get(_PREFIX + name.upper().replace("-", "_"))
    digits = name.removeprefix(_UNNAMED)
    # Any number is a kind to proto3; the stubs know only those with a name.
    number = cast(
        "pb.VectorKind.ValueType", known.number if known else int(digits) if digits.isdecimal() else 0
    )
    if number < 1 or kind_name(number) != name:
        raise ValueError(f"“{name}” is no kind of vector")
    return number


def missing_of(messages: Iterable[pb.MissingVector]) -> tuple[MissingKind, ...]:
    """The kinds that could not be made, and why."""
    return tuple(
        MissingKind(kind=kind_name(each.kind), permanent=each.permanent, message=each.message)
        for each in messages
    )


def vector_message(vector: VectorValues) -> pb.Vector:
    """A stored vector on its way out."""
    values = _little_endian(vector.values).tobytes()
    return pb.Vector(kind=kind_number(vector.kind), version=vector.version, values=values)


def vector_values(message: pb.Vector) -> VectorValues:
    """A vector as it came."""
    values = _little_endian(array("f", message.values))
    return VectorValues(kind=kind_name(message.kind), version=message.version, values=values)


def _little_endian(values: "array[float]") -> "array[float]":
    """Values in the order of bytes in which they travel, or from it."""
    if sys.byteorder == "big":
        values = values[:]
        values.byteswap()
    return values


def extraction_result(
    content_key: str, properties: pb.AudioProperties, tags: pb.FileTags, vectors: Sequence[pb.Vector]
) -> ExtractionResult:
    """An answer's parts about the audio."""
    return ExtractionResult(
        content_key=content_key,
        codec=bounds.text(properties.codec),
        sample_rate_hz=bounds.number(properties.sample_rate_hz),
        channels=bounds.number(properties.channels, bounds.LARGEST_SMALL_NUMBER),
        duration_seconds=bounds.seconds(properties.duration_seconds),
        file_genres=bounds.genres(tags.genres),
        vectors=tuple(map(vector_values, vectors)),
    )
