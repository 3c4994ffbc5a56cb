"""Heads on a split that somebody else has made: each part does its own work, and the test part is taken as it is."""

from pathlib import Path

import numpy as np
import pytest
from inference.classify.stages import FMA_NATIVE, Vector
from inference.errors import TooFewGenresError, TooFewSongsError
from inference.jobs.evaluation_worker import evaluate
from inference.jobs.worker_process import EVALUATION_FILE, PARTS_FILE
from inference.registry.records import record_from_json
from inference.training.corpus import Corpus
from inference.training.dataset import Dataset, LabelSource, SplitPart, single_label_dataset
from inference.training.dataset_files import CorpusWriter
from inference.training.given_split import evaluate_split
from inference.training.stage_result import HeadResult
from numpy.typing import NDArray
from synthetic_library import SyntheticLibrary, synthetic_library


@pytest.fixture(scope="module")
def library() -> SyntheticLibrary:
    return synthetic_library(
        seed=11, genres=4, artists_per_genre=12, songs_per_artist=3, separation=1.1, wrong=6
    )


@pytest.fixture(scope="module")
def parts(library: SyntheticLibrary) -> NDArray[np.int8]:
    """Whole artists: of six, four are learned from."""
    return np.array([1, 1, 3, 1, 2, 1], dtype=np.int8)[library.artists % 6]


def songs_of(library: SyntheticLibrary, labels: NDArray[np.int64] | None = None) -> Dataset:
    said = library.labels if labels is None else labels
    return single_label_dataset(
        library.vectors, said, library.artists, library.genres, source=LabelSource.PUBLIC_TABLE
    )


def quietly(_: str, __: float) -> None: ...


@pytest.fixture(scope="module")
def evaluated(library: SyntheticLibrary, parts: NDArray[np.int8]) -> HeadResult:
    return evaluate_split(songs_of(library), parts, seed=4, report=quietly)


def test_the_figures_are_of_the_test_part_alone(
    evaluated: HeadResult, library: SyntheticLibrary, parts: NDArray[np.int8]
) -> None:
    test = parts == SplitPart.TEST
    assert evaluated.held_out.songs == test.sum()
    assert sum(map(sum, evaluated.held_out.confusion)) == test.sum()
    assert evaluated.calibration.songs == test.sum()
    assert evaluated.held_out.accuracy > evaluated.held_out.majority_baseline_accuracy + 0.2
    assert evaluated.held_out.accuracy_low <= evaluated.held_out.accuracy <= evaluated.held_out.accuracy_high


def test_labels_of_the_test_part_reach_neither_the_head_nor_its_choice(
    evaluated: HeadResult, library: SyntheticLibrary, parts: NDArray[np.int8]
) -> None:
    labels = library.labels.copy()
    labels[parts == SplitPart.TEST] = (labels[parts == SplitPart.TEST] + 1) % 4
    other = evaluate_split(songs_of(library, labels), parts, seed=4, report=quietly)
    assert other.recipe == evaluated.recipe
    assert other.scaling.temperature == evaluated.scaling.temperature
    called = [np.sum(each.held_out.confusion, axis=0).tolist() for each in (evaluated, other)]
    assert called[0] == called[1]


def test_the_same_seed_gives_the_same_figures(
    evaluated: HeadResult, library: SyntheticLibrary, parts: NDArray[np.int8]
) -> None:
    again = evaluate_split(songs_of(library), parts, seed=4, report=quietly)
    assert again.held_out == evaluated.held_out


def test_a_genre_that_is_not_in_the_training_part_counts_as_wrong(
    library: SyntheticLibrary, parts: NDArray[np.int8]
) -> None:
    own = (library.labels != 3) | (parts == SplitPart.TEST)
    songs = Dataset(
        vectors=library.vectors[own],
        multi_hot=library.labels[own, np.newaxis] == np.arange(4),
        labels=library.labels[own],
        sources=np.full(own.sum(), LabelSource.PUBLIC_TABLE),
        groups=library.artists[own],
        genres=library.genres,
    )
    evaluated = evaluate_split(songs, parts[own], seed=4, report=quietly)
    unknown = evaluated.held_out.genres[3]
    assert unknown.songs > 0
    assert unknown.recall == 0.0


@pytest.mark.parametrize("missing", list(SplitPart))
def test_a_split_without_one_of_its_parts_is_refused(
    library: SyntheticLibrary, parts: NDArray[np.int8], missing: SplitPart
) -> None:
    moved = np.where(parts == missing, parts % 3 + 1, parts).astype(np.int8)
    with pytest.raises(TooFewSongsError, match=f"the {missing.name.lower()} part of the split has no songs"):
        evaluate_split(songs_of(library), moved, seed=4, report=quietly)


def test_a_training_part_of_one_genre_is_refused(library: SyntheticLibrary, parts: NDArray[np.int8]) -> None:
    labels = np.where(parts == SplitPart.TRAINING, 0, library.labels)
    with pytest.raises(TooFewGenresError, match="fewer than 2 genres"):
        evaluate_split(songs_of(library, labels), parts, seed=4, report=quietly)


def test_the_process_leaves_a_record_and_pictures(
    tmp_path: Path, library: SyntheticLibrary, parts: NDArray[np.int8], evaluated: HeadResult
) -> None:
    writer = CorpusWriter(tmp_path, unite_copies=False)
    for song, label in enumerate(library.labels):
        vector = Vector(kind=FMA_NATIVE, version="n", values=library.vectors[song])
        writer.add(
            song_id=str(song),
            genres=[library.genres[label]],
            artist=f"artist {library.artists[song]}",
            vectors=[vector],
            source=LabelSource.PUBLIC_TABLE,
        )
    writer.finish()
    np.save(tmp_path / PARTS_FILE, parts)
    evaluate(tmp_path, seed=4, title="Made up")
    record = record_from_json((tmp_path / EVALUATION_FILE).read_bytes())
    assert record.feature_versions == {"FMA_NATIVE": "n"}
    assert record.held_out.songs == evaluated.held_out.songs
    assert {path.name for path in tmp_path.glob("*.png")} == {
        "confusion.png", "coverage.png", "reliability.png"
    }  # fmt: skip


def test_copies_are_left_as_the_split_has_them(tmp_path: Path) -> None:
    """Merging their labels would make the test part easier than the one that others were evaluated on."""
    writer = CorpusWriter(tmp_path, unite_copies=False)
    for song, genre in enumerate(("Jazz", "Rap")):
        vector = Vector(kind=FMA_NATIVE, version="n", values=np.zeros(518, dtype=np.float32))
        writer.add(song_id=str(song), genres=[genre], artist=genre, vectors=[vector])
    writer.finish()
    corpus = Corpus(tmp_path)
    assert [corpus.genres[label] for label in corpus.labels] == ["Jazz", "Rap"]
    assert corpus.contradictions == 0
