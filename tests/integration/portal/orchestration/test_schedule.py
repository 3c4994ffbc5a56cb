"""What happens by itself: when, after what, and what it never does. The clock is an argument."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone
from portal.library.models import Analysis, InPlex, Library, Track
from portal.orchestration import schedule
from portal.orchestration.start import start_classify, start_plan, start_push, start_sync
from portal.preferences.changing import change
from portal.preferences.current import preferences
from portal.preferences.models import ChangedSetting
from portal.remote.sync import SyncClient
from portal.runs.models import Run
from portal.verdicts.models import Decision, Judgement
from runtime.testing import connected
from stand_in_services import TooShortError
from sync.connection import Connection, Parts
from sync.library import PlexMusic
from sync.plex import Plex
from sync.servicer import SERVICE_NAME, SyncServicer
from waiting import until

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
NEW_KEY = 1900


def look(portal, now: datetime | None = None) -> Run | None:
    """Let the schedule look once; the run that it has started."""
    before = set(Run.objects.values_list("pk", flat=True))
    schedule.keep(now or timezone.now(), portal.services)
    return Run.objects.exclude(pk__in=before).first()


def keep(portal, now: datetime | None = None) -> Run | None:
    """The same, and once more after it has decided what was out of date."""
    run = look(portal, now)
    if run is None or run.kind != Run.Kind.DECIDE:
        return run
    assert portal.finish(run).state == Run.State.DONE
    return look(portal, now)


def keep_and_finish(portal, now: datetime | None = None) -> Run:
    # On a busy machine a service may take too long to answer; then the schedule waits, and looks again.
    run = until(lambda: keep(portal, now))
    assert run.is_scheduled
    finished = portal.finish(run)
    assert finished.state == Run.State.DONE, finished.message
    return finished


def synced(portal) -> Run:
    return portal.finish(start_sync(["Music"]))


def settled(portal) -> None:
    """A library that a person has read and classified, so nothing is new."""
    synced(portal)
    portal.finish(start_classify())
    assert keep(portal) is None


def tomorrow() -> datetime:
    return timezone.now() + 24 * HOUR


def add_song(portal, key: int = NEW_KEY) -> None:
    """A song more in Plex, which the stand-in forgets again at its next reset."""
    track = {
        "rating_key": key,
        "title": f"New {key}",
        "file": "/music/new.mp3",
        "artist": "New",
        "genres": ["Rock"],
    }
    portal.plex.ask("POST", "tracks", {"library_key": 2, "tracks": [track]})


def test_the_first_sync_is_a_persons_and_the_next_is_due_after_the_set_hours(portal):
    change({"plex_libraries": ["Music"]})
    assert keep(portal, tomorrow()) is None
    settled(portal)
    last = Library.objects.get(title="Music").last_synced
    assert schedule.next_sync_time(preferences()) == last + 24 * HOUR
    assert keep(portal, last + 24 * HOUR - timedelta(seconds=1)) is None
    assert keep_and_finish(portal, last + 24 * HOUR).kind == Run.Kind.SYNC


def test_another_interval_counts_at_once_and_switched_off_nothing_is_synced(portal):
    settled(portal)
    in_two_hours = timezone.now() + 2 * HOUR
    assert keep(portal, in_two_hours) is None
    change({"sync_every_hours": 2})
    change({"sync_automatically": False})
    assert keep(portal, in_two_hours) is None
    change({"sync_automatically": True})
    assert keep_and_finish(portal, in_two_hours).kind == Run.Kind.SYNC


def test_a_sync_that_fell_due_while_the_system_was_down_is_made_up_for_once(portal):
    settled(portal)
    assert keep_and_finish(portal, timezone.now() + timedelta(days=9)).kind == Run.Kind.SYNC
    assert keep(portal) is None


def put_clock_back(by: timedelta) -> None:
    """As if all that is known had been done by a clock that was ahead until now."""
    for times in (
        Library.objects.filter(last_synced__isnull=False),
        Run.objects.filter(finished_time__isnull=False),
    ):
        for each in times:
            names = ("last_synced",) if isinstance(each, Library) else ("created_time", "finished_time")
            type(each).objects.filter(pk=each.pk).update(**{name: getattr(each, name) + by for name in names})


def test_after_a_clock_that_was_years_ahead_songs_are_synced_and_classified_as_before(portal):
    """Else nothing would be due, and no sync the latest, until those years are over."""
    settled(portal)
    put_clock_back(timedelta(days=3000))
    add_song(portal)
    assert keep_and_finish(portal).kind == Run.Kind.SYNC
    classified = keep_and_finish(portal)
    assert classified.kind == Run.Kind.CLASSIFY
    new = Track.objects.get(rating_key=str(NEW_KEY))
    assert classified.arguments["track_ids"] == [new.pk]
    assert keep(portal) is None


def test_a_clock_that_is_some_seconds_behind_another_machines_makes_nothing_due(portal):
    settled(portal)
    put_clock_back(timedelta(minutes=5))
    assert keep(portal) is None


def test_a_sync_that_failed_is_tried_again_after_an_hour_and_not_every_minute(portal):
    settled(portal)
    portal.plex.fail(kind="status", status=401, times=-1)
    due = tomorrow()
    failed = keep(portal, due)
    assert failed is not None
    assert portal.finish(failed).state == Run.State.FAILED
    Run.objects.filter(kind=Run.Kind.SYNC, state=Run.State.FAILED).update(created_time=due)
    portal.plex.ask("DELETE", "faults")
    assert keep(portal, due + timedelta(minutes=59)) is None
    keep_and_finish(portal, due + HOUR)


def test_without_a_plex_connection_nothing_is_started_and_nothing_fails(portal):
    settled(portal)
    nowhere = Connection(Parts(), None)
    music = PlexMusic(Plex(nowhere.address))
    with connected({SERVICE_NAME: SyncServicer(music, nowhere).register}) as channel:
        alone = replace(portal, services=replace(portal.services, sync=SyncClient(channel)))
        assert keep(alone, tomorrow()) is None
    music.close()
    assert not Run.objects.filter(state=Run.State.FAILED).exists()


def test_without_the_sync_service_the_schedule_waits(portal, unused_port):
    from runtime.channel import open_channel

    settled(portal)
    channel = open_channel(f"127.0.0.1:{unused_port}", patient=False)
    alone = replace(portal, services=replace(portal.services, sync=SyncClient(channel)))
    assert keep(alone, tomorrow()) is None
    channel.close()


def test_nothing_is_started_beside_a_run_that_is_at_work(portal):
    settled(portal)
    persons = start_classify()
    assert keep(portal, tomorrow()) is None
    portal.finish(persons)
    assert keep(portal, tomorrow()) is not None
    assert keep(portal, tomorrow()) is None


def test_new_songs_of_a_sync_are_classified_and_no_others(portal):
    settled(portal)
    # A person has left this one unheard.
    Track.objects.filter(rating_key="1001").update(analysis=Analysis.PENDING)
    add_song(portal)
    keep_and_finish(portal, tomorrow())
    run = keep_and_finish(portal)
    new = Track.objects.get(rating_key=str(NEW_KEY))
    assert (run.kind, run.arguments["track_ids"]) == (Run.Kind.CLASSIFY, [new.pk])
    assert new.analysis == Analysis.CLASSIFIED
    assert keep(portal) is None


def test_while_no_model_is_trained_new_songs_are_analysed(portal):
    settled(portal)
    portal.inference.ready = False
    add_song(portal)
    keep_and_finish(portal, tomorrow())
    run = keep_and_finish(portal)
    assert (run.kind, run.done_count) == (Run.Kind.EXTRACT, 1)


def test_switched_off_nothing_is_classified_until_it_is_switched_on(portal):
    settled(portal)
    change({"classify_automatically": False})
    add_song(portal)
    keep_and_finish(portal, tomorrow())
    assert keep(portal) is None
    change({"classify_automatically": True})
    assert keep_and_finish(portal).kind == Run.Kind.CLASSIFY


def test_a_sync_without_new_songs_is_followed_by_nothing(portal):
    settled(portal)
    keep_and_finish(portal, tomorrow())
    assert keep(portal) is None


def test_after_a_persons_sync_the_next_step_is_theirs_for_a_while(portal):
    synced(portal)
    assert keep(portal) is None
    later = timezone.now() + schedule.LEAVE_TO_PERSON
    assert keep_and_finish(portal, later).kind == Run.Kind.CLASSIFY


def test_a_person_who_went_on_from_their_sync_is_not_helped_along(portal):
    synced(portal)
    persons = start_classify(track_ids=[Track.objects.order_by("pk").first().pk])
    portal.finish(persons)
    assert keep(portal, timezone.now() + schedule.LEAVE_TO_PERSON) is None
    assert Track.objects.filter(analysis=Analysis.PENDING).exists()


@pytest.fixture
def writing(portal):
    """A portal that writes by itself: its owner has applied a batch and switched it on."""
    settled(portal)
    plan = portal.finish(start_plan(min_confidence=0.7))
    portal.finish(start_push(plan.batch))
    change({"write_automatically": True}, may_write=True)
    assert keep(portal) is None
    return portal


def new_songs_classified(portal) -> None:
    keep_and_finish(portal, tomorrow())
    assert keep_and_finish(portal).kind == Run.Kind.CLASSIFY


def test_new_songs_are_planned_at_the_set_confidence_and_written(writing):
    change({"write_confidence": 0.85})
    add_song(writing)
    new_songs_classified(writing)
    plan = keep_and_finish(writing)
    assert (plan.kind, plan.batch.min_confidence) == (
        Run.Kind.PLAN,
        0.85,
    )
    assert keep_and_finish(writing).kind == Run.Kind.PUSH
    assert writing.plex.state(NEW_KEY) == (["Jazz"], True)
    batch = plan.batch
    assert [row.track.rating_key for row in batch.rows.all()] == [str(NEW_KEY)]
    assert keep(writing) is None


def test_what_is_not_sure_enough_is_not_written(writing):
    change({"write_confidence": 0.95})
    add_song(writing)
    new_songs_classified(writing)
    assert keep_and_finish(writing).batch is None
    assert keep(writing) is None
    assert writing.plex.state(NEW_KEY) == (["Rock"], False)


def test_excluded_songs_and_conflicts_are_left_to_people(writing):
    add_song(writing)
    add_song(writing, NEW_KEY + 1)
    new_songs_classified(writing)
    for key, state in ((NEW_KEY, InPlex.EXCLUDED), (NEW_KEY + 1, InPlex.CONFLICT)):
        Track.objects.filter(rating_key=str(key)).update(in_plex=state)
    assert keep(writing) is None
    assert writing.plex.state(NEW_KEY) == (["Rock"], False)


def test_a_song_that_somebody_edits_after_the_dry_run_is_not_overwritten(writing):
    add_song(writing)
    new_songs_classified(writing)
    keep_and_finish(writing)
    writing.plex.ask("PUT", f"tracks/{NEW_KEY}/genres", {"genres": ["By hand"], "locked": False})
    keep_and_finish(writing)
    assert writing.plex.state(NEW_KEY) == (["By hand"], False)
    assert Track.objects.get(rating_key=str(NEW_KEY)).in_plex == InPlex.CONFLICT


def test_without_a_batch_that_a_person_applied_nothing_is_written_whatever_the_database_says(portal):
    settled(portal)
    ChangedSetting.objects.create(name="write_automatically", value=True)
    add_song(portal)
    new_songs_classified(portal)
    assert keep(portal) is None
    assert portal.plex.edits() == []


def test_whoever_switches_writing_on_means_the_songs_from_then_on(writing):
    change({"write_automatically": False})
    add_song(writing)
    new_songs_classified(writing)
    assert keep(writing) is None
    change({"write_automatically": True}, may_write=True)
    assert keep(writing) is None


def test_songs_are_decided_after_a_run_that_has_changed_what_is_known_of_them_and_only_then(portal):
    synced(portal)
    assert look(portal) is None
    portal.finish(start_classify())
    run = look(portal)
    assert (run.kind, run.is_scheduled) == (Run.Kind.DECIDE, True)
    assert portal.finish(run).result["decided"] == Decision.objects.count() > 0
    assert look(portal) is None
    song = Track.objects.order_by("pk").first()
    portal.plex.ask("PUT", f"tracks/{song.rating_key}/genres", {"genres": ["Jazz"], "locked": False})
    portal.finish(start_sync(["Music"], full=True))
    assert (
        portal.finish(look(portal)).result["decided"]
        == Decision.objects.filter(artist_group=song.decision.artist_group).count()
    )
    portal.finish(start_sync(["Music"], full=True))
    assert look(portal) is None


def test_while_inference_is_away_songs_are_not_decided_every_minute(portal):
    synced(portal)
    portal.finish(start_classify())
    portal.inference.refuses_to_decide = TooShortError("Not now.")
    assert portal.finish(look(portal)).state == Run.State.FAILED
    assert look(portal) is None
    portal.inference.refuses_to_decide = None
    portal.finish(start_classify(again=True))
    assert portal.finish(look(portal)).state == Run.State.DONE


def judged(number: int, at: datetime) -> None:
    """As a person does on the page."""
    track = Track.objects.order_by("pk")[number]
    said = Judgement.objects.create(track=track, genres=[], kind="disagreement", stratum="from 0.85")
    Judgement.objects.filter(pk=said.pk).update(created_time=at)


def test_after_a_person_has_stopped_to_judge_songs_are_decided_anew_once(portal):
    synced(portal)
    portal.finish(start_classify())
    portal.finish(look(portal))
    now = timezone.now()
    for number in range(3):
        judged(number, now + number * MINUTE)
        assert look(portal, now + number * MINUTE) is None
    assert look(portal, now + 3.9 * MINUTE) is None
    run = look(portal, now + 4 * MINUTE)
    assert (run.kind, run.is_scheduled) == (Run.Kind.DECIDE, True)
    assert portal.finish(run).result["decided"] == Decision.objects.count() > 0
    assert look(portal, now + 9 * MINUTE) is None
    Judgement.objects.first().delete()
    assert look(portal, now + 10 * MINUTE).kind == Run.Kind.DECIDE


def test_after_another_setting_of_sources_songs_are_decided_anew(portal):
    synced(portal)
    portal.finish(start_classify())
    portal.finish(look(portal))
    change({"evidence_albums": False})
    assert look(portal) is None
    assert look(portal, timezone.now() + 2 * MINUTE).kind == Run.Kind.DECIDE


def test_while_inference_is_away_judgements_start_a_run_an_hour(portal):
    synced(portal)
    portal.finish(start_classify())
    portal.finish(look(portal))
    judged(0, timezone.now() - HOUR)
    portal.inference.refuses_to_decide = TooShortError("Not now.")
    assert portal.finish(look(portal)).state == Run.State.FAILED
    assert look(portal, timezone.now() + 59 * MINUTE) is None
    assert look(portal, timezone.now() + 61 * MINUTE).kind == Run.Kind.DECIDE


def test_a_run_of_the_schedule_says_so(portal, admin_client: Client):
    settled(portal)
    run = keep_and_finish(portal, tomorrow())
    assert f"{run}, by the schedule" in admin_client.get("/admin/runs/run/").content.decode()
    assert "by the schedule" in admin_client.get(f"/admin/runs/run/{run.pk}/change/").content.decode()
    persons = synced(portal)
    assert "by the schedule" not in admin_client.get(f"/admin/runs/run/{persons.pk}/change/").content.decode()


def test_the_worker_keeps_the_schedule_each_minute():
    from portal.orchestration.tasks import keep_schedule
    from procrastinate.contrib.django import app

    assert keep_schedule.name in {task.task.name for task in app.periodic_registry.periodic_tasks.values()}


def test_songs_that_wait_for_a_later_stage_are_classified_again_after_the_next_sync(portal):
    settled(portal)
    waiting = Track.objects.order_by("pk")[1]
    Track.objects.filter(pk=waiting.pk).update(analysis=Analysis.PROVISIONAL)
    assert keep_and_finish(portal, tomorrow()).kind == Run.Kind.SYNC
    run = keep_and_finish(portal, tomorrow())
    assert (run.kind, run.arguments["track_ids"]) == (Run.Kind.CLASSIFY, [waiting.pk])
    waiting.refresh_from_db()
    assert waiting.analysis == Analysis.CLASSIFIED
    assert keep(portal) is None
