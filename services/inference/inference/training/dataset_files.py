"""The labelled songs of one training in files, so that hundreds of megabytes of vectors never lie in memory twice."""

import hashlib
import json
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Array
from inference.classify.stages import Stage, Vector, VectorKind
from inference.errors import InvalidRequestError
from inference.training.dataset import Dataset, LabelSource, merge_copies

INDEX_FILE = "corpus.json"
# Each version has a file, open until the training begins; a service may open some 1,000 in all.
MOST_VERSIONS = 100
# Songs times genres stand in a table in memory.
MOST_GENRES = 2000


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
        self._groups = array("q")
        self._copies: dict[bytes, int] = {}
        self._copy_of = array("q")
        self._files: dict[FeatureVersion, VectorFile] = {}
        self.song_ids: list[str] = []

    def add(
        self,
        *,
        song_id: str,
        genres: Sequence[str],
        group: str,
        vectors: Sequence[Vector],
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
        # Two copies of one audio, by whatever name of the artist, must not be on two sides of a split.
        self._groups.append(group_number(group) if first == row else self._groups[first])
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
            "groups": self._groups.tolist(),
            "copy_of": self._copy_of.tolist(),
            "feature_versions": [
                {
                    "kind": version.kind.name,
                    "version": version.version,
                    "length": version.length,
                    "file": file.path.name,
                }
                for version, file in self._files.items()
            ],
        }
        (self._folder / INDEX_FILE).write_text(json.dumps(index))


def group_number(group: str) -> int:
    """A number that this artist has in every training, so that the same artists are held out in the next one."""
    return int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big", signed=True)


def audio_key(vectors: Sequence[Vector]) -> bytes | None:
    """What copies of one audio share; None for a song without vectors."""
    if not vectors:
        return None
    first = min(vectors, key=lambda vector: vector.kind)
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


class Corpus:
    """The songs that a `CorpusWriter` left in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        index = json.loads((folder / INDEX_FILE).read_text())
        self.genres: tuple[str, ...] = tuple(index["genres"])
        self.sources: NDArray[np.int64] = np.asarray(index["sources"], dtype=np.int64)
        self.groups: NDArray[np.int64] = np.asarray(index["groups"], dtype=np.int64)
        labels = merge_copies(index["labels"], self.sources, index["copy_of"])
        self.contradictions = labels.contradictions
        """Number of songs whose audio was sent with another label too."""
        self.labels: NDArray[np.int64] = np.asarray([genres[0] for genres in labels.genres], dtype=np.int64)
        self.multi_hot = np.zeros((len(self.labels), len(self.genres)), dtype=np.bool_)
        for row, genres in enumerate(labels.genres):
            self.multi_hot[row, list(genres)] = True
        self._files: dict[FeatureVersion, Path] = {
            FeatureVersion(
                kind=VectorKind[version["kind"]], version=version["version"], length=version["length"]
            ): folder / version["file"]
            for version in index["feature_versions"]
        }

    def feature_versions(self, stage: Stage) -> tuple[FeatureVersion, ...] | None:
        """For each kind of the stage the feature version that most songs have; None when a kind is not there at all."""
        chosen = []
        for kind in self._kinds(stage):
            of_kind = [version for version in self._files if version.kind == kind]
            if not of_kind:
                return None
            chosen.append(max(of_kind, key=lambda version: len(self._rows(version))))
        return tuple(chosen)

    def _kinds(self, stage: Stage) -> tuple[VectorKind, ...]:
        """What a stage learns from: where more songs have the whole-song values than those of an excerpt, these.

        A public table has no others. All stages of one training use the same, so that a vote needs one extraction.
        """
        rows = {kind: len(self._rows_of_kind(kind)) for kind in (VectorKind.FMA, VectorKind.FMA_NATIVE)}
        first = max(rows, key=lambda kind: rows[kind])
        return tuple(first if kind == VectorKind.FMA else kind for kind in stage.kinds)

    def left_out(self, versions: Sequence[FeatureVersion]) -> int:
        """Number of songs that have a vector of each of these kinds, but not of these feature versions."""
        having = set.intersection(*(self._rows_of_kind(version.kind) for version in versions))
        return len(having) - len(self.rows_of(versions))

    def _rows_of_kind(self, kind: VectorKind) -> set[int]:
        return {int(row) for version in self._files if version.kind == kind for row in self._rows(version)}

    def rows_of(self, versions: Sequence[FeatureVersion]) -> NDArray[np.int64]:
        """Rows of the songs that have vectors of all these feature versions, rising."""
        rows = self._rows(versions[0])
        for version in versions[1:]:
            rows = np.intersect1d(rows, self._rows(version), assume_unique=True)
        return rows

    def strata(self, stages: Sequence[Sequence[FeatureVersion]]) -> NDArray[np.int64]:
        """[songs] a number for genre and last stage: where each has its share, a test part fits every stage."""
        last = np.zeros(len(self.labels), dtype=np.int64)
        for versions in stages:
            last[self.rows_of(versions)] += 1
        return self.labels * (len(stages) + 1) + last

    def vectors(self, versions: Sequence[FeatureVersion]) -> tuple[NDArray[np.int64], Array]:
        """Rows of the songs that have vectors of all these feature versions, and these concatenated [rows, n]."""
        rows = self.rows_of(versions)
        vectors = np.empty((len(rows), sum(version.length for version in versions)), dtype=np.float32)
        start = 0
        for version in versions:
            places = np.searchsorted(self._rows(version), rows)
            vectors[:, start : start + version.length] = self._vectors(version)[places]
            start += version.length
        return rows, vectors

    def dataset(self, versions: Sequence[FeatureVersion]) -> tuple[NDArray[np.int64], Dataset]:
        """Rows of the songs that have vectors of all these feature versions, and those songs with their labels."""
        rows, vectors = self.vectors(versions)
        return rows, Dataset(
            vectors=vectors,
            multi_hot=self.multi_hot[rows],
            labels=self.labels[rows],
            sources=self.sources[rows],
            groups=self.groups[rows],
            genres=self.genres,
        )

    def _rows(self, version: FeatureVersion) -> NDArray[np.int64]:
        rows: NDArray[np.int64] = np.load(self._files[version].with_suffix(".npy"))
        return rows

    def _vectors(self, version: FeatureVersion) -> Array:
        return np.memmap(self._files[version], dtype=np.float32, mode="r").reshape(-1, version.length)
