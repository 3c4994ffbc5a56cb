"""Fills, corrections and translations: which are planned, what is stated of them, and where people see it."""

import json

import pytest
from portal.commands.looking import _last_batch
from portal.commands.writing import _report
from portal.genres.models import Alias, Genre
from portal.ledger.kinds import WriteKind
from portal.library.models import Track
from portal.orchestration.start import start_plan, start_push, start_sync
from portal.preferences.changing import change
from portal.runs.models import RunSong
from portal.verdicts.models import Decision, Judgement, Prediction
from portal.writing.policy import NONE_IS_RIGHT, TAGS_CHANGED, UNDECIDED
from portal.writing.stated import stated
from write_batches import SONGS, classified, classify_all, planned, set_by_hand


@pytest.fixture
def library(portal):
    """Twelve songs that are Jazz to the AI: one without a tag, one that a person has set to Folk, the rest Pop_Rock."""
    portal.plex.ask("PUT", "tracks/1001/genres", {"genres": [], "locked": False})
    classified(portal)
    set_by_hand(Track.objects.get(rating_key="1002"))
    return portal


def kinds(batch):
    return {row.rating_key: row.kind for row in batch.rows.all()}


def test_each_row_has_its_kind_and_a_batch_states_what_it_comes_to(library, admin_client):
    batch = planned(library)
    assert kinds(batch) == {
        "1001": "fill", "1002": "person", **{str(key): "correction" for key in range(1003, 1001 + SONGS)},
    }  # fmt: skip
    row = batch.rows.get(rating_key="1003")
    assert (row.confidence, row.confidence_mean, row.confidence_high) == pytest.approx((0.9, 0.92, 0.95))
    assert row.tag_probability == pytest.approx(0.04)
    assert batch.rows.get(rating_key="1001").tag_probability == 0
    found = stated(batch.rows.all())
    assert found.kinds == {WriteKind.FILL: 1, WriteKind.CORRECTION: SONGS - 2, WriteKind.PERSON: 1}
    assert (found.writes, found.right, found.right_tags_destroyed) == pytest.approx(
        (11, 11 * 0.92, 10 * 0.04)
    )
    assert found.right_low < 11 * 0.9 < 11 * 0.95 < found.right_high + 1e-9
    page = admin_client.get(f"/admin/ledger/writebatch/{batch.pk}/change/").content.decode()
    for words in (found.counts, *found.sentences):
        assert words in page
    assert found.counts in admin_client.get("/admin/ledger/writebatch/").content.decode()


def test_programs_are_told_the_same(library, capsys):
    assert _last_batch() is None
    batch = planned(library)
    expected = stated(batch.rows.all()).as_data()
    assert expected["kinds"] == {"fill": 1, "correction": SONGS - 2, "person": 1}
    assert _last_batch() == {
        "batch": batch.pk, "state": "planned", "rows": {"planned": SONGS}, "stated": expected,
    }  # fmt: skip
    capsys.readouterr()
    _report(batch, as_json=True)
    assert json.loads(capsys.readouterr().out)["stated"] == expected
    _report(batch, as_json=False, rows=True)
    said = " ".join(capsys.readouterr().out.split())
    assert all(" ".join(sentence.split()) in said for sentence in stated(batch.rows.all()).sentences)


@pytest.mark.parametrize(("setting", "kind"), [("write_fills", "fill"), ("write_corrections", "correction")])
def test_a_kind_that_is_switched_off_is_not_planned(library, setting, kind):
    change({setting: False})
    assert set(kinds(planned(library)).values()) == {"fill", "correction", "person"} - {kind}


def test_translations_are_planned_where_they_are_switched_on_and_leave_other_tags(library):
    change({"write_translations": True, "write_corrections": False})
    library.plex.ask("PUT", "tracks/1003/genres", {"genres": ["rock", "Soundtrack"], "locked": False})
    library.plex.ask("PUT", "tracks/1004/genres", {"genres": ["Soundtrack"], "locked": False})
    library.finish(start_sync(["Music"], full=True))
    batch = planned(library)
    row = batch.rows.get(rating_key="1003")
    assert (row.kind, row.source, row.confidence) == ("translation", "tags", None)
    assert row.after_genres == ["Pop_Rock", "Soundtrack"]
    assert "1004" not in kinds(batch)
    library.finish(start_push(batch))
    assert library.plex.state(1003) == (["Pop_Rock", "Soundtrack"], True)


def test_a_translation_is_not_written_once_its_tag_stands_for_something_else(library):
    change({"write_translations": True, "write_corrections": False})
    library.plex.ask("PUT", "tracks/1003/genres", {"genres": ["bop music"], "locked": False})
    alias = Alias.objects.create(spelling="Bop music", genre=Genre.objects.get(name="Jazz"))
    library.finish(start_sync(["Music"], full=True))
    batch = planned(library)
    assert batch.rows.get(rating_key="1003").kind == "translation"
    alias.genre = Genre.objects.get(name="Blues")
    alias.save()
    library.finish(start_push(batch))
    row = batch.rows.get(rating_key="1003")
    assert (row.state, "stand for" in row.message) == ("failed", True)
    assert library.plex.state(1003)[0] == ["bop music"]


def test_a_song_whose_tags_have_changed_since_the_sync_was_decided_with_others_and_is_left_alone(library):
    library.plex.ask("PUT", "tracks/1003/genres", {"genres": ["Blues"], "locked": False})
    run = library.finish(start_plan(min_confidence=0.7))
    assert run.songs.get(track__rating_key="1003").message == TAGS_CHANGED
    library.finish(start_sync(["Music"], full=True))
    assert kinds(planned(library))["1003"] == "correction"


def test_songs_of_another_model_are_left_alone_and_counted(library):
    library.inference.unknown_heads = ("genre_test/1",)
    run = library.finish(start_plan(min_confidence=0.7))
    assert set(kinds(run.batch).values()) == {"person"}
    assert f"{SONGS - 1} songs were left alone" in run.message
    assert "`reclass classify`" in run.message


def test_a_song_that_was_classified_and_not_decided_is_left_alone_with_the_reason(library):
    Prediction.objects.filter(track__rating_key="1003").update(sound=b"")
    run = library.finish(start_plan(min_confidence=0.7))
    assert run.songs.get(state=RunSong.State.SKIPPED).message == UNDECIDED


def test_a_dry_run_decides_anew_what_has_changed_and_nothing_else(library):
    planned(library)
    assert len(library.inference.decide_options) == 1
    planned(library)
    assert len(library.inference.decide_options) == 1
    classify_all(Track.objects.exclude(file=""), "Blues", "genre_test/2")
    batch = planned(library)
    assert batch.rows.get(rating_key="1003").after_genres == ["Blues"]


def test_a_batch_is_applied_while_inference_is_away_where_nothing_has_changed(library):
    batch = planned(library)
    library.inference.ready = False
    library.finish(start_push(batch))
    assert library.plex.state(1003) == (["Jazz"], True)


def test_a_songs_page_shows_what_its_genre_rests_on_and_the_list_filters_by_kind(library, admin_client):
    planned(library)
    song = Track.objects.get(rating_key="1003")
    page = admin_client.get(f"/admin/library/track/{song.pk}/change/").content.decode()
    for words in ("Sound alone", "With its tags", ">90 %<", "Correction", "is right: 4 %"):
        assert words in page
    for kind, count in (("fill", 1), ("correction", SONGS - 1), ("none", 0)):
        found = admin_client.get("/admin/library/track/", {"write_kind": kind}).context["cl"]
        assert found.result_count == count, kind
    Decision.objects.all().delete()
    assert "Sound alone" not in admin_client.get(f"/admin/library/track/{song.pk}/change/").content.decode()


def test_a_song_that_a_person_says_is_of_none_of_our_genres_is_left_alone(library):
    song = Track.objects.get(rating_key="1003")
    Judgement.objects.create(track=song, genres=[], kind="disagreement", stratum="from 0.85")
    batch = planned(library)
    assert "1003" not in kinds(batch)
    assert RunSong.objects.get(run__batch=batch, track=song).message == NONE_IS_RIGHT


def test_nor_is_its_tag_translated(library):
    change({"write_translations": True, "write_corrections": False})
    song = Track.objects.get(rating_key="1003")
    Judgement.objects.create(track=song, genres=[], kind="disagreement", stratum="from 0.85")
    retired = Track.objects.get(rating_key="1004")
    set_by_hand(retired, "Blues")
    Genre.objects.filter(name="Blues").update(retired=True)
    batch = planned(library)
    assert {"1003", "1004"} & set(kinds(batch)) == set()
    assert kinds(batch)["1005"] == "translation"
    assert RunSong.objects.get(run__batch=batch, track=song).message == NONE_IS_RIGHT
