"""What is asked: one song, named in one of several ways, and how it is to be judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike, fspath
from pathlib import Path

from reclass.features.v1 import features_pb2
from reclass.inference.v1 import inference_pb2

from reclass_client.errors import FileUnreadableError
from reclass_client.values import Vector

EXCERPTS = {
    "middle": features_pb2.EXCERPT_MIDDLE_30S,
    "first": features_pb2.EXCERPT_FIRST_30S,
    "whole": features_pb2.EXCERPT_WHOLE,
}


@dataclass(frozen=True, kw_only=True)
class Options:
    """How songs are judged; what is left out is as the service has it."""

    top_k: int = 0
    """Genres in each verdict; 0 takes 5."""
    stage_thresholds: Sequence[float] = ()
    """Confidence at which a stage decides, from the first stage on."""
    max_stages: int = 0
    """At most so many stages; 0 takes all that are installed."""
    path_mappings: Mapping[str, str] = field(default_factory=dict)
    """Beginnings of paths as you name them, and as the service finds them: {"/music": "/mnt/music"}."""
    excerpt: str = "middle"
    """Which part is heard: "middle" or "first" (30 seconds), or "whole"."""


@dataclass(frozen=True, kw_only=True)
class Song:
    """One song: at most one of `path`, `rating_key`, `content` and `file`, and any vectors that are known of it."""

    key: str = ""
    """Your own name of it, which comes back with its answer."""
    path: str = ""
    """A file as the service or Plex names it; the service reads it."""
    rating_key: str = ""
    """A track of the Plex server that the service is connected to."""
    path_hint: str = ""
    """With `rating_key`: the file's path as Plex names it, which is tried first."""
    content: bytes = b""
    """A whole audio file, which is sent."""
    file: "str | PathLike[str] | None" = None
    """A file of this machine, which is read and sent."""
    vectors: Sequence[Vector] = ()

    def __post_init__(self) -> None:
        named = [name for name in ("path", "rating_key", "content", "file") if getattr(self, name)]
        if len(named) > 1:
            raise ValueError(f"a song is named once, and here are {' and '.join(named)}")
        if not named and not self.vectors:
            raise ValueError("a song needs a path, a rating_key, content, a file or vectors")


def request_for(song: Song, options: Options) -> inference_pb2.ClassifyTrackRequest:
    """The message; reads `file`, and raises FileUnreadableError."""
    return inference_pb2.ClassifyTrackRequest(
        audio=audio_of(song), vectors=[vector_to(each) for each in song.vectors], options=options_to(options)
    )


def audio_of(song: Song) -> features_pb2.AudioReference | None:
    if song.path:
        return features_pb2.AudioReference(path=song.path)
    if song.rating_key:
        return features_pb2.AudioReference(rating_key=song.rating_key, path_hint=song.path_hint)
    if song.file is not None:
        return features_pb2.AudioReference(content=read(song.file))
    return features_pb2.AudioReference(content=song.content) if song.content else None


def read(file: "str | PathLike[str]") -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise FileUnreadableError(
            code="NOT_FOUND",
            reason="FILE_UNREADABLE",
            message=f"{fspath(file)} cannot be read: {error.strerror}",
            permanent=True,
        ) from error


def vector_to(vector: Vector) -> features_pb2.Vector:
    if f"VECTOR_KIND_{vector.kind}" not in features_pb2.VectorKind.keys():  # noqa: SIM118 # the enum is no mapping
        raise ValueError(f"a vector is of kind {vector.kind!r}; there are FMA, FMA_NATIVE, MERT and JMLA")
    kind = features_pb2.VectorKind.Value(f"VECTOR_KIND_{vector.kind}")
    return features_pb2.Vector(kind=kind, version=vector.version, values=vector.values)


def options_to(options: Options) -> inference_pb2.ClassifyOptions:
    if options.excerpt not in EXCERPTS:
        raise ValueError(f"excerpt is {options.excerpt!r}; there are {', '.join(EXCERPTS)}")
    return inference_pb2.ClassifyOptions(
        top_k=options.top_k,
        stage_thresholds=options.stage_thresholds,
        max_stages=options.max_stages,
        path_mappings=[
            features_pb2.PathMapping(from_prefix=named, to_prefix=found)
            for named, found in options.path_mappings.items()
        ],
        excerpt=EXCERPTS[options.excerpt],
    )
