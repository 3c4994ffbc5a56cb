"""Embeddings switched off and on, installed later and removed: what is made, learned from, asked, and what stays."""

import pytest
from portal.commands.songs.extracting import known_stages
from portal.commands.surroundings import RefusalError
from portal.library.embeddings import kind_words
from portal.library.flags import count_stale
from portal.library.models import Embedding, Vector
from portal.orchestration.start import start_classify, start_extract, start_sync, start_train
from portal.runs.models import Run
from portal.training.training_run import without_sentence
from portal.verdicts.models import Prediction
from reclass.features.v1 import features_pb2

SONGS = 12
FMA, MERT, MUSICNN, OWN = (
    features_pb2.VECTOR_KIND_FMA,
    features_pb2.VECTOR_KIND_MERT,
    features_pb2.VECTOR_KIND_MUSICNN,
    1000,
)


@pytest.fixture
def all_installed(portal):
    """FMA, MusiCNN and MERT, with their vectors of every song, and a model of three stages."""
    install(portal, MUSICNN, "musicnn/1", 0.4)
    install(portal, MERT, "mert/1", 4.0)
    portal.inference.later_kinds = (MUSICNN, MERT)
    portal.inference.feature_versions = ("test/1", "musicnn/1", "mert/1")
    portal.finish(start_sync(["Music"]))
    portal.finish(start_extract())
    return portal


def install(portal, kind: int, version: str, cpu_seconds: float = 0.0) -> None:
    portal.features.versions[kind] = version
    portal.features.cards[kind] = {"cpu_seconds": cpu_seconds}


def switch(kind: str, *, on: bool) -> None:
    Embedding.objects.filter(kind=kind).update(enabled=on)


def extracted(portal) -> set[tuple[int, ...]]:
    """The kinds that an extraction asked features for."""
    portal.features.requests.clear()
    portal.finish(start_extract())
    return {tuple(request.kinds) for request in portal.features.requests}


def verdicts() -> list[tuple[object, ...]]:
    return list(Prediction.objects.order_by("pk").values_list("track", "model_version", "current", "genre"))


def vectors_sent(portal) -> set[tuple[int, ...]]:
    portal.inference.asked.clear()
    assert portal.finish(start_classify(again=True)).state == Run.State.DONE
    return {tuple(vector.kind for vector in song.vectors) for song in portal.inference.asked}


def most_stages(portal) -> int:
    return portal.inference.asked[-1].options.max_stages


def test_stages_follow_the_order_of_the_table_whatever_is_installed(all_installed):
    run = Run.objects.filter(kind=Run.Kind.EXTRACT).get()
    assert set(run.result["versions"]) == {"fma", "musicnn", "mert"}
    all_installed.finish(start_train())
    assert list(all_installed.inference.train_options[-1].embeddings) == [MUSICNN, MERT]
    for place, kind in enumerate(("fma", "mert", "musicnn", "jmla")):
        Embedding.objects.filter(kind=kind).update(position=place)
    all_installed.finish(start_train())
    assert list(all_installed.inference.train_options[-1].embeddings) == [MERT, MUSICNN]


def test_one_that_is_switched_off_is_neither_made_nor_learned_from_and_loses_nothing(all_installed):
    switch("musicnn", on=False)
    Vector.objects.exclude(kind="musicnn").delete()
    assert extracted(all_installed) == {(FMA, MERT)}
    assert Vector.objects.filter(kind="musicnn").count() == SONGS
    all_installed.finish(start_train())
    assert list(all_installed.inference.train_options[-1].embeddings) == [MERT]
    assert {vector.kind for song in all_installed.inference.taught for vector in song.vectors} == {FMA, MERT}


def test_a_training_says_which_embeddings_it_has_not_learned_from_and_why(all_installed):
    switch("musicnn", on=False)
    del all_installed.features.versions[MERT]
    all_installed.features.cards[MERT] = {"cpu_seconds": 4.0}
    run = all_installed.finish(start_train())
    assert Embedding.objects.get(kind="mert").version == "mert/1", "it was made here"
    assert run.result["not_learned_from"] == {"musicnn": "switched off", "mert": "not installed any more"}
    assert without_sentence(run, kind_words()) in run.message
    switch("musicnn", on=True)
    install(all_installed, MERT, "mert/1")
    assert all_installed.finish(start_train()).result["not_learned_from"] == {}


def test_switched_on_again_only_what_is_missing_is_made(all_installed):
    switch("musicnn", on=False)
    missing = Vector.objects.filter(kind="musicnn").first()
    missing.delete()
    assert extracted(all_installed) == set()
    switch("musicnn", on=True)
    assert extracted(all_installed) == {(MUSICNN,)}
    assert len(all_installed.features.requests) == 1


@pytest.mark.parametrize(("off", "asked"), [("mert", 2), ("musicnn", 1), (None, 9)])
def test_only_the_stages_before_one_that_is_switched_off_are_asked_and_no_verdict_goes(
    all_installed, off, asked
):
    all_installed.finish(start_classify())
    before = verdicts()
    assert len(before) == SONGS
    if off:
        switch(off, on=False)
    assert verdicts() == before
    assert all_installed.finish(start_classify()).song_count == 0, "nothing has become stale"
    assert vectors_sent(all_installed) == {(FMA, MERT, MUSICNN)}
    assert most_stages(all_installed) == asked
    assert verdicts() == before


def test_one_that_is_switched_off_hinders_no_classification_by_another_version(all_installed):
    switch("mert", on=False)
    all_installed.features.versions[MERT] = "mert/2"
    assert all_installed.finish(start_classify()).state == Run.State.DONE
    switch("mert", on=True)
    assert all_installed.finish(start_classify(again=True)).state == Run.State.FAILED


def test_one_that_is_installed_later_costs_only_its_own_vectors_and_the_next_training_brings_it_in(
    all_installed,
):
    install(all_installed, OWN, "own/1")
    decoded = Vector.objects.count()
    assert extracted(all_installed) == {(OWN,)}
    assert Vector.objects.count() == decoded + SONGS
    all_installed.finish(start_train())
    assert list(all_installed.inference.train_options[-1].embeddings) == [MUSICNN, MERT, OWN]
    assert Embedding.objects.get(kind="kind1000").available


def test_one_that_is_removed_is_not_installed_and_its_vectors_are_sent_all_the_same(all_installed):
    all_installed.finish(start_classify())
    before = verdicts()
    del all_installed.features.versions[MUSICNN], all_installed.features.cards[MUSICNN]
    assert extracted(all_installed) == set()
    row = Embedding.objects.get(kind="musicnn")
    assert (row.available, row.version) == (False, "musicnn/1")
    assert row.detail
    assert vectors_sent(all_installed) == {(FMA, MERT, MUSICNN)}
    assert most_stages(all_installed) == 9
    assert verdicts() == before
    assert count_stale({all_installed.inference.model}) == 0


def test_what_is_asked_for_by_name_must_be_known(all_installed):
    assert known_stages(["musicnn", "fma-native", "all"]) == ["musicnn", "fma-native", "all"]
    with pytest.raises(RefusalError, match="fma, fma-native, jmla, mert, musicnn"):
        known_stages(["vggish"])
