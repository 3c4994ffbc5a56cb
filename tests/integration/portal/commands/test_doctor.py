"""The doctor: each check well and unwell, and the write test, which leaves Plex as it was whatever happens."""

import json
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
import typer
from django.db import connection
from django.utils import timezone
from features_stand_in import NOT_INSTALLED
from plex_stand_in import TOKEN
from portal.commands.doctor import command as doctor
from portal.commands.doctor import store
from portal.commands.doctor.checks import examine, writing
from portal.commands.doctor.findings import UnwellError
from portal.configuration import PortalSettings
from portal.genres.models import Genre
from portal.labels.tags import relabel
from portal.ledger.models import WriteBatch, WriteRow, WriteTest
from portal.library.models import Analysis, Track
from portal.orchestration.start import start_extract, start_plan, start_push, start_sync
from portal.remote.plex import PlexServer
from portal.remote.services import connected
from portal.writing.write_test import PROBE, WriteTestError, restore_left_over, write_test
from runtime.errors import ServiceError
from runtime.testing import running_server
from songs import add_prediction
from stand_in_services import TooShortError
from sync.library import PlexMusic
from sync.plex import Plex, PlexAddress, Timeouts
from sync.servicer import SERVICE_NAME, SyncServicer
from typer.testing import CliRunner, Result

SONGS = 12
BEFORE = (["Rock", "Pop", "Soundtrack"], False)


class NotMountedError(ServiceError):
    """As features says it."""

    code, reason, permanent = grpc.StatusCode.FAILED_PRECONDITION, "PATH_NOT_MOUNTED", False


def synced(portal) -> None:
    portal.finish(start_sync(["Music"]))


def found(portal, data=None):
    targets = dict.fromkeys(("sync_target", "features_target", "inference_target"), portal.target)
    return {each.what: each for each in examine(PortalSettings(**targets), portal.services, data)}


def test_every_part_that_is_well_says_what_it_is(portal, tmp_path):
    synced(portal)
    portal.finish(start_extract())
    checks = found(portal, tmp_path)
    assert "pgvector" in checks["database"].message
    assert "free for the data folder" in checks["disk"].message
    assert "Plex agree within 5 s" in checks["clock"].message
    assert checks["files"].message == "10 opened: 10 through Plex"
    assert f"without mert: {NOT_INSTALLED}" in checks["vectors"].message
    assert "genre_test/1 on gpu 0" in checks["models"].message
    assert "every 24 h, last read on" in checks["schedule"].message
    assert [name for name, each in checks.items() if not each.well] == ["worker"], "none runs in this test"


def test_files_are_opened_all_over_the_library_and_not_decoded_when_they_were_analysed(portal):
    synced(portal)
    portal.finish(start_extract())
    portal.features.extracted.clear()
    portal.features.decoded.clear()
    assert found(portal)["files"].well
    assert len(portal.features.extracted) == 10
    assert {"1001", "1012"} <= set(portal.features.extracted)
    assert portal.features.decoded == []


def test_files_that_are_not_mounted_are_grouped_by_the_mapping_that_would_bring_them(portal):
    synced(portal)
    portal.features.media_folders = ["/music"]

    def lost(mapping: str) -> NotMountedError:
        return NotMountedError(
            f"/a/x is not mounted here; the path mapping {mapping} would fit: put it there"
        )

    found(portal)
    (path,) = {request.audio.path for request in portal.features.requests}  # one file serves all songs
    portal.features.faults = {
        path: [*(lost("/a=/music") for _ in range(3)), *(lost("/b=/music") for _ in range(2))]
    }
    message = found(portal)["files"].message
    assert (
        "3 of 10 files are not read where they are mounted: the path mapping /a=/music would fix" in message
    )
    assert (
        "2 of 10 files are not read where they are mounted: the path mapping /b=/music would fix" in message
    )
    assert "until then they are read through Plex" in message
    portal.features.faults = {}
    assert found(portal)["files"].message == "10 opened: 10 where they are mounted"


def test_a_file_that_nobody_can_read_is_named_and_a_song_that_cannot_be_analysed_is_no_fault(portal):
    synced(portal)
    portal.features.faults = {
        "1001": [NotMountedError("its folder is not there")],
        "1012": [TooShortError("The song is 3 s long.")],
    }
    message = found(portal)["files"].message
    assert (
        "1 of 10 files cannot be read, for example “The Band – Song 011”: its folder is not there" in message
    )
    portal.features.faults = {"1012": [TooShortError("The song is 3 s long.")]}
    assert "1 of them cannot be analysed" in found(portal)["files"].message


def test_too_little_room_a_slow_database_and_a_missing_extension_say_what_to_do(
    portal, monkeypatch, tmp_path
):
    monkeypatch.setattr(store, "LEAST_FREE_BYTES", 2**60)
    with pytest.raises(UnwellError, match="make room"):
        store.disk(tmp_path)
    monkeypatch.setattr(store, "SLOW_MILLISECONDS", 0.0)
    with pytest.raises(UnwellError, match="bring it nearer"):
        store.database()
    monkeypatch.setattr(store, "OLDEST_POSTGRESQL", 990000)
    with pytest.raises(UnwellError, match="too old"):
        store.database()


def test_a_folder_that_is_not_there_is_not_counted(portal, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "_database_folder", lambda: Path("/nowhere"))
    assert "cannot be seen from here" in store.disk(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("seconds", "says"), [(-60, "Plex is 6. s behind"), (3600, "Plex is 3[0-9]* s ahead")]
)
def test_clocks_that_disagree_are_named(portal, seconds, says):
    def plex() -> PlexServer:
        time = timezone.now() + timedelta(seconds=seconds)
        return PlexServer(
            machine_identifier="m", name="n", version="1.41", supports_track_genres=True, server_time=time
        )

    with pytest.raises(UnwellError, match=says):
        store.clock(plex)


@pytest.fixture
def command(portal, monkeypatch):
    """`reclass`, in an environment that has this test's services."""
    monkeypatch.setenv("PORTAL_DATABASE_URL", "postgresql://is-not-asked-for")
    for name in ("SYNC", "FEATURES", "INFERENCE"):
        monkeypatch.setenv(f"PORTAL_{name}_TARGET", portal.target)

    def run(*words: str) -> Result:
        app = typer.Typer()
        doctor.register(app)
        app.command()(lambda: None)
        return CliRunner().invoke(app, words)

    return run


def test_the_command_prints_json_with_every_check_and_its_status_says_whether_all_is_well(portal, command):
    synced(portal)
    done = command("doctor", "--json", "--write-test")
    said = json.loads(done.stdout)
    assert (done.exit_code, said["well"]) == (1, False), "no worker runs"
    checks = {check["what"]: check for check in said["checks"]}
    assert [name for name, check in checks.items() if not check["well"]] == ["worker"]
    assert "put back and read back" in checks["writing"]["message"]
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now())")
    done = command("doctor")
    assert (done.exit_code, "wrong" in done.stdout) == (0, False), done.stdout
    assert "ok    files: 10 opened" in done.stdout


def writes_in_plex(portal) -> dict[int, tuple[list[str], bool]]:
    return {key: portal.plex.state(key) for key in range(1001, 1001 + SONGS)}


@pytest.mark.parametrize(
    ("behaviour", "says"),
    [
        ({}, "the order was kept, and the lock was set"),
        ({"edit_mode": "replace"}, "the order was kept, and the lock was set"),
        ({"genre_order": "sorted"}, "Plex orders genres by itself"),
        ({"spelling": "capitalised"}, "the order was kept"),
    ],
)
def test_a_genre_is_written_read_back_and_taken_away_again(portal, behaviour, says):
    synced(portal)
    portal.plex.behave(**behaviour)
    before = writes_in_plex(portal)
    said = write_test(portal.services.sync)
    assert says in said
    assert "put back and read back: Rock, Pop, Soundtrack (not locked)" in said or behaviour.get(
        "genre_order"
    )
    after = writes_in_plex(portal)
    assert {key: (sorted(genres), locked) for key, (genres, locked) in after.items()} == {
        key: (sorted(genres), locked) for key, (genres, locked) in before.items()
    }
    assert behaviour.get("genre_order") or after == before
    assert len(portal.plex.edits()) >= 2
    portal.plex.behave(genre_order="kept")


def test_a_locked_track_without_genres_gets_exactly_that_again(portal):
    for key in range(1001, 1001 + SONGS):
        portal.plex.ask("PUT", f"tracks/{key}/genres", {"genres": [], "locked": True})
    synced(portal)
    assert "cannot be told by this song" in write_test(portal.services.sync)
    assert set(map(str, writes_in_plex(portal).values())) == {"([], True)"}


class Careless(SyncServicer):
    """Loses the answers of edits, or lets somebody interrupt after them."""

    def __init__(self, music, lost: int) -> None:
        super().__init__(music)
        self.lost = lost

    def WriteGenres(self, request, context):
        answer = super().WriteGenres(request, context)
        if self.lost > 0:
            self.lost -= 1
            context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")
        return answer


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_lost_answers_are_made_good(portal, lost):
    synced(portal)
    music = PlexMusic(Plex(PlexAddress(url=portal.plex.stand_in.url, token=TOKEN), Timeouts()))
    with (
        running_server({SERVICE_NAME: Careless(music, lost).register}) as server,
        connected(PortalSettings(sync_target=f"127.0.0.1:{server.port}")) as services,
    ):
        said = write_test(services.sync, wait=lambda seconds: None)
    assert "the answer was lost" in said
    assert portal.plex.state(1001) == BEFORE
    music.close()


class Interrupted:
    """The client of sync, in the hands of a person who presses Ctrl-C, or worse, after the edit."""

    def __init__(self, sync, end: type[BaseException]) -> None:
        self._sync, self._end, self._written = sync, end, False

    def get_tracks(self, keys):
        return self._sync.get_tracks(keys)

    def write_genres(self, *arguments, **options):
        answer = self._sync.write_genres(*arguments, **options)
        if not self._written:
            self._written = True
            raise self._end
        return answer


def test_ctrl_c_after_the_edit_waits_until_the_track_was_put_back(portal):
    synced(portal)
    with pytest.raises(KeyboardInterrupt):
        write_test(Interrupted(portal.services.sync, KeyboardInterrupt))
    assert portal.plex.state(1001) == BEFORE
    assert not WriteTest.objects.filter(restored_time=None).exists()


def killed(portal) -> WriteTest:
    """What a test leaves that was killed right after its edit."""
    track = Track.objects.get(rating_key="1001")
    test = WriteTest.objects.create(
        track=track, rating_key="1001", before_genres=BEFORE[0], before_locked=BEFORE[1]
    )
    portal.plex.ask("PUT", "tracks/1001/genres", {"genres": [*BEFORE[0], PROBE], "locked": True})
    return test


def test_what_a_killed_test_has_left_is_put_back_by_the_next(portal):
    synced(portal)
    killed(portal)
    assert restore_left_over(portal.services.sync) == 1
    assert portal.plex.state(1001) == BEFORE
    killed(portal)
    write_test(portal.services.sync)
    assert writes_in_plex(portal) == dict.fromkeys(range(1001, 1001 + SONGS), BEFORE)


def test_somebody_who_changed_the_track_meanwhile_loses_nothing_but_the_probe(portal):
    synced(portal)
    killed(portal)
    portal.plex.ask("PUT", "tracks/1001/genres", {"genres": ["Mine", PROBE], "locked": True})
    assert restore_left_over(portal.services.sync) == 1
    assert portal.plex.state(1001) == (["Mine"], True)


def test_labels_and_ledger_know_nothing_of_a_probe_even_when_a_sync_has_read_it(portal):
    synced(portal)
    killed(portal)
    portal.finish(start_sync(["Music"], full=True))
    relabel()
    song = Track.objects.get(rating_key="1001")
    assert PROBE in song.plex_genres
    assert song.tag_genre.name == "Pop_Rock"
    restore_left_over(portal.services.sync)
    song.refresh_from_db()
    assert (song.plex_genres, song.plex_genres_locked) == BEFORE
    assert not WriteRow.objects.exists()
    assert song.in_plex == "untouched"


def test_a_server_that_ignores_edits_is_unwell_and_unchanged(portal):
    synced(portal)
    portal.plex.behave(ignores_edits=True)
    check = writing(portal.services)
    portal.plex.behave(ignores_edits=False)
    assert not check.well
    assert "check that the token is the owner's" in check.message
    assert portal.plex.state(1001) == BEFORE


def test_a_track_that_cannot_be_put_back_is_named_with_what_it_had(portal, monkeypatch):
    synced(portal)
    killed(portal)
    portal.plex.fail("status", status=503, times=-1)
    with pytest.raises(WriteTestError, match=r"It had Rock, Pop, Soundtrack \(not locked\): repeat"):
        restore_left_over(portal.services.sync, wait=lambda seconds: None)
    portal.plex.ask("DELETE", "faults")
    assert restore_left_over(portal.services.sync) == 1


def planned(portal) -> WriteBatch:
    songs = Track.objects.exclude(file="")
    songs.update(analysis=Analysis.CLASSIFIED)
    for song in songs:
        add_prediction(song, Genre.objects.get(name="Jazz"), 0.9, model_version="genre_test/1")
    ids = list(songs.exclude(rating_key="1009").values_list("pk", flat=True))
    return portal.finish(start_plan(ids, min_confidence=0.7)).batch


def test_no_test_is_made_while_a_push_is_running_nor_with_a_song_that_is_planned(portal):
    synced(portal)
    batch = planned(portal)
    assert "Song 003" in write_test(portal.services.sync), "the one song that no plan is about"
    run = start_push(batch)
    with pytest.raises(WriteTestError, match="try again when it has ended"):
        write_test(portal.services.sync)
    assert set(portal.finish(run).songs.values_list("state", flat=True)) == set()
    assert set(batch.rows.values_list("state", flat=True)) == {WriteRow.State.WRITTEN}


def test_the_folder_of_a_containers_secrets_is_not_taken_for_the_data_folder(portal, tmp_path, monkeypatch):
    secret = tmp_path / "secrets" / "database"
    secret.parent.mkdir()
    secret.write_text("sesame")
    monkeypatch.setenv("PORTAL_DATABASE_PASSWORD_FILE", str(secret))
    assert "data folder" not in found(portal)["disk"].message
    (tmp_path / "postgres").mkdir()
    assert "data folder" in found(portal)["disk"].message
