"""The labelled songs of one training, as `CorpusWriter` left them in files; vectors are read as they are asked for."""

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Array
from inference.classify.stages import FIRST_STAGE, FMA, FMA_NATIVE, Stage, VectorKind
from inference.decision.credits import Credit, Positions, places
from inference.training.dataset import Dataset, merge_copies
from inference.training.dataset_files import INDEX_FILE, FeatureVersion
from inference.training.same_recordings import same_recordings
from inference.training.song_groups import SongGroups, credit_numbers, group_songs


class Corpus:
    """The songs that a `CorpusWriter` left in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        index = json.loads((folder / INDEX_FILE).read_text())
        self.genres: tuple[str, ...] = tuple(index["genres"])
        names = index["names"]
        self.credits = [
            Credit(
                song_id=song_id, artist=names[artist], album_artist=names[album_artist], album=names[album]
            )
            for song_id, (artist, album_artist, album) in zip(
                index["song_ids"], index["credits"], strict=True
            )
        ]
        self._copies = [(row, first) for row, first in enumerate(index["copy_of"]) if row != first]
        labels = merge_copies(index["labels"], np.asarray(index["sources"], dtype=np.int64), index["copy_of"])
        self.sources: NDArray[np.int64] = np.asarray(labels.sources, dtype=np.int64)
        self.contradictions = labels.contradictions
        """Number of songs whose audio was sent with another label too."""
        self.labels: NDArray[np.int64] = np.asarray([genres[0] for genres in labels.genres], dtype=np.int64)
        self.multi_hot = np.zeros((len(self.labels), len(self.genres)), dtype=np.bool_)
        for row, genres in enumerate(labels.genres):
            self.multi_hot[row, list(genres)] = True
        self._files: dict[FeatureVersion, Path] = {
            FeatureVersion(kind=version["kind"], version=version["version"], length=version["length"]): folder
            / version["file"]
            for version in index["feature_versions"]
        }

    @cached_property
    def credit_numbers(self) -> NDArray[np.int64]:
        """[songs] a number for each one's credit, the same in every training."""
        return credit_numbers(self.credits)

    @cached_property
    def grouping(self) -> SongGroups:
        """Which songs are never on two sides of a split."""
        return group_songs(
            self.credits, self.labels.tolist(), copies=self._copies, same_recordings=self._same_recordings()
        )

    @cached_property
    def places(self) -> Positions:
        """Which album each song is on, and whose."""
        return places(self.credits)

    @cached_property
    def recordings(self) -> NDArray[np.int64]:
        """[songs] a number for each one's audio; copies have one."""
        recordings = np.arange(len(self.labels))
        for row, first in self._copies:
            recordings[row] = first
        return recordings

    @property
    def groups(self) -> NDArray[np.int64]:
        """[songs] the number of each one's group."""
        return self.grouping.numbers

    def _same_recordings(self) -> list[tuple[int, int]]:
        versions = self.feature_versions(FIRST_STAGE)
        if versions is None:
            return []
        rows, vectors = self.vectors(versions)
        return [(int(rows[one]), int(rows[other])) for one, other in same_recordings(vectors)]

    @property
    def embeddings(self) -> list[VectorKind]:
        """The kinds of vectors that songs have beside those of the first stage, by number where they have no name."""
        kinds = {version.kind for version in self._files} - {FMA, FMA_NATIVE}
        return sorted(kinds, key=lambda kind: (len(kind), kind))

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
        rows = {kind: len(self._rows_of_kind(kind)) for kind in (FMA, FMA_NATIVE)}
        first = max(rows, key=lambda kind: rows[kind])
        return tuple(first if kind == FMA else kind for kind in stage.kinds)

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
