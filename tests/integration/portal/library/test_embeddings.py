"""The table of embeddings: what features says of each, kept in an order that stays."""

import pytest
from portal.library.embeddings import enabled_kinds, known_kinds, note_capabilities
from portal.library.models import Embedding
from portal.remote.features import Capabilities, Capability

pytestmark = pytest.mark.django_db


def said(*kinds: Capability) -> Capabilities:
    return Capabilities(kinds=kinds, media_folders=(), processes=1)


def one(kind: str, cpu_seconds: float = 0.0, **values: object) -> Capability:
    about = {"available": True, "version": f"{kind}/1", "detail": "cpu", "name": kind.upper()}
    return Capability(kind=kind, cpu_seconds=cpu_seconds, **{**about, **values})


def test_the_order_is_that_of_cost_with_fma_first_and_unknown_cost_last():
    note_capabilities(
        said(one("kind1000"), one("mert", 4.0), one("musicnn", 0.4), one("fma", 0.9), one("fma-native", 5.0))
    )
    assert enabled_kinds() == known_kinds() == ("fma", "musicnn", "mert", "kind1000")


def test_a_newcomer_takes_its_place_and_leaves_the_order_that_somebody_chose():
    note_capabilities(said(one("fma"), one("musicnn", 0.4), one("mert", 4.0)))
    Embedding.objects.filter(kind="musicnn").update(position=3)
    note_capabilities(said(one("fma"), one("musicnn", 0.4), one("mert", 4.0), one("jmla", 3.0)))
    assert enabled_kinds() == ("fma", "jmla", "mert", "musicnn")


def test_one_that_features_does_not_speak_of_any_more_stays_and_is_not_available():
    note_capabilities(said(one("fma"), one("musicnn", 0.4, licence="ISC", tags=(("rock", 0.25),))))
    note_capabilities(said(one("fma")))
    row = Embedding.objects.get(kind="musicnn")
    assert (row.available, row.enabled, row.licence, row.version) == (False, True, "ISC", "musicnn/1")
    assert row.tags == [["rock", 0.25]]
    assert enabled_kinds() == ("fma", "musicnn")


def test_what_was_measured_holds_until_another_version_or_another_measurement():
    note_capabilities(said(one("fma", measured_seconds=0.5, measured_songs=7)))
    note_capabilities(said(one("fma")))
    assert Embedding.objects.get().measured_songs == 7
    note_capabilities(said(one("fma", measured_seconds=0.25, measured_songs=1)))
    assert Embedding.objects.get().measured_seconds == 0.25
    note_capabilities(said(one("fma", version="fma/2")))
    assert Embedding.objects.get().measured_songs == 0


def test_a_silent_features_service_takes_nothing_away():
    note_capabilities(said(one("fma"), one("mert", 4.0)))
    note_capabilities(said())
    assert Embedding.objects.filter(available=True).count() == 2


def test_without_news_nothing_is_written(django_assert_num_queries):
    note_capabilities(said(one("fma"), one("mert", 4.0)))
    with django_assert_num_queries(1):
        note_capabilities(said(one("fma"), one("mert", 4.0)))


def test_one_that_is_switched_off_is_known_and_not_enabled():
    note_capabilities(said(one("fma"), one("musicnn", 0.4), one("mert", 4.0)))
    Embedding.objects.filter(kind__in=("musicnn", "fma")).update(enabled=False)
    assert enabled_kinds() == ("fma", "mert")
    assert known_kinds() == ("fma", "musicnn", "mert")
