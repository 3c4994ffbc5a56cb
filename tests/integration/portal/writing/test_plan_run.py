"""The dry run: which songs it plans, and which it leaves alone."""

import pytest
from portal.genres.models import Genre, IgnoredTag
from portal.ledger.exclusion import exclude
from portal.ledger.models import WriteBatch
from portal.library.models import InPlex, Track
from portal.orchestration import engine
from portal.orchestration.start import (
    CannotStart,
    start_plan,
    start_push,
)
from portal.runs.models import Run, RunSong
from portal.runs.work import RunInterruptedError, RunJob
from portal.verdicts.models import Override, Prediction
from portal.writing.plan_run import Planning
from portal.writing.policy import RANDOM_WEIGHTS, objection
from portal.writing.write_runs import EXCLUDED_SINCE
from write_batches import (
    SONGS,
    classified,
    classify_all,
    planned,
    set_by_hand,
    unknown_tags,
)


def test_songs_whose_tags_stand_for_the_genre_already_are_left_alone(portal):
    classified(portal, genre="Pop_Rock")
    run = portal.finish(start_plan(min_confidence=0.7))
    assert (run.state, run.batch, run.result) == (Run.State.DONE, None, {})
    assert not WriteBatch.objects.exists()


def test_a_persons_word_is_written_whatever_the_ai_says_and_songs_of_low_confidence_are_not(portal):
    classified(portal, confidence=0.5)
    song = Track.objects.get(rating_key="1004")
    Override.objects.create(track=song, genre=Genre.objects.get(name="Folk"))
    batch = planned(portal)
    row = batch.rows.get()
    assert (row.track, row.after_genres, row.source, row.confidence) == (song, ["Folk"], "person", None)


def test_an_excluded_song_is_neither_planned_nor_written(portal):
    classified(portal)
    Track.objects.filter(rating_key="1001").update(in_plex=InPlex.EXCLUDED)
    batch = planned(portal)
    assert not batch.rows.filter(rating_key="1001").exists()
    Track.objects.filter(rating_key="1002").update(in_plex=InPlex.EXCLUDED)
    portal.finish(start_push(batch))
    assert batch.rows.get(rating_key="1002").message == EXCLUDED_SINCE
    assert portal.plex.state(1002) == (["Rock", "Pop", "Soundtrack"], False)


def test_a_persons_word_for_a_genre_that_is_retired_is_not_replaced_by_the_ais(portal):
    classified(portal)
    song = Track.objects.get(rating_key="1001")
    set_by_hand(song)
    Genre.objects.filter(name="Folk").update(retired=True)
    run = portal.finish(start_plan([song.pk], min_confidence=0.7))
    assert run.batch is None
    assert "A person has set “Folk”, which is retired" in run.songs.get().message


def test_a_song_whose_tag_the_model_has_not_learned_is_left_to_people(portal):
    portal.plex.ask("PUT", "tracks/1001/genres", {"genres": ["K-Pop"], "locked": False})
    portal.plex.ask("PUT", "tracks/1002/genres", {"genres": ["K-Pop"], "locked": False})
    classified(portal)
    song = Track.objects.get(rating_key="1002")
    Override.objects.create(track=song, genre=Genre.objects.get(name="Folk"))
    run = portal.finish(start_plan(min_confidence=0.7))
    batch = run.batch
    assert not batch.rows.filter(rating_key="1001").exists()
    assert batch.rows.get(rating_key="1002").after_genres == ["Folk"]
    left = run.songs.get(state=RunSong.State.SKIPPED)
    assert left.message == objection(["K-Pop"], {"kpop": 1}, {1: "K-Pop"})


def test_a_song_of_whose_tags_none_is_known_is_left_to_people_and_the_dry_run_names_the_tags(
    portal, admin_client
):
    unknown_tags(portal)
    run = portal.finish(start_plan(min_confidence=0.7))
    batch = run.batch
    written = set(batch.rows.values_list("rating_key", flat=True))
    assert {"1001", "1002"} & written == set()
    assert {"1003", "1004"} <= written
    left = run.songs.get(track__rating_key="1001")
    assert left.message == objection(["Classical"], {}, {})
    assert (
        "2 songs were left alone because nobody has said what their tags stand for: Classical (2), Disco (1). "
        "Say it on the page Unknown tags." in run.message
    )
    page = admin_client.get(f"/admin/ledger/writebatch/{batch.pk}/change/").content.decode()
    assert "<td>Classical</td>" in page
    assert "/admin/genres/alias/unmapped/" in page


def test_a_song_whose_tags_are_ignored_counts_as_untagged(portal):
    unknown_tags(portal)
    IgnoredTag.objects.create(tag="classical")
    written = set(planned(portal).rows.values_list("rating_key", flat=True))
    assert "1001" in written
    assert "1002" not in written


def test_selected_songs_and_songs_that_we_wrote_once_are_held_to_their_own_tags(portal):
    unknown_tags(portal)
    IgnoredTag.objects.create(tag="Classical")
    chosen = list(Track.objects.filter(rating_key="1001").values_list("pk", flat=True))
    portal.finish(start_push(planned(portal, track_ids=chosen)))
    assert portal.plex.state(1001) == (["Jazz"], True)
    IgnoredTag.objects.all().delete()
    classify_all(Track.objects.exclude(file=""), "Blues", "genre_test/2")
    run = portal.finish(start_plan(chosen, min_confidence=0.7))
    assert "1 song was left alone" in run.message
    assert run.unknown_tags.first().tag == "Classical"


def by_random_weights(portal):
    """Songs that a model for trials has classified, one of them beside a person's word."""
    classified(portal)
    Prediction.objects.update(random_weights=True)
    song = Track.objects.get(rating_key="1004")
    Override.objects.create(track=song, genre=Genre.objects.get(name="Folk"))


def test_what_random_weights_decided_is_in_no_plan_unless_it_is_asked_for_by_name(portal, admin_client):
    by_random_weights(portal)
    run = portal.finish(start_plan(min_confidence=0.7))
    assert "11 songs were left alone because random weights decided their genre" in run.message
    batch = run.batch
    assert batch.rows.get().rating_key == "1004"

    run = portal.finish(start_plan(min_confidence=0.7, random_weights=True))
    batch = run.batch
    assert batch.rows.filter(random_weights=True).count() == 11
    page = admin_client.get(f"/admin/ledger/writebatch/{batch.pk}/change/").content.decode()
    assert "a model for trials decided the genre of 11 songs of this batch" in page
    with pytest.raises(CannotStart, match="Random weights decided the genres of 11 songs"):
        start_push(batch)
    sure = admin_client.post(f"/admin/ledger/writebatch/{batch.pk}/change/", {"apply": ""}).content.decode()
    assert 'name="random_weights"' in sure
    portal.finish(start_push(batch, random_weights=True))
    assert portal.plex.state(1001) == (["Jazz"], True)


def test_the_head_that_serves_tells_random_weights_where_a_verdict_bears_no_mark(portal):
    classified(portal)
    portal.inference.model = "genre_test/1"
    portal.inference.feature_versions = ("test/1", "mert-v1-95m/0;layer=2;weights=trial;excerpt=middle-30s")
    run = portal.finish(start_plan(min_confidence=0.7))
    assert run.songs.filter(message=RANDOM_WEIGHTS).count() == 12


def planning(portal):
    """A dry run in the middle of its only chunk."""
    run = start_plan(min_confidence=0.7)
    engine.begin(run.pk, portal.equipment())
    run.refresh_from_db()
    equipment = portal.equipment()
    job = RunJob(
        run=run, services=equipment.services, settings=equipment.settings, stopping=equipment.stopping
    )
    ids = list(run.songs.order_by("pk").values_list("track_id", flat=True))
    outcomes = Planning().work(job, ids)
    next(outcomes)
    return run, ids, outcomes


def test_a_song_that_is_excluded_while_the_dry_run_is_at_it_stays_excluded(portal):
    classified(portal)
    run, ids, outcomes = planning(portal)
    exclude(ids[-1:])
    assert len(list(outcomes)) == SONGS - 1
    assert run.batch.rows.count() == SONGS - 1
    assert Track.objects.get(pk=ids[-1]).in_plex == InPlex.EXCLUDED


def test_a_plan_that_was_put_away_takes_no_more_songs(portal):
    classified(portal)
    run, _, outcomes = planning(portal)
    engine.fail(run.pk, "Another job of this run met the end of the world.")
    with pytest.raises(RunInterruptedError):
        next(outcomes)
    batch = run.batch
    assert (batch.state, batch.rows.count()) == (WriteBatch.State.DISCARDED, 1)
    assert not Track.objects.filter(in_plex=InPlex.PLANNED).exists()
