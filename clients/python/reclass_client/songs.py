"""What is asked: one song, named in one of several ways, and how it is to be classified."""

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from os import PathLike, fspath
from pathlib import Path

from reclass.features.v1 import features_pb2
from reclass.inference.v1 import inference_pb2

from reclass_client.arguments import checked, text
from reclass_client.errors import BadArgumentError, ContentTooLargeError, FileUnreadableError
from reclass_client.kinds import kind_to
from reclass_client.values import Classification, Vector
from reclass_client.vectors import packed

EXCERPTS = {
    "middle": features_pb2.EXCERPT_MIDDLE_30S,
    "first": features_pb2.EXCERPT_FIRST_30S,
    "whole": features_pb2.EXCERPT_WHOLE,
}
LARGEST_MESSAGE = 2**31 - 1
"""In bytes; protobuf's own limit."""
SMALL_FILE = 1024 * 1024
"""In bytes; some files say that they have none."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How songs are classified; what is left out is as the service has it."""

    top_k: int = 0
    """Genres in each verdict; 0 takes 5."""
    stage_thresholds: Sequence[float] = ()
    """Confidence at which a stage decides, from the first stage on."""
    max_stages: int = 0
    """At most so many stages; 0 takes all that are installed."""
    path_mappings: Mapping[str, str] = field(default_factory=dict)
    """Beginnings of paths as you name them, and as the service finds them: {"/music": "/mnt/music"}."""
    excerpt: str = "middle"
    """Which part is analysed: "middle" or "first" (30 seconds), or "whole"."""


@dataclass(frozen=True, kw_only=True)
class Album:
    """An album, by what was answered of its other songs."""

    title: str = ""
    artist: str = ""
    """Whose album it is; "Various Artists" and its like are nobody."""
    songs: Sequence[Classification] = ()
    """Answers to its other songs, of the model that serves now."""


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
    guid: str = ""
    """With `rating_key`: Plex's guid of the track. A key that has another track by now is refused then."""
    content: bytes = b""
    """A whole audio file, which is sent."""
    file: "str | PathLike[str] | None" = None
    """A file of this machine, which is read and sent."""
    vectors: Sequence[Vector] = ()
    tags: "Sequence[str] | None" = None
    """Names of genres that its own tags stand for, none where it has no tag; left out: nothing is known of tags."""
    album: "Album | None" = None
    artist: str = ""
    album_artist: str = ""
    """As its tags have them, with guests. Where the model has learned from the artist, a head answers that has not."""

    def __post_init__(self) -> None:
        for name in ("key", "path", "rating_key", "path_hint", "guid", "artist", "album_artist"):
            text(getattr(self, name), name)
        if not isinstance(self.content, (bytes, bytearray, memoryview)):
            raise BadArgumentError(
                f"content is {type(self.content).__name__}; it must be the bytes of a file"
            )
        if not isinstance(self.file, (str, PathLike, type(None))):
            raise BadArgumentError(f"file is {self.file!r}; it must be a path")
        if isinstance(self.vectors, Vector) or not isinstance(self.vectors, Sequence):
            raise BadArgumentError("vectors must be a list of Vector")
        named = [name for name in ("path", "rating_key", "content", "file") if getattr(self, name)]
        if len(named) > 1:
            raise BadArgumentError(f"a song is named once, and here are {' and '.join(named)}")
        if not named and not self.vectors:
            raise BadArgumentError("a song needs a path, a rating_key, content, a file or vectors")


def request_for(song: Song, options: Options) -> inference_pb2.ClassifyTrackRequest:
    """The message; reads `file`, and raises FileUnreadableError or BadArgumentError."""
    if not isinstance(song, Song):
        raise BadArgumentError(f"{song!r} is no Song")
    return inference_pb2.ClassifyTrackRequest(
        audio=audio_of(song),
        vectors=[vector_to(each) for each in song.vectors],
        options=options_to(options),
        evidence=evidence_of(song),
        artist=song.artist,
        album_artist=song.album_artist,
    )


def evidence_of(song: Song) -> "inference_pb2.TrackEvidence | None":
    """What is known of the song beside its sound; None where nothing was said. Raises BadArgumentError."""
    if song.tags is None and song.album is None:
        return None
    evidence = inference_pb2.TrackEvidence()
    if song.tags is not None:
        if isinstance(song.tags, str) or not isinstance(song.tags, Sequence):
            raise BadArgumentError(f"tags is {song.tags!r}; it must be a list of names of genres")
        evidence.tags.SetInParent()
        evidence.tags.genres.extend(text(tag, "a tag") for tag in song.tags)
    if song.album is not None:
        evidence.artist.albums.append(album_to(song.album))
    return evidence


def album_to(album: Album) -> inference_pb2.AlbumSongs:
    """The message; raises BadArgumentError."""
    if not isinstance(album, Album) or not _are_classifications(album.songs):
        raise BadArgumentError("album must be an Album, and its songs the classifications that were answered")
    return inference_pb2.AlbumSongs(
        title=text(album.title, "the album's title"),
        album_artist=text(album.artist, "the album's artist"),
        songs=[
            inference_pb2.SongEvidence(
                key=f"song {number}",
                model_version=song.model_version,
                sound=song.sound,
                content_key=song.audio.content_key if song.audio else "",
            )
            for number, song in enumerate(album.songs)
            # What is said of a song unlike the training, or by random weights, tells nothing of its album.
            if not (song.is_guess or song.random_weights)
        ],
    )


def _are_classifications(songs: object) -> bool:
    return isinstance(songs, Sequence) and all(isinstance(each, Classification) for each in songs)


def audio_of(song: Song) -> features_pb2.AudioReference | None:
    """Where the audio is, or its bytes; None for a song of vectors alone."""
    if song.path:
        return features_pb2.AudioReference(path=song.path)
    if song.rating_key:
        track = features_pb2.TrackIdentity(guid=song.guid) if song.guid else None
        return features_pb2.AudioReference(rating_key=song.rating_key, path_hint=song.path_hint, track=track)
    if song.file is not None:
        return features_pb2.AudioReference(content=read_song(song.file))
    return features_pb2.AudioReference(content=bytes(song.content)) if song.content else None


def read_song(file: "str | PathLike[str]") -> bytes:
    """The bytes of a song; raises FileUnreadableError, ContentTooLargeError or BadArgumentError.

    A device or a pipe has no end that anybody knows, and a file that no message takes would only fill the memory.
    """
    with _reading(file):
        found = os.stat(file)
    if not stat.S_ISREG(found.st_mode):
        raise _unreadable(file, "it is no file")
    if found.st_size > LARGEST_MESSAGE:
        raise ContentTooLargeError(
            code="RESOURCE_EXHAUSTED",
            reason="CONTENT_TOO_LARGE",
            message=f"{fspath(file)} has {found.st_size} bytes, and no message takes more than {LARGEST_MESSAGE}: send "
            "its path or its rating key",
            permanent=True,
        )
    return read(file, max(found.st_size, SMALL_FILE))


def read(file: "str | PathLike[str]", most: int) -> bytes:
    """The bytes of a file, the first of them if it has more than `most`.

    Raises FileUnreadableError or BadArgumentError.
    """
    with _reading(file), Path(file).open("rb") as opened:
        return opened.read(most)


@contextmanager
def _reading(file: "str | PathLike[str]") -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _unreadable(file, str(error.strerror)) from error
    except ValueError as error:  # a NUL in its name
        raise BadArgumentError(f"{fspath(file)!r} cannot be the name of a file: {error}") from error


def _unreadable(file: "str | PathLike[str]", why: str) -> FileUnreadableError:
    return FileUnreadableError(
        code="NOT_FOUND",
        reason="FILE_UNREADABLE",
        message=f"{fspath(file)} cannot be read: {why}",
        permanent=True,
    )


def vector_to(vector: Vector) -> features_pb2.Vector:
    """The message; raises BadArgumentError."""
    if not isinstance(vector, Vector):
        raise BadArgumentError(f"{vector!r} is no Vector; those of an answer can be sent as they are")
    if vector.values is None:
        raise BadArgumentError(f"the {vector.kind} vector has no values")
    kind = kind_to(vector.kind)
    with checked(f"the {vector.kind} vector"):
        return features_pb2.Vector(
            kind=kind, version=text(vector.version, "its version"), values=packed(vector.values)
        )


def options_to(options: Options) -> inference_pb2.ClassifyOptions:
    """The message; raises BadArgumentError."""
    if not isinstance(options, Options):
        raise BadArgumentError(f"options is {options!r}; it must be Options")
    if not isinstance(options.path_mappings, Mapping):
        raise BadArgumentError(f"path_mappings is {options.path_mappings!r}; it must be a mapping")
    if not isinstance(options.excerpt, str) or options.excerpt not in EXCERPTS:
        raise BadArgumentError(f"excerpt is {options.excerpt!r}; there are {', '.join(EXCERPTS)}")
    with checked("the options"):
        return inference_pb2.ClassifyOptions(
            top_k=options.top_k,
            stage_thresholds=options.stage_thresholds,
            max_stages=options.max_stages,
            path_mappings=[
                features_pb2.PathMapping(
                    from_prefix=text(named, "a mapping"), to_prefix=text(found, "a mapping")
                )
                for named, found in options.path_mappings.items()
            ],
            excerpt=EXCERPTS[options.excerpt],
        )
