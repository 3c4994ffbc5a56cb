"""The labelled songs of one training in files, so that hundreds of megabytes of vectors never lie in memory twice."""

import hashlib
import json
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inference.arrays import Array
from inference.classify.stages import FMA, FMA_NATIVE, Vector, VectorKind
from inference.errors import InvalidRequestError
from inference.training.dataset import LabelSource

INDEX_FILE = "corpus.json"
# Each version has a file, open until the training begins; a service may open some 1,000 in all.
MOST_VERSIONS = 100
# Songs times genres stand in a table in memory.
MOST_GENRES = 2000
# Of an artist or album, of which every one is kept; what comes after that tells no two apart.
LONGEST_NAME = 1000


@dataclass(frozen=True, kw_only=True)
class FeatureVersion:
    """What vectors that may be compared have in common."""

    kind: VectorKind
    version: str
    length: int


class CorpusWriter:
    """Takes songs one by one; `finish` leaves files that `Corpus` reads."""

    def __init__(self, folder: Path, *, unite_copies: bool = True) -> None:
        """Copies of one audio are merged into one artist and one label, unless the split is the caller's."""
        self._folder = folder
        self._unite_copies = unite_copies
        self._genres: dict[str, int] = {}
        self._labels: list[tuple[int, ...]] = []
        self._sources = array("b")
        self._credits: list[tuple[int, int, int]] = []
        self._names: dict[str, int] = {}
        self._copies: dict[bytes, int] = {}
        self._copy_of = array("q")
        self._files: dict[FeatureVersion, VectorFile] = {}
        self.song_ids: list[str] = []

    def add(
        self,
        *,
        song_id: str,
        genres: Sequence[str],
        artist: str,
        vectors: Sequence[Vector],
        album_artist: str = "",
        album: str = "",
        source: LabelSource = LabelSource.TAG,
    ) -> None:
        """Append a song whose label names these genres, the first of them first.

        Raises InvalidRequestError where all songs together have more genres or feature versions than can be kept.
        """
        versions = [
            FeatureVersion(kind=vector.kind, version=vector.version, length=len(vector.values))
            for vector in vectors
        ]
        self._refuse_too_many(genres, versions)
        row = len(self.song_ids)
        self.song_ids.append(song_id)
        self._labels.append(tuple(self._genres.setdefault(genre, len(self._genres)) for genre in genres))
        self._sources.append(source)
        audio = audio_key(vectors) if self._unite_copies else None
        first = self._copies.setdefault(audio or song_id.encode(), row)
        self._copy_of.append(first)
        artist_code, album_artist_code, album_code = (
            self._names.setdefault(name[:LONGEST_NAME], len(self._names))
            for name in (artist, album_artist, album)
        )
        self._credits.append((artist_code, album_artist_code, album_code))
        for version, vector in zip(versions, vectors, strict=True):
            if version not in self._files:
                self._files[version] = VectorFile(self._folder / f"vectors-{len(self._files)}")
            self._files[version].append(row, vector.values)

    def _refuse_too_many(self, genres: Sequence[str], versions: Sequence[FeatureVersion]) -> None:
        for what, known, new, most in (
            ("genres", self._genres, genres, MOST_GENRES),
            ("feature versions of vectors", self._files, versions, MOST_VERSIONS),
        ):
            if len(known) + sum(each not in known for each in new) > most:
                raise InvalidRequestError(f"the songs have more than {most} {what}: send fewer of them")

    def close(self) -> None:
        """Let go of the files; the corpus cannot be read unless it was finished."""
        for file in self._files.values():
            file.close()

    def finish(self) -> None:
        """Close, and write what the vector files do not hold."""
        for file in self._files.values():
            file.finish()
        index = {
            "genres": list(self._genres),
            "labels": self._labels,
            "sources": self._sources.tolist(),
            "song_ids": self.song_ids,
            "names": list(self._names),
            "credits": self._credits,
            "copy_of": self._copy_of.tolist(),
            "feature_versions": [
                {
                    "kind": version.kind,
                    "version": version.version,
                    "length": version.length,
                    "file": file.path.name,
                }
                for version, file in self._files.items()
            ],
        }
        (self._folder / INDEX_FILE).write_text(json.dumps(index))


def audio_key(vectors: Sequence[Vector]) -> bytes | None:
    """What copies of one audio share; None for a song without vectors."""
    if not vectors:
        return None
    first = min(vectors, key=lambda vector: (vector.kind != FMA, vector.kind != FMA_NATIVE, vector.kind))
    return hashlib.sha256(f"{first.kind} {first.version}".encode() + first.values.tobytes()).digest()


class VectorFile:
    """Vectors of one feature version, one after the other, and beside them the rows of their songs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rows = array("q")
        self._file = path.open("wb")

    def append(self, row: int, values: Array) -> None:
        """Add the vector of a song; a second one of the same song is ignored."""
        if not self._rows or self._rows[-1] != row:
            self._rows.append(row)
            self._file.write(values.astype(np.float32).tobytes())

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def finish(self) -> None:
        """Close, and write the rows too."""
        self.close()
        np.save(self.path.with_suffix(".npy"), np.asarray(self._rows, dtype=np.int64))
