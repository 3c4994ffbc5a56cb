"""Training songs in files: what goes in comes out, and feature versions are never mixed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from inference.classify.stages import FIRST_STAGE, FMA, FMA_NATIVE, Vector, VectorKind
from inference.errors import InvalidRequestError
from inference.jobs.training_job import TrainingJob
from inference.registry.store import ModelStore
from inference.rpc.servicer import add_song
from inference.serving.heads import Heads
from inference.training.corpus import Corpus
from inference.training.dataset import LabelSource
from inference.training.dataset_files import INDEX_FILE, MOST_GENRES, MOST_VERSIONS, CorpusWriter
from reclass.inference.v1 import inference_pb2
from runtime.triton import Triton

WITH_MERT = FIRST_STAGE.joined_by("MERT")


def vector(kind: VectorKind, version: str, value: float, width: int = 518) -> Vector:
    return Vector(kind=kind, version=version, values=np.full(width, value, dtype=np.float32))


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """Four songs: two with FMA and MERT, one with FMA alone, one with FMA of an older feature version."""
    writer = CorpusWriter(tmp_path)
    mert = [vector("MERT", "m", 10.0 + row, 768) for row in range(2)]
    writer.add(song_id="a", genres=["Jazz"], artist="x", vectors=[vector(FMA, "2", 0.0), mert[0]])
    writer.add(song_id="b", genres=["Rap"], artist="y", vectors=[vector(FMA, "1", 1.0)])
    writer.add(song_id="c", genres=["Jazz"], artist="y", vectors=[vector(FMA, "2", 2.0)])
    writer.add(song_id="d", genres=["Rap"], artist="x", vectors=[mert[1], vector(FMA, "2", 3.0)])
    writer.finish()
    return Corpus(tmp_path)


def test_labels_and_groups_come_back(corpus: Corpus) -> None:
    assert [corpus.genres[label] for label in corpus.labels] == ["Jazz", "Rap", "Jazz", "Rap"]
    assert corpus.groups[0] == corpus.groups[3] != corpus.groups[1] == corpus.groups[2]


def test_the_feature_version_of_most_songs_is_learned_and_no_other_is_mixed_in(corpus: Corpus) -> None:
    versions = corpus.feature_versions(FIRST_STAGE)
    assert versions is not None
    assert [each.version for each in versions] == ["2"]
    rows, vectors = corpus.vectors(versions)
    assert rows.tolist() == [0, 2, 3]
    assert vectors[:, 0].tolist() == [0.0, 2.0, 3.0]


def test_a_later_stage_takes_the_songs_that_have_all_its_vectors_in_the_stages_order(corpus: Corpus) -> None:
    versions = corpus.feature_versions(WITH_MERT)
    assert versions is not None
    rows, vectors = corpus.vectors(versions)
    assert rows.tolist() == [0, 3]
    assert vectors.shape == (2, 518 + 768)
    assert vectors[:, [0, 518]].tolist() == [[0.0, 10.0], [3.0, 11.0]]


def test_where_most_songs_have_values_of_the_whole_song_every_stage_learns_from_these(tmp_path: Path) -> None:
    writer = CorpusWriter(tmp_path)
    for row in range(3):
        vectors = [
            vector(FMA_NATIVE, "n", float(row)),
            vector("MERT", "m", 9.0 + row, 768),
        ]
        excerpt = [vector(FMA, "1", 5.0 + row)] if row else []
        writer.add(song_id=str(row), genres=["Jazz"], artist=str(row), vectors=[*vectors, *excerpt])
    writer.finish()
    corpus = Corpus(tmp_path)
    for stage, expected in ((FIRST_STAGE, ["n"]), (WITH_MERT, ["n", "m"])):
        versions = corpus.feature_versions(stage)
        assert versions is not None
        assert [each.version for each in versions] == expected
        assert len(corpus.rows_of(versions)) == 3


def test_a_stage_without_vectors_has_no_feature_versions(corpus: Corpus) -> None:
    assert corpus.feature_versions(WITH_MERT.joined_by("JMLA")) is None


def test_the_digest_tells_trainings_apart(corpus: Corpus) -> None:
    versions = corpus.feature_versions(FIRST_STAGE)
    assert versions is not None
    _, songs = corpus.dataset(versions)
    changed = songs.vectors.copy()
    changed[0, 0] += 1
    assert songs.digest() == replace(songs, vectors=songs.vectors.copy()).digest()
    assert songs.digest() != replace(songs, vectors=changed).digest()


def test_songs_of_nobody_are_groups_of_their_own(tmp_path: Path) -> None:
    server = Triton("127.0.0.1:1")
    store = ModelStore(repository=tmp_path / "models", templates=tmp_path)
    job = TrainingJob(folder=tmp_path, store=store, heads=Heads(store, server), threads=1)
    for song_id, group in (("1", ""), ("2", ""), ("3", "band"), ("4", "band")):
        song = inference_pb2.TrainingSong(song_id=song_id, genre="Jazz", artist=group)
        add_song(job.corpus, song)
    job.corpus.finish()
    server.close()
    groups = Corpus(tmp_path).groups
    assert len(set(groups)) == 3
    assert groups[2] == groups[3]


def test_an_artist_has_one_number_in_every_training(tmp_path: Path) -> None:
    """So that the next training tests on the same artists, whichever songs come first."""
    numbers = []
    for order in (["x", "y"], ["y", "x"]):
        folder = tmp_path / "".join(order)
        folder.mkdir()
        writer = CorpusWriter(folder)
        for group in order:
            writer.add(song_id=group, genres=["Jazz"], artist=group, vectors=[])
        writer.finish()
        numbers.append(dict(zip(order, Corpus(folder).groups.tolist(), strict=True)))
    assert numbers[0] == numbers[1]


def copies(folder: Path, *labels: tuple[list[str], LabelSource]) -> Corpus:
    """One audio under the names of several artists, each with another label."""
    writer = CorpusWriter(folder)
    for row, (genres, source) in enumerate(labels):
        same = [vector(FMA, "1", 7.0)]
        writer.add(song_id=str(row), genres=genres, artist=f"artist {row}", vectors=same, source=source)
    writer.finish()
    return Corpus(folder)


def names(corpus: Corpus) -> list[list[str]]:
    return [[corpus.genres[code] for code in np.flatnonzero(row)] for row in corpus.multi_hot]


def test_of_contradicting_labels_for_one_audio_the_stronger_word_counts(tmp_path: Path) -> None:
    corpus = copies(tmp_path, (["Jazz"], LabelSource.TAG), (["Rap"], LabelSource.OVERRIDE))
    assert names(corpus) == [["Rap"], ["Rap"]]
    assert corpus.contradictions == 2


@pytest.mark.parametrize(
    ("of_person", "sources"),
    [
        (["Rap"], [LabelSource.OVERRIDE, LabelSource.OVERRIDE]),
        (["Jazz"], [LabelSource.TAG, LabelSource.OVERRIDE]),
    ],
)
def test_a_persons_word_on_a_copy_is_not_taken_for_the_tag_that_it_overrules(
    tmp_path: Path, of_person: list[str], sources: list[LabelSource]
) -> None:
    corpus = copies(tmp_path, (["Jazz"], LabelSource.TAG), (of_person, LabelSource.OVERRIDE))
    assert corpus.sources.tolist() == sources


def test_contradicting_labels_of_one_strength_are_joined(tmp_path: Path) -> None:
    corpus = copies(tmp_path, (["Jazz"], LabelSource.TAG), (["Rap"], LabelSource.TAG))
    assert names(corpus) == [["Jazz", "Rap"], ["Jazz", "Rap"]]
    assert [corpus.genres[label] for label in corpus.labels] == ["Jazz", "Jazz"]


def test_copies_of_one_audio_are_never_on_two_sides_of_a_split(tmp_path: Path) -> None:
    corpus = copies(tmp_path, (["Jazz"], LabelSource.TAG), (["Jazz"], LabelSource.TAG))
    assert corpus.groups[0] == corpus.groups[1]
    assert corpus.contradictions == 0


def test_songs_whose_vectors_are_of_another_version_are_counted(corpus: Corpus) -> None:
    for stage, left_out in ((FIRST_STAGE, 1), (WITH_MERT, 0)):
        versions = corpus.feature_versions(stage)
        assert versions is not None
        assert corpus.left_out(versions) == left_out


def test_songs_of_ever_new_feature_versions_open_no_more_files_than_a_service_has(tmp_path: Path) -> None:
    """Each version has a file of its own: beyond a thousand the whole service could open nothing more."""
    writer = CorpusWriter(tmp_path)
    for number in range(MOST_VERSIONS):
        song = vector(FMA, f"v{number}", 1.0)
        writer.add(song_id=str(number), genres=["Jazz"], artist="x", vectors=[song])
    with pytest.raises(InvalidRequestError, match="more than 100 feature versions"):
        writer.add(song_id="x", genres=["Jazz"], artist="x", vectors=[vector(FMA, "new", 1.0)])
    writer.add(song_id="y", genres=["Jazz"], artist="x", vectors=[vector(FMA, "v0", 1.0)])
    writer.finish()
    assert len(Corpus(tmp_path).labels) == MOST_VERSIONS + 1


def test_songs_of_ever_new_genres_are_refused_before_their_table_fills_the_memory(tmp_path: Path) -> None:
    writer = CorpusWriter(tmp_path)
    writer.add(song_id="a", genres=[f"g{number}" for number in range(MOST_GENRES)], artist="x", vectors=[])
    with pytest.raises(InvalidRequestError, match="more than 2000 genres"):
        writer.add(song_id="b", genres=["g0", "new"], artist="x", vectors=[])
    writer.close()


def test_endless_names_fill_neither_memory_nor_time(tmp_path: Path) -> None:
    """A pattern that looks for guests would take hours for a million open brackets."""
    writer = CorpusWriter(tmp_path)
    for number in range(20):
        name = f"{number}" + "( " * 1_000_000
        writer.add(
            song_id=str(number), genres=["Jazz"], artist=name, album_artist=name, album=name, vectors=[]
        )
    writer.finish()
    assert (tmp_path / INDEX_FILE).stat().st_size < 100_000
    assert len(set(Corpus(tmp_path).groups)) == 20
