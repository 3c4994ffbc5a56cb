"""The songs of one training, kept in files so that hundreds of megabytes of vectors never lie in memory twice."""

import hashlib
import json
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.classify.stages import Array, Stage, Vector, VectorKind
from inference.training.dataset import LabelledSongs, LabelSource, agreed

INDEX_FILE = "corpus.json"


@dataclass(frozen=True, kw_only=True)
class Make:
    """Vectors that may be compared: one kind, one version, one length."""

    kind: VectorKind
    version: str
    length: int


class CorpusWriter:
    """Takes songs one by one; `finish` leaves files that `Corpus` reads."""

    def __init__(self, folder: Path, *, unite_copies: bool = True) -> None:
        """Copies of one audio are united in one artist and one label, unless the split is not ours to mend."""
        self._folder = folder
        self._unite_copies = unite_copies
        self._genres: dict[str, int] = {}
        self._named: list[tuple[int, ...]] = []
        self._sources = array("b")
        self._groups = array("q")
        self._copies: dict[bytes, int] = {}
        self._copy_of = array("q")
        self._files: dict[Make, VectorFile] = {}
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
        """Append a song whose label names these genres, the first of them first."""
        row = len(self.song_ids)
        self.song_ids.append(song_id)
        self._named.append(tuple(self._genres.setdefault(genre, len(self._genres)) for genre in genres))
        self._sources.append(source)
        audio = audio_key(vectors) if self._unite_copies else None
        first = self._copies.setdefault(audio or song_id.encode(), row)
        self._copy_of.append(first)
        # Two copies of one audio, by whatever name of the artist, must not be on two sides of a split.
        self._groups.append(group_number(group) if first == row else self._groups[first])
        for vector in vectors:
            make = Make(kind=vector.kind, version=vector.version, length=len(vector.values))
            if make not in self._files:
                self._files[make] = VectorFile(self._folder / f"vectors-{len(self._files)}")
            self._files[make].append(row, vector.values)

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
            "named": self._named,
            "sources": self._sources.tolist(),
            "groups": self._groups.tolist(),
            "copy_of": self._copy_of.tolist(),
            "makes": [
                {
                    "kind": make.kind.name,
                    "version": make.version,
                    "length": make.length,
                    "file": file.path.name,
                }
                for make, file in self._files.items()
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
    """Vectors of one make, one after the other, and beside them the rows of their songs."""

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
        labels = agreed(index["named"], self.sources, index["copy_of"])
        self.contradictions = labels.contradictions
        """Songs whose audio was sent before with another label."""
        self.labels: NDArray[np.int64] = np.asarray([genres[0] for genres in labels.named], dtype=np.int64)
        self.named = np.zeros((len(self.labels), len(self.genres)), dtype=np.bool_)
        for row, genres in enumerate(labels.named):
            self.named[row, list(genres)] = True
        self._files: dict[Make, Path] = {
            Make(kind=VectorKind[make["kind"]], version=make["version"], length=make["length"]): folder
            / make["file"]
            for make in index["makes"]
        }

    def makes(self, stage: Stage) -> tuple[Make, ...] | None:
        """For each kind of the stage the make that most songs have; None when a kind is not there at all."""
        chosen = []
        for kind in self._kinds(stage):
            of_kind = [make for make in self._files if make.kind == kind]
            if not of_kind:
                return None
            chosen.append(max(of_kind, key=lambda make: len(self._rows(make))))
        return tuple(chosen)

    def _kinds(self, stage: Stage) -> tuple[VectorKind, ...]:
        """What a stage learns from: where more songs have the whole-song values than those of an excerpt, these.

        A public table has no others. All stages of one training hear the same, so that a vote listens once.
        """
        rows = {kind: len(self._rows_of_kind(kind)) for kind in (VectorKind.FMA, VectorKind.FMA_NATIVE)}
        first = max(rows, key=lambda kind: rows[kind])
        return tuple(first if kind == VectorKind.FMA else kind for kind in stage.kinds)

    def left_out(self, makes: Sequence[Make]) -> int:
        """Songs that have a vector of each of these kinds, and not of the makes that are learned from."""
        having = set.intersection(*(self._rows_of_kind(make.kind) for make in makes))
        return len(having) - len(self.joined_rows(makes))

    def _rows_of_kind(self, kind: VectorKind) -> set[int]:
        return {int(row) for make in self._files if make.kind == kind for row in self._rows(make)}

    def joined_rows(self, makes: Sequence[Make]) -> NDArray[np.int64]:
        """Rows of the songs that have vectors of all makes."""
        rows = self._rows(makes[0])
        for make in makes[1:]:
            rows = np.intersect1d(rows, self._rows(make), assume_unique=True)
        return rows

    def strata(self, stages: Sequence[Sequence[Make]]) -> NDArray[np.int64]:
        """A number for genre and last stage of each song: where each has its share, a test part fits every stage."""
        last = np.zeros(len(self.labels), dtype=np.int64)
        for makes in stages:
            last[self.joined_rows(makes)] += 1
        return self.labels * (len(stages) + 1) + last

    def joined(self, makes: Sequence[Make]) -> tuple[NDArray[np.int64], Array]:
        """Rows of the songs that have vectors of all makes, and those vectors joined [rows, n]."""
        rows = self.joined_rows(makes)
        joined = np.empty((len(rows), sum(make.length for make in makes)), dtype=np.float32)
        start = 0
        for make in makes:
            places = np.searchsorted(self._rows(make), rows)
            joined[:, start : start + make.length] = self._vectors(make)[places]
            start += make.length
        return rows, joined

    def songs(self, rows: NDArray[np.int64], vectors: Array) -> LabelledSongs:
        """What `joined` gave, with the labels of those songs."""
        return LabelledSongs(
            vectors=vectors,
            named=self.named[rows],
            labels=self.labels[rows],
            sources=self.sources[rows],
            groups=self.groups[rows],
            genres=self.genres,
        )

    def digest(self, rows: NDArray[np.int64], vectors: Array) -> str:
        """SHA-256 of what a stage learns from; equal trainings have equal ones."""
        sha = hashlib.sha256(json.dumps(self.genres).encode())
        for part in (self.labels[rows], self.named[rows], self.sources[rows], self.groups[rows], vectors):
            sha.update(np.ascontiguousarray(part).data)
        return sha.hexdigest()

    def _rows(self, make: Make) -> NDArray[np.int64]:
        rows: NDArray[np.int64] = np.load(self._files[make].with_suffix(".npy"))
        return rows

    def _vectors(self, make: Make) -> Array:
        return np.memmap(self._files[make], dtype=np.float32, mode="r").reshape(-1, make.length)
