"""What is planned is not written where another word holds since."""

import pytest
from portal.decisions.queue import STRATA
from portal.genres.models import Genre, IgnoredTag
from portal.ledger.exclusion import exclude
from portal.ledger.models import WriteRow
from portal.library.models import Analysis, InPlex, Track
from portal.orchestration.start import start_plan, start_push
from portal.preferences.changing import change
from portal.verdicts.models import Decision, Judgement, Prediction
from portal.verdicts.overrides import clear_override
from portal.writing.overtaken import older_than_judgements, spoken_against
from portal.writing.policy import NONE_IS_RIGHT, objection
from songs import add_prediction
from write_batches import (
    SONGS,
    classified,
    in_plex,
    planned,
    row_states,
    set_by_hand,
    unknown_tags,
)


def classified_anew(song, genre="Jazz", confidence=0.9):
    Prediction.objects.filter(track=song).update(current=False)
    add_prediction(song, Genre.objects.get(name=genre), confidence, model_version="genre_test/2")


def judged_as_none(song):
    Judgement.objects.create(track=song, genres=[], kind="disagreement", stratum=STRATA[0])


OVERTAKEN = {
    "another one by hand": (None, set_by_hand, "“Folk” was set by hand since the dry run"),
    "taken back": (set_by_hand, lambda song: clear_override([song.pk]), "set by hand was taken back since"),
    "another one instead": (set_by_hand, lambda song: set_by_hand(song, "Blues"), "“Blues” was set by hand since"),
    "retired": (
        None, lambda song: Genre.objects.filter(name="Jazz").update(retired=True), "“Jazz” was retired or renamed",
    ),
    "renamed": (
        set_by_hand, lambda song: Genre.objects.filter(name="Folk").update(name="Folk songs"), "retired or renamed",
    ),
    "classified as another": (
        None, lambda song: classified_anew(song, "Blues"), "decided anew since the dry run, as Blues",
    ),
    "less sure": (None, lambda song: classified_anew(song, confidence=0.6), "not sure enough any more"),
    "out of fold, before outcomes were kept": (
        None, lambda song: song.predictions.update(outcome="", out_of_fold=True), "not sure enough any more",
    ),
    "out of fold, and unlike the training": (
        None, lambda song: song.predictions.update(outcome=Analysis.OUT_OF_DISTRIBUTION), "not sure enough any more",
    ),
    "judged as none of ours": (None, judged_as_none, NONE_IS_RIGHT),
    "no stage was sure": (
        None,
        lambda song: Track.objects.filter(pk=song.pk).update(analysis=Analysis.PROVISIONAL),
        "not sure enough any more",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("first", "then", "said"), OVERTAKEN.values(), ids=OVERTAKEN)
def test_a_word_that_was_overtaken_since_the_dry_run_is_not_written(portal, first, then, said):
    classified(portal)
    song = Track.objects.get(rating_key="1001")
    if first:
        first(song)
    batch = planned(portal, track_ids=[song.pk])
    then(song)
    portal.finish(start_push(batch))
    row = batch.rows.get()
    assert (row.state, row.attempted_time) == (WriteRow.State.FAILED, None)
    assert said in row.message
    assert portal.plex.edits()[-1:] == []
    song.refresh_from_db()
    assert song.in_plex == InPlex.UNTOUCHED


@pytest.mark.parametrize("kind", ["fill", "correction"])
def test_a_kind_of_write_that_was_switched_off_since_the_dry_run_is_not_made(portal, kind):
    classified(portal)
    batch = planned(portal)
    last = batch.rows.last()
    batch.rows.exclude(pk=last.pk).update(kind=kind)
    batch.rows.filter(pk=last.pk).update(kind="fill" if kind == "correction" else "correction")
    by_hand = batch.rows.filter(kind=kind).first().track
    others = batch.rows.exclude(kind=kind)
    set_by_hand(by_hand, "Jazz")
    change({f"write_{kind}s": False})
    portal.finish(start_push(batch))
    left = batch.rows.filter(kind=kind).exclude(track=by_hand)
    assert {(row.state, f"write_{kind}s" in row.message) for row in left} == {(WriteRow.State.FAILED, True)}
    assert not others.filter(message__contains="switched off").exists()
    assert batch.rows.get(track=by_hand).state == WriteRow.State.WRITTEN


def test_a_translation_is_not_made_once_translations_are_switched_off(portal):
    change({"write_translations": True, "write_fills": False, "write_corrections": False})
    classified(portal)
    agreed = Track.objects.get(rating_key="1001")
    set_by_hand(agreed, "Pop_Rock")  # as its tags say already
    batch = planned(portal)
    assert {row.kind for row in batch.rows.all()} == {"translation"}
    assert batch.rows.filter(track=agreed).exists()
    change({"write_translations": False})
    portal.finish(start_push(batch))
    assert row_states(batch) == {WriteRow.State.FAILED}


def test_no_translation_is_made_against_a_persons_word_that_was_given_since_the_dry_run(portal):
    change({"write_translations": True, "write_fills": False, "write_corrections": False})
    classified(portal)
    none, other, same = (Track.objects.get(rating_key=key) for key in ("1001", "1002", "1003"))
    batch = planned(portal, track_ids=[none.pk, other.pk, same.pk])
    assert {row.kind for row in batch.rows.all()} == {"translation"}
    judged_as_none(none)
    set_by_hand(other, "Folk")
    set_by_hand(same, "Pop_Rock")
    portal.finish(start_push(batch))
    messages = dict(batch.rows.values_list("rating_key", "message"))
    assert (messages["1001"], "“Folk” was set by hand" in messages["1002"]) == (NONE_IS_RIGHT, True)
    written = batch.rows.filter(state=WriteRow.State.WRITTEN)
    assert set(written.values_list("rating_key", flat=True)) == {"1003"}


def test_what_people_judged_since_the_dry_run_is_for_the_next_one_and_the_batch_says_so(portal, admin_client):
    classified(portal)
    batch = planned(portal)
    page = f"/admin/ledger/writebatch/{batch.pk}/change/"
    assert "data-older" not in admin_client.get(page).content.decode()
    for song in Track.objects.exclude(writes__batch=batch)[:2]:
        Judgement.objects.create(track=song, genres=[], kind="disagreement", stratum=STRATA[0], act="at once")
    assert older_than_judgements(batch).startswith("1 judgement was given since")
    assert "data-older" in admin_client.get(page).content.decode()
    assert "data-older" in admin_client.get(page + "?step=apply").content.decode()
    asked = len(portal.inference.decide_options)
    portal.finish(start_push(batch))
    assert len(portal.inference.decide_options) == asked
    assert row_states(batch) == {WriteRow.State.WRITTEN}
    batch.refresh_from_db()
    assert older_than_judgements(batch) == ""


@pytest.mark.parametrize(("confidence", "state"), [(0.75, "written"), (0.69, "failed")])
def test_a_song_decided_anew_less_surely_is_written_as_long_as_it_reaches_what_the_plan_asks_for(
    portal, confidence, state
):
    classified(portal)
    song = Track.objects.get(rating_key="1001")
    batch = planned(portal, track_ids=[song.pk])
    classified_anew(song, confidence=confidence)
    portal.finish(start_push(batch))
    row = batch.rows.get()
    assert (row.confidence, row.state) == (pytest.approx(0.9), state)


def test_what_people_have_said_against_a_plan_since_is_not_counted_as_to_be_written(
    portal, admin_client, django_assert_num_queries
):
    classified(portal)
    kept, cleared, changed, against, none, excluded, same = Track.objects.order_by("rating_key")[:7]
    for song in (kept, cleared, changed):
        set_by_hand(song)
    batch = planned(portal)
    page = f"/admin/ledger/writebatch/{batch.pk}/change/"
    assert "data-spoken-against" not in admin_client.get(page).content.decode()
    assert f"The genres of {SONGS} songs" in admin_client.get(page + "?step=apply").content.decode()
    clear_override([cleared.pk])
    set_by_hand(changed, "Blues")
    set_by_hand(against, "Blues")
    judged_as_none(none)
    exclude([excluded.pk])
    set_by_hand(same, "Jazz")
    with django_assert_num_queries(1):
        assert spoken_against(batch).startswith("5 songs are left alone")
    assert "data-spoken-against" in admin_client.get(page).content.decode()
    asked = admin_client.get(page + "?step=apply").content.decode()
    assert f"The genres of {SONGS - 5} songs" in asked
    assert "data-spoken-against" in asked
    portal.finish(start_push(batch))
    batch.refresh_from_db()
    assert batch.rows.filter(state=WriteRow.State.WRITTEN).count() == SONGS - 5
    assert spoken_against(batch) == ""


def test_a_song_that_the_model_gives_a_genre_out_of_use_is_not_said_to_be_of_another_model(
    portal, admin_client
):
    classified(portal)
    Genre.objects.filter(name="Jazz").update(name="Jazz and more")
    run = portal.finish(start_plan(min_confidence=0.5))
    assert set(run.result["genres_out_of_use"]) == {"Jazz"}
    assert "of_another_model" not in run.result
    assert "Jazz" in run.message
    song = Decision.objects.filter(genre=None).exclude(parts=[]).first().track
    assert "data-out-of-use" in admin_client.get(f"/admin/library/track/{song.pk}/change/").content.decode()


def test_the_same_word_said_again_since_the_dry_run_is_written(portal):
    classified(portal)
    song = Track.objects.get(rating_key="1001")
    batch = planned(portal, track_ids=[song.pk])
    set_by_hand(song, "Jazz")
    portal.finish(start_push(batch))
    assert portal.plex.state(1001) == (["Jazz"], True)


def test_a_plan_of_before_a_tag_was_used_again_does_not_write_it(portal):
    unknown_tags(portal)
    IgnoredTag.objects.create(tag="Classical")
    batch = planned(portal)
    IgnoredTag.objects.all().delete()
    portal.finish(start_push(batch))
    row = batch.rows.get(rating_key="1001")
    assert (row.state, row.track.in_plex) == (WriteRow.State.FAILED, InPlex.UNTOUCHED)
    assert row.message == objection(["Classical"], {}, {})
    assert portal.plex.state(1001) == (["Classical"], False)
    assert portal.plex.state(1004) == (["Folk"], True)


def test_a_plan_of_before_there_was_the_mark_writes_nothing_that_random_weights_decided(portal):
    classified(portal)
    batch = planned(portal)
    Prediction.objects.update(random_weights=True)
    Track.objects.filter(rating_key="1002").update(analysis=Analysis.OUT_OF_DISTRIBUTION)
    before = in_plex(portal)
    portal.finish(start_push(batch))
    assert in_plex(portal) == before
    assert row_states(batch) == {WriteRow.State.FAILED}
    assert "its genre is a guess" in batch.rows.get(rating_key="1002").message
