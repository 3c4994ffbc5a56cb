"""A training adds the embeddings that enough songs have vectors of, in their order, and says what it leaves out."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from inference.classify.stages import FMA, FMA_NATIVE, Vector
from inference.errors import TooFewSongsError
from inference.training.corpus import Corpus
from inference.training.dataset_files import CorpusWriter
from inference.training.options import MOST_EMBEDDINGS, TrainingOptions
from inference.training.stage_plan import plan_stages

GENRES = ("Jazz", "Rap")
SONGS = 40
EVERY = range(SONGS)


def corpus_of(folder: Path, kinds: Mapping[str, range], first: str = FMA) -> Corpus:
    """Songs of two genres by turns, each by an artist of its own; `kinds` says which have which vectors."""
    writer = CorpusWriter(folder)
    for song in EVERY:
        lengths = {first: 518, **{kind: 8 for kind, songs in kinds.items() if song in songs}}
        writer.add(
            song_id=str(song),
            genres=[GENRES[song % 2]],
            artist=f"artist {song}",
            vectors=[
                Vector(kind=kind, version="1", values=np.full(length, song, dtype=np.float32))
                for kind, length in lengths.items()
            ],
        )
    writer.finish()
    return Corpus(folder)


def planned(corpus: Corpus, *embeddings: str, others_too: bool = False) -> tuple[list[str], dict[str, str]]:
    """The names of the heads, and why each embedding that is left out is."""
    plan = plan_stages(corpus, TrainingOptions(embeddings=embeddings, others_too=others_too))
    return [stage.model for stage in plan.stages], {skip.kind: skip.reason for skip in plan.skipped}


def test_each_stage_is_joined_to_those_before_it(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, {"MERT": EVERY, "MUSICNN": EVERY, "JMLA": EVERY})
    assert planned(corpus, "MUSICNN", "JMLA") == (
        ["genre_fma", "genre_fma_musicnn", "genre_fma_musicnn_jmla"],
        {},
    )


def test_an_embedding_of_too_few_songs_is_left_out_and_the_next_is_joined_to_those_before(
    tmp_path: Path,
) -> None:
    corpus = corpus_of(tmp_path, {"MUSICNN": range(9), "MERT": EVERY})
    heads, skipped = planned(corpus, "MUSICNN", "MERT")
    assert heads == ["genre_fma", "genre_fma_mert"]
    assert list(skipped) == ["MUSICNN"]
    assert "9 labelled songs are too few" in skipped["MUSICNN"]


def test_an_embedding_must_know_every_genre(tmp_path: Path) -> None:
    heads, skipped = planned(corpus_of(tmp_path, {"MERT": range(0, SONGS, 2)}), "MERT")
    assert heads == ["genre_fma"]
    assert "Rap" in skipped["MERT"]


def test_what_counts_is_songs_that_have_all_vectors_of_the_stage(tmp_path: Path) -> None:
    half = SONGS // 2
    heads, skipped = planned(corpus_of(tmp_path, {"A": range(half), "B": range(half, SONGS)}), "A", "B")
    assert heads == ["genre_fma", "genre_fma_a"]
    assert list(skipped) == ["B"]


def test_an_embedding_that_no_song_has_is_missed_only_where_it_was_named(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, {"MERT": EVERY})
    assert planned(corpus, "MUSICNN", "MERT") == (
        ["genre_fma", "genre_fma_mert"],
        {"MUSICNN": "no song has a vector of it"},
    )
    assert planned(corpus, "MUSICNN", "MERT", others_too=True) == (["genre_fma", "genre_fma_mert"], {})


def test_embeddings_without_a_name_come_last_by_their_numbers(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, dict.fromkeys(["KIND10000", "KIND1000", "JMLA", "MERT"], EVERY))
    heads, _ = planned(corpus, "MUSICNN", "MERT", "JMLA", others_too=True)
    assert heads[-1] == "genre_fma_mert_jmla_kind1000_kind10000"


def test_there_is_an_end_to_stages(tmp_path: Path) -> None:
    kinds = [f"KIND{number}" for number in range(1000, 1002 + MOST_EMBEDDINGS)]
    heads, skipped = planned(corpus_of(tmp_path, dict.fromkeys(kinds, EVERY)), others_too=True)
    assert len(heads) == 1 + MOST_EMBEDDINGS
    assert list(skipped) == kinds[MOST_EMBEDDINGS:]


def test_values_of_whole_songs_stand_in_at_every_stage_without_another_name(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, {"MUSICNN": EVERY}, first=FMA_NATIVE)
    plan = plan_stages(corpus, TrainingOptions(embeddings=["MUSICNN"]))
    assert {
        stage.model: [version.kind for version in versions] for stage, versions in plan.stages.items()
    } == {
        "genre_fma": [FMA_NATIVE],
        "genre_fma_musicnn": [FMA_NATIVE, "MUSICNN"],
    }


def test_without_the_first_vectors_nothing_can_be_learned(tmp_path: Path) -> None:
    with pytest.raises(TooFewSongsError, match="no song came with an FMA vector"):
        plan_stages(corpus_of(tmp_path, {}, first="MERT"), TrainingOptions())


def test_copies_are_told_by_the_first_stages_vector_whatever_other_kinds_are_called(tmp_path: Path) -> None:
    writer = CorpusWriter(tmp_path)
    same = Vector(kind=FMA, version="1", values=np.ones(518, dtype=np.float32))
    other = Vector(kind="CLAP", version="1", values=np.ones(4, dtype=np.float32))
    for song, vectors in enumerate(([same], [other, same])):
        writer.add(song_id=str(song), genres=["Jazz"], artist=str(song), vectors=vectors)
    writer.finish()
    assert Corpus(tmp_path).recordings.tolist() == [0, 0]
