"""The extraction as a stage of its own: what is taken up, how much at once, and what is said of it."""

import io
import json
import threading

import grpc
import pytest
import typer
from django.db import connection
from features_stand_in import NOT_INSTALLED
from portal.commands import looking
from portal.commands.following import exit_status
from portal.commands.songs import command as songs
from portal.commands.songs.extracting import report, stages_as_data
from portal.commands.terminal import Terminal
from portal.genres.models import Genre
from portal.ledger.exclusion import exclude
from portal.library.models import Analysis, Audio, InPlex, Track, Vector
from portal.library.stages import count_stages
from portal.orchestration import engine
from portal.orchestration.failed_songs import retry_due
from portal.orchestration.start import start_classify, start_extract, start_sync
from portal.preferences.models import ChangedSetting
from portal.runs.models import Run
from portal.verdicts.models import Override
from reclass.features.v1 import features_pb2
from runtime.errors import ServiceError
from stand_in_services import BusyError, TooShortError
from typer.testing import CliRunner, Result

SONGS = 12
FMA, MERT = features_pb2.VECTOR_KIND_FMA, features_pb2.VECTOR_KIND_MERT


class LostError(ServiceError):
    """A file that may come back."""

    code, reason, permanent = grpc.StatusCode.NOT_FOUND, "AUDIO_NOT_FOUND", False


def synced(portal):
    portal.finish(start_sync(["Music"]))


def extracted(portal, *stages, **options) -> Run:
    return portal.finish(start_extract(stages, **options))


def shown(run) -> tuple[str, bool]:
    """What the command prints of the stages, and whether all that was asked is done."""
    output = io.StringIO()
    done = report(run.result, Terminal(file=output, width=200))
    return output.getvalue(), done


def test_a_stage_that_is_not_installed_is_named_with_what_to_do_and_is_not_done(portal):
    synced(portal)
    run = extracted(portal, "mert")
    assert (run.state, exit_status(run)) == (Run.State.FAILED, 1)
    assert f"mert: {NOT_INSTALLED}" in run.message
    assert portal.features.extracted == []


def test_all_stages_does_the_installed_ones_and_says_which_are_not(portal):
    synced(portal)
    run = extracted(portal, "all")
    assert (run.state, run.done_count) == (Run.State.DONE, SONGS)
    assert f"mert: {NOT_INSTALLED}" in run.message
    assert f"jmla: {NOT_INSTALLED}" in run.message
    printed, done = shown(run)
    assert not done
    assert "test/1" in printed
    assert shown(extracted(portal, "fma"))[1], "what was asked this time is done"


def test_a_kind_that_is_installed_later_is_all_that_is_made_and_verdicts_stay(portal):
    synced(portal)
    extracted(portal)
    portal.finish(start_classify())
    portal.features.versions[MERT] = "mert/1"
    assert count_stages({"mert": "mert/1"})["mert"].pending == SONGS
    run = extracted(portal, "mert")
    assert run.done_count == SONGS
    assert Vector.objects.filter(kind="mert", version="mert/1").count() == SONGS
    assert Vector.objects.filter(kind="fma").count() == SONGS
    assert Track.objects.filter(analysis=Analysis.CLASSIFIED).count() == SONGS
    assert count_stages({"mert": "mert/1"})["mert"].done == SONGS


def test_another_version_of_a_kind_takes_up_every_song_once(portal):
    synced(portal)
    extracted(portal)
    portal.features.versions[FMA] = "test/2"
    assert extracted(portal).done_count == SONGS
    assert extracted(portal).song_count == 0
    assert set(Vector.objects.values_list("version", flat=True)) == {"test/1", "test/2"}


def test_what_cannot_be_analysed_again_keeps_its_verdict_and_counts_as_failed(portal):
    synced(portal)
    extracted(portal)
    portal.finish(start_classify())
    portal.features.versions[MERT] = "mert/1"
    portal.features.faults = {"1001": [BusyError("The service is busy.")] * 5}
    run = start_extract(["mert"])
    engine.begin(run.pk, portal.equipment())
    song = Track.objects.get(rating_key="1001")
    engine.work(run.pk, [song.pk], portal.equipment())
    song.refresh_from_db()
    assert (song.analysis, song.analysis_reason) == (Analysis.CLASSIFIED, "BUSY")
    assert song.predictions.filter(current=True).exists()
    assert count_stages({"mert": "mert/1"})["mert"].failed == 1


def test_reasons_are_grouped_with_a_song_each_and_only_what_may_come_back_leaves_work(portal):
    synced(portal)
    portal.features.faults = {key: [TooShortError("The song is 3 s long.")] for key in ("1001", "1002")}
    run = extracted(portal)
    printed, done = shown(run)
    assert "2 skipped (TOO_SHORT): The song is 3 s long. – for example “The Band – Song 011”" in printed
    assert done
    counts = count_stages({"fma": "test/1"})["fma"]
    assert (counts.done, counts.failed, counts.skipped, counts.pending) == (SONGS - 2, 0, 3, 0)


def test_status_has_every_stage_with_its_counts(portal, monkeypatch):
    monkeypatch.setenv("PORTAL_FEATURES_TARGET", portal.target)
    synced(portal)
    extracted(portal)
    fma, mert, jmla = stages_as_data(5.0)["stages"]
    assert (fma["done"], fma["pending"], fma["skipped"], fma["version"]) == (SONGS, 0, 1, "test/1")
    assert (mert["installed"], jmla["installed"]) == (False, False)
    assert "download" in mert["message"]


def test_as_many_songs_are_listened_to_at_once_as_features_has_processes(portal):
    synced(portal)
    portal.features.processes = 3
    together = threading.Barrier(3, timeout=10)
    others = threading.Semaphore(3)

    def listen(key: str) -> None:
        assert others.acquire(blocking=False), "a fourth song was analysed at the same time"
        if len(portal.features.extracted) <= 3:
            together.wait()
        others.release()

    portal.features.before_answer = listen
    assert extracted(portal).done_count == SONGS


def test_a_person_who_wants_one_song_at_a_time_gets_that(portal):
    synced(portal)
    ChangedSetting.objects.create(name="concurrency", value=1)
    portal.features.processes = 3
    busy = threading.Semaphore(1)

    def alone(key: str) -> None:
        assert busy.acquire(blocking=False), "another song was analysed at the same time"
        busy.release()

    portal.features.before_answer = alone
    assert extracted(portal).done_count == SONGS


def test_a_slow_song_holds_up_no_other(portal):
    synced(portal)
    portal.features.processes = 2
    others_are_through = threading.Event()

    def listen(key: str) -> None:
        if key == "1001":
            assert others_are_through.wait(10)
        elif len(portal.features.extracted) == SONGS:
            others_are_through.set()

    portal.features.before_answer = listen
    assert extracted(portal).done_count == SONGS
    assert portal.features.extracted[-1] != "1001"


def test_what_was_stored_before_a_crash_could_note_it_is_not_analysed_again(portal):
    synced(portal)
    run = start_extract()
    engine.begin(run.pk, portal.equipment())
    ids = list(run.songs.order_by("pk").values_list("track_id", flat=True))
    outcomes = engine.work_of("extract").work(_job(portal, run), ids[:4])
    next(outcomes)
    outcomes.close()
    portal.finish(run)
    assert sorted(portal.features.extracted) == sorted(set(portal.features.extracted))
    assert len(portal.features.extracted) == SONGS


def _job(portal, run):
    from portal.runs.work import RunJob

    run.refresh_from_db()
    equipment = portal.equipment()
    return RunJob(
        run=run, services=equipment.services, settings=equipment.settings, stopping=equipment.stopping
    )


def change_file(song):
    Track.objects.filter(pk=song.pk).update(part_key="/another")
    connection.close()  # that of the service's thread, which nobody else would close


def test_a_file_that_was_changed_while_it_was_analysed_is_analysed_again(portal):
    synced(portal)
    run = start_extract()
    engine.begin(run.pk, portal.equipment())
    song = Track.objects.get(rating_key="1001")
    outcomes = engine.work_of("extract").work(_job(portal, run), [song.pk])
    portal.features.before_answer = lambda key: change_file(song)
    (said,) = outcomes
    assert said[1].verdict == "again"
    song.refresh_from_db()
    assert (song.audio, song.analysis) == (None, Analysis.PENDING)


def test_a_file_that_was_retagged_is_known_by_its_key(portal):
    synced(portal)
    extracted(portal)
    Track.objects.filter(rating_key="1005").update(part_key="/library/parts/old", analysis=Analysis.PENDING)
    extracted(portal)
    assert portal.features.extracted.count("1005") == 2
    assert portal.features.decoded.count("1005") == 1
    assert Track.objects.get(rating_key="1005").analysis == Analysis.EXTRACTED


def test_a_song_whose_audio_is_that_of_one_that_is_gone_takes_over_its_history(portal):
    synced(portal)
    extracted(portal)
    portal.finish(start_classify())
    old = Track.objects.get(rating_key="1005")
    Override.objects.create(track=old, genre=Genre.objects.get(name="Folk"))
    exclude([old.pk])
    Track.objects.filter(pk=old.pk).update(removed_time=old.last_synced)
    newcomer = Track.objects.create(
        library=old.library, rating_key="9005", title="New", file="/elsewhere.mp3", duration_seconds=31.5
    )
    portal.features.contents["9005"] = "content 1005"
    extracted(portal)
    assert "9005" not in portal.features.decoded
    newcomer.refresh_from_db()
    assert newcomer.override.genre.name == "Folk"
    assert newcomer.in_plex == InPlex.EXCLUDED
    assert newcomer.predictions.filter(current=True).exists()
    assert not Track.objects.filter(pk=old.pk).exists()
    assert Audio.objects.count() == SONGS


def test_failed_songs_wait_longer_each_time_and_only_those_that_are_due_are_tried_again(portal):
    synced(portal)
    portal.features.faults = {key: [BusyError("The service is busy.")] * 5 for key in ("1001", "1002")}
    run = start_extract()
    engine.begin(run.pk, portal.equipment())
    ids = list(Track.objects.filter(rating_key__in=("1001", "1002")).values_list("pk", flat=True))
    for _ in range(5):
        engine.work(run.pk, ids, portal.equipment())
    portal.finish(run)
    first, second = Track.objects.filter(analysis=Analysis.FAILED).order_by("pk")
    assert first.attempts == 5
    assert first.next_try_time > second.last_synced
    retry_due()
    assert Run.objects.latest("pk") == run
    Track.objects.filter(pk=first.pk).update(next_try_time=first.last_synced)
    retry_due()
    retry_due()
    again = portal.finish(Run.objects.latest("pk"))
    assert (again.pk, again.song_count) == (run.pk + 1, 1)
    first.refresh_from_db()
    assert (first.analysis, first.attempts, first.next_try_time) == (Analysis.EXTRACTED, 0, None)


def test_what_could_not_be_analysed_of_a_classified_song_is_tried_again_by_itself(portal):
    synced(portal)
    extracted(portal)
    portal.features.versions[MERT] = "mert/1"
    portal.features.faults = {"1001": [LostError("its file is nowhere")]}
    extracted(portal)
    song = Track.objects.get(rating_key="1001")
    assert song.next_try_time is not None
    Track.objects.filter(pk=song.pk).update(next_try_time=song.last_synced)
    retry_due()
    assert portal.finish(Run.objects.latest("pk")).done_count == 1
    assert count_stages({"mert": "mert/1"})["mert"].done == SONGS


def test_a_retry_that_cannot_begin_is_not_asked_for_every_minute(portal):
    synced(portal)
    portal.features.faults = {"1001": [LostError("its file is nowhere")]}
    extracted(portal)
    Track.objects.filter(rating_key="1001").update(next_try_time=Track.objects.first().last_synced)
    portal.features.versions = {}
    retry_due()
    run = portal.finish(Run.objects.latest("pk"))
    assert run.state == Run.State.FAILED
    retry_due()
    assert Run.objects.latest("pk") == run


@pytest.fixture
def command(portal, monkeypatch):
    """`reclass` beside a worker, in an environment that has this test's services."""
    monkeypatch.setenv("PORTAL_DATABASE_URL", "postgresql://is-not-asked-for")
    monkeypatch.setenv("PORTAL_FEATURES_TARGET", portal.target)
    monkeypatch.setenv("PORTAL_INFERENCE_TARGET", portal.target)
    ended = threading.Event()

    def work() -> None:
        while not ended.wait(0.1):
            portal.work_off()
        connection.close()

    def run(*words: str) -> Result:
        app = typer.Typer()
        songs.register(app)
        looking.register(app)
        return CliRunner(env={"COLUMNS": "200"}).invoke(app, words)

    worker = threading.Thread(target=work)
    worker.start()
    yield run
    ended.set()
    worker.join()


def test_the_command_ends_with_0_only_when_what_was_asked_is_done(portal, command):
    assert command("sync", "--library", "Music").exit_code == 0
    assert command("extract", "--stage", "mert").exit_code == 1
    everything = command("extract", "--stage", "all")
    assert (everything.exit_code, f"{SONGS} of {SONGS} songs done" in everything.stdout) == (1, True)
    assert f"mert: {NOT_INSTALLED}" in everything.stdout
    installed = command("extract")
    assert (installed.exit_code, "Nothing to analyse" in installed.stdout) == (0, True)
    Track.objects.filter(rating_key="1001").update(analysis=Analysis.PENDING)
    portal.features.faults = {"1001": [LostError("its file is nowhere")]}
    failed = command("extract", "--stage", "fma")
    assert failed.exit_code == 1
    assert "1 failed (AUDIO_NOT_FOUND): its file is nowhere – for example" in failed.stdout
    status = json.loads(command("status", "--json").stdout)
    fma = next(each for each in status["extraction"]["stages"] if each["stage"] == "fma")
    assert {name: fma[name] for name in ("done", "failed", "skipped", "pending")} == {
        "done": SONGS - 1, "failed": 1, "skipped": 1, "pending": 0,
    }  # fmt: skip
