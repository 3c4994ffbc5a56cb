"""A training first has the vectors made that labelled songs lack, and says how many and how long."""

import io

import pytest
from portal.commands.songs.learning import show_readiness
from portal.commands.terminal import Terminal
from portal.configuration import PortalSettings
from portal.library.models import Track
from portal.orchestration.start import (
    CannotStart,
    start_extract,
    start_sync,
    start_train,
    start_training,
    stop,
)
from portal.runs.models import Run
from portal.teaching.results import enough
from portal.training.preparing import Lacking, lacking_now
from stand_in_services import TooShortError


@pytest.fixture
def labelled(portal, monkeypatch):
    """A portal with twelve labelled songs, none analysed; its pages reach features as its worker does."""
    monkeypatch.setenv("PORTAL_FEATURES_TARGET", portal.target)
    assert PortalSettings.load().features_target == portal.target
    portal.finish(start_sync(["Music"]))
    return portal


def trained_after(portal, run: Run) -> Run:
    portal.finish(run)
    return portal.finish(run.followed_by)


def test_the_songs_that_lack_vectors_are_counted_analysed_and_then_learned_from(labelled):
    lacking = lacking_now()
    assert len(lacking.track_ids) == 12
    assert "12 labelled songs lack vectors." in str(lacking)
    assert "not known yet" in str(lacking)

    run = start_training(lacking)
    assert run.kind == Run.Kind.EXTRACT
    training = trained_after(labelled, run)

    assert (training.kind, training.state) == (Run.Kind.TRAIN, Run.State.DONE)
    assert len(labelled.features.extracted) == 12
    assert len(labelled.inference.taught) == 12
    assert training.request_id == run.request_id
    assert lacking_now().track_ids == ()


def test_how_long_it_takes_is_estimated_by_the_last_extraction(labelled):
    run = labelled.finish(start_extract())
    labelled.features.versions = dict.fromkeys(labelled.features.versions, "test/2")
    each = (run.finished_time - run.started_time).total_seconds() / 12

    lacking = lacking_now()

    assert lacking.seconds == pytest.approx(12 * each)
    assert "It takes about 0:00:" in str(lacking)


def test_songs_without_a_label_are_not_analysed_for_a_training(labelled):
    unlabelled = Track.objects.filter(rating_key="1001")
    unlabelled.update(tag_genre=None)
    assert set(lacking_now().track_ids) == set(
        Track.objects.exclude(rating_key="1001").exclude(file="").values_list("pk", flat=True)
    )


def test_as_is_learns_at_once_from_what_is_there(labelled):
    some = list(Track.objects.exclude(file="").values_list("pk", flat=True)[:8])
    labelled.finish(start_extract(track_ids=some))

    run = start_training(Lacking())

    assert labelled.finish(run).kind == Run.Kind.TRAIN
    assert len(labelled.inference.taught) == 8


def test_a_song_that_cannot_be_analysed_is_no_reason_not_to_learn_from_the_others(labelled):
    labelled.features.faults["1003"] = [TooShortError("2 s are too short")]
    training = trained_after(labelled, start_training())
    assert training.state == Run.State.DONE
    assert len(labelled.inference.taught) == 11


def test_the_button_does_the_same(labelled, admin_client):
    admin_client.post("/admin/runs/run/start/train/")
    run = Run.objects.get(kind=Run.Kind.EXTRACT)
    assert trained_after(labelled, run).kind == Run.Kind.TRAIN


def test_whoever_stops_the_extraction_wants_no_training(labelled):
    run = start_training()
    stop(run)
    labelled.work_off()
    run.refresh_from_db()
    assert run.state == Run.State.STOPPED
    assert not Run.objects.filter(kind=Run.Kind.TRAIN).exists()


def test_while_songs_are_analysed_anyway_it_is_refused_with_the_way_out(labelled):
    start_extract()
    with pytest.raises(CannotStart, match=r"already running.*reclass train --as-is"):
        start_training()


def test_a_training_in_progress_is_not_followed_by_another(labelled):
    start_train()
    with pytest.raises(CannotStart, match="A training is already running"):
        start_training()
    assert not Run.objects.filter(kind=Run.Kind.EXTRACT).exists()


def test_where_features_does_not_answer_the_training_itself_says_so(labelled, monkeypatch, unused_port):
    monkeypatch.setenv("PORTAL_FEATURES_TARGET", f"127.0.0.1:{unused_port}")
    monkeypatch.setattr("portal.training.preparing.TIMEOUT_SECONDS", 0.3)
    assert lacking_now() == Lacking()


def test_the_table_says_of_a_genre_with_few_songs_that_more_are_better(labelled):
    trained_after(labelled, start_training())
    output = io.StringIO()
    show_readiness(Terminal(file=output, width=250))
    assert enough(12) not in output.getvalue(), "one artist: it cannot be learned at all"
    Track.objects.update(artist="x")
    for number, track in enumerate(Track.objects.all()):
        Track.objects.filter(pk=track.pk).update(artist=f"Artist {number}")
    output = io.StringIO()
    show_readiness(Terminal(file=output, width=250))
    assert enough(12) in output.getvalue()
