"""What the training process leaves: heads, records, the vote of the stages, and pictures that a person can look at."""

import json
from pathlib import Path

import numpy as np
import pytest
from inference.classify.stages import FMA, Vector
from inference.jobs.training_worker import train
from inference.registry.records import HeadRecord
from inference.registry.version_files import read_head, read_record
from inference.training.dataset import LabelSource
from inference.training.dataset_files import CorpusWriter
from inference.training.options import TrainingOptions
from PIL import Image
from synthetic_library import SyntheticLibrary, synthetic_library

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def library() -> SyntheticLibrary:
    """Its first 518 values are taken for FMA, the others for MERT; some songs are too hard for either stage."""
    return synthetic_library(seed=31, genres=4, width=518 + 768, artists_per_genre=8, wrong=6, separation=0.7)


def write(folder: Path, library: SyntheticLibrary, *, without_mert: int = 0, compilation: str = "") -> None:
    """The songs as a corpus; the first few lack the second vector. All are on a compilation, if it has a name."""
    writer = CorpusWriter(folder)
    for song, label in enumerate(library.labels):
        values = library.vectors[song]
        vectors = [Vector(kind=FMA, version="f", values=values[:518])]
        if song >= without_mert:
            vectors.append(Vector(kind="MERT", version="m", values=values[518:]))
        writer.add(
            song_id=str(song),
            genres=[library.genres[label]],
            artist=f"artist {library.artists[song]}",
            album_artist="Various Artists" if compilation else "",
            album=compilation,
            vectors=vectors,
            source=LabelSource.TAG,
        )
    writer.finish()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, library: SyntheticLibrary) -> Path:
    left = tmp_path_factory.mktemp("training")
    write(left, library, without_mert=5)
    train(left, TrainingOptions(seed=1))
    return left


def test_what_could_not_be_kept_on_one_side_of_the_splits_is_counted(
    folder: Path, tmp_path: Path, library: SyntheticLibrary
) -> None:
    write(tmp_path, library, without_mert=len(library.labels), compilation="Hits")
    train(tmp_path, TrainingOptions(seed=1))
    assert read_record(tmp_path / "genre_fma").cut_links > 10
    assert records(folder)[0].cut_links == 0


def records(folder: Path) -> list[HeadRecord]:
    return [read_record(folder / model) for model in ("genre_fma", "genre_fma_mert")]


def test_the_vote_is_measured_on_songs_that_have_the_vectors_of_both_stages(folder: Path) -> None:
    first, last = records(folder)
    assert first.cascade is None
    assert last.cascade is not None
    assert last.cascade.songs <= last.held_out.songs <= first.held_out.songs
    assert 0 < sum(last.cascade.decided) < 1, "of some songs no stage is sure"
    assert len(last.cascade.proposed_thresholds) == 2
    assert last.cascade.accuracy_low <= last.cascade.accuracy <= last.cascade.accuracy_high


def test_both_stages_hold_out_the_same_artists(folder: Path, library: SyntheticLibrary) -> None:
    """Else a stage would be tested on artists that another stage of the same vote has learned from."""
    first, last = records(folder)
    assert first.held_out.songs - last.held_out.songs <= 5


def test_a_record_holds_every_figure_of_the_report(folder: Path) -> None:
    for record in records(folder):
        assert sum(map(sum, record.held_out.confusion)) == record.held_out.songs
        assert record.calibration.sampling > 0
        assert record.noise is not None
        assert [each.selected for each in record.candidates].count(True) == 1
        assert record.coverage[0].coverage == 1.0
        assert record.ood_threshold > 0
        assert 0 < record.ood_rate < 0.05
        assert read_head(folder / "genre_fma").ood_distance is not None


@pytest.mark.parametrize(
    "picture",
    [
        f"{model}/{name}.png"
        for model in ("genre_fma", "genre_fma_mert")
        for name in ("confusion", "reliability", "coverage")
    ]
    + ["vote.png", "vote-coverage.png"],
)
def test_a_picture_is_of_a_size_that_can_be_read_and_is_not_empty(folder: Path, picture: str) -> None:
    with Image.open(folder / picture) as image:
        assert 500 <= image.width <= 1600
        assert 450 <= image.height <= 1600
        grey = np.asarray(image.convert("L"))
    assert 0.003 < np.mean(grey < 128) < 0.5
    # Nothing is cut off at an edge.
    assert (np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]]) > 240).all()


def test_copies_with_other_labels_are_told_and_a_stage_that_is_not_asked_is_in_no_figure_of_the_vote(
    tmp_path: Path, library: SyntheticLibrary, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, library)
    index = tmp_path / "corpus.json"
    content = json.loads(index.read_text())
    content["copy_of"][1] = 0
    content["labels"][1] = [(content["labels"][0][0] + 1) % 4]
    index.write_text(json.dumps(content))
    train(tmp_path, TrainingOptions(seed=1, max_stages=1))
    _, last = records(tmp_path)
    assert last.cascade is not None
    assert len(last.cascade.decided) == 1
    assert not (tmp_path / "vote.png").exists()
    steps = [json.loads(line)["step"] for line in capsys.readouterr().out.splitlines()]
    assert "stage 1: 2 songs are copies of one audio with different labels: the strongest counts" in steps
