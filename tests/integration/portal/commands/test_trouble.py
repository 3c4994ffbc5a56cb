"""What goes wrong at an owner's: what `reclass` prints of it, its exit status, and what the admin shows."""

import html
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import grpc
import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.test import Client
from plex_stand_in import TOKEN
from portal.commands.following import exit_status, follow, line_of, say_end, snapshot
from portal.commands.surroundings import RefusalError
from portal.commands.terminal import Terminal
from portal.library.census import counts, songs_as_data
from portal.library.models import Analysis, Track
from portal.orchestration import engine
from portal.orchestration.start import CannotStart, start_classify, start_extract, start_rollback, start_sync
from portal.remote.sync import SyncClient
from portal.runs.models import Run
from portal.verdicts.models import Prediction
from runtime.errors import ServiceError
from runtime.testing import connected
from sync.library import PlexMusic
from sync.plex import NOT_PLEX, Plex, PlexAddress, Timeouts, refused_status
from sync.servicer import SERVICE_NAME, SyncServicer

SONGS = 12


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a person is told of a run."""

    printed: str
    status: int
    page: str


def told(run: Run, client: Client) -> Said:
    """What the command line prints at the run's end, its exit status, and the run's page."""
    run.refresh_from_db()
    console = Terminal(file=io.StringIO(), width=500)
    say_end(run, console)
    assert isinstance(console.file, io.StringIO)
    page = page_of(client, f"/admin/runs/run/{run.pk}/change/")
    return Said(printed=console.file.getvalue(), status=exit_status(run), page=page)


def page_of(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def sync_music(portal: Any, library: str = "Music") -> Run:
    return portal.finish(start_sync([library]))


@contextmanager
def another_plex(portal: Any, url: str, token: str = TOKEN) -> Iterator[Any]:
    """The portal with a sync service that was told this address and token."""
    music = PlexMusic(Plex(PlexAddress(url=url, token=token), Timeouts(connect_seconds=1, read_seconds=2)))
    with connected({SERVICE_NAME: SyncServicer(music).register}) as channel:
        yield replace(portal, services=replace(portal.services, sync=SyncClient(channel)))
    music.close()


@pytest.mark.parametrize("status", [401, 403, 302])
def test_a_plex_that_refuses_ends_the_sync_with_what_to_do(portal, admin_client, status):
    portal.plex.fail("status", times=-1, status=status)
    said = told(sync_music(portal), admin_client)
    assert said.status == 1
    says = str(refused_status(status, portal.plex.stand_in.url))
    assert says in said.printed
    assert says in said.page
    assert TOKEN not in said.printed + said.page


def test_a_wrong_token_is_said_and_never_shown(portal, admin_client):
    with another_plex(portal, portal.plex.stand_in.url, token="an-old-token") as mistaken:
        said = told(sync_music(mistaken), admin_client)
    assert said.status == 1
    says = str(refused_status(401, portal.plex.stand_in.url))
    assert says in said.printed
    assert says in said.page
    assert "an-old-token" not in said.printed + said.page


def test_a_wrong_address_is_said_while_it_is_tried_and_at_the_end(portal, admin_client, unused_port):
    run = start_sync(["Music"])
    with another_plex(portal, f"http://127.0.0.1:{unused_port}") as mistaken:
        with pytest.raises(engine.TryAgainError) as error:
            engine.begin(run.pk, mistaken.equipment())
        assert f"nobody listens at http://127.0.0.1:{unused_port}" in line_of(snapshot(run.pk), 1.0)
        engine.fail(run.pk, str(error.value))
    said = told(run, admin_client)
    assert said.status == 1
    assert "nobody listens" in said.printed
    assert "check host and port" in said.page


def test_the_address_of_something_else_than_plex_is_found_out(portal, admin_client):
    portal.plex.fail("web_page", times=-1)
    with another_plex(portal, portal.plex.stand_in.url) as mistaken:
        said = told(sync_music(mistaken), admin_client)
    assert said.status == 1
    for shown in (said.printed, said.page):
        assert NOT_PLEX.format(url=portal.plex.stand_in.url) in shown


def test_a_server_without_genres_on_tracks_is_said_with_its_version(portal, admin_client):
    portal.plex.behave(version="1.32.5.1")
    said = told(sync_music(portal), admin_client)
    assert said.status == 1
    for shown in (said.printed, said.page):
        assert "1.32.5.1 has no genres on tracks: update it to 1.40.0 or later" in shown


def test_a_library_that_is_not_there_is_said_with_those_that_are(portal, admin_client):
    said = told(sync_music(portal, "Musik"), admin_client)
    assert said.status == 1
    for shown in (said.printed, said.page):
        assert "no music library “Musik” on the Plex server; there is “Music”, “Audiobooks”" in shown


def test_an_empty_library_is_no_failure_and_is_said(portal, admin_client):
    said = told(sync_music(portal, "Audiobooks"), admin_client)
    assert said.status == 0
    for shown in (said.printed, said.page):
        assert "“Audiobooks” has no songs: add music to it in Plex" in shown


def test_a_song_without_media_is_named_by_the_sync_and_says_so_itself(portal, admin_client):
    said = told(sync_music(portal), admin_client)
    assert said.status == 0
    for shown in (said.printed, said.page):
        assert "“Nobody – No media”" in shown
    song = Track.objects.get(rating_key="2001")
    assert "Plex has no file for this track" in page_of(admin_client, song_address(song))


def test_a_listing_of_fewer_than_half_marks_nothing_and_the_dashboard_says_so_too(
    portal, admin_client, monkeypatch
):
    for name in ("sync_target", "features_target", "inference_target"):
        monkeypatch.setattr(settings.RECLASS, name, "127.0.0.1:1")
    monkeypatch.setattr("portal.pages.dashboard.services.HEALTH_TIMEOUT_SECONDS", 0.3)
    sync_music(portal)
    for number in range(1, 9):
        portal.plex.ask("DELETE", f"tracks/{1000 + number}")
    said = told(sync_music(portal), admin_client)
    cache.clear()
    for shown in (said.printed, said.page, page_of(admin_client, "/admin/")):
        assert "fewer than half: nothing was marked as removed" in shown
    assert not Track.objects.exclude(removed_time=None).exists()


class SongError(ServiceError):
    """Whatever features may say of one song."""

    domain = "reclass.features"

    def __init__(
        self, code: grpc.StatusCode, reason: str, message: str = "", *, permanent: bool = False
    ) -> None:
        self.code, self.reason, self.permanent = code, reason, permanent
        super().__init__(message or f"what features says of {reason}")


def song_address(song: Track) -> str:
    return f"/admin/library/track/{song.pk}/change/"


@pytest.mark.parametrize(
    ("reason", "code", "analysis", "status"),
    [
        ("NOT_AUDIO", grpc.StatusCode.INVALID_ARGUMENT, Analysis.SKIPPED, 0),
        ("TRUNCATED", grpc.StatusCode.DATA_LOSS, Analysis.SKIPPED, 0),
        ("TOO_SHORT", grpc.StatusCode.INVALID_ARGUMENT, Analysis.SKIPPED, 0),
        ("SILENT", grpc.StatusCode.INVALID_ARGUMENT, Analysis.SKIPPED, 0),
        ("AUDIO_NOT_FOUND", grpc.StatusCode.NOT_FOUND, Analysis.FAILED, 1),
        ("PATH_NOT_MOUNTED", grpc.StatusCode.FAILED_PRECONDITION, Analysis.FAILED, 1),
    ],
)
def test_a_song_that_cannot_be_analysed_says_why_everywhere_and_stops_no_other(
    portal, admin_client, reason, code, analysis, status
):
    sync_music(portal)
    permanent = analysis == Analysis.SKIPPED
    portal.features.faults = {"1003": [SongError(code, reason, permanent=permanent)]}
    run = portal.finish(start_extract())
    said = told(run, admin_client)
    says = f"what features says of {reason}"
    assert said.status == status
    assert f"The Band – Song 009: {says}" in said.printed
    assert says in said.page
    song = Track.objects.get(rating_key="1003")
    assert song.analysis == analysis
    assert says in page_of(admin_client, song_address(song))
    (row,) = [row for row in songs_as_data() if row["rating_key"] == "1003"]
    assert (row["analysis_reason"], row["analysis_message"]) == (reason, says)
    assert Track.objects.filter(analysis=Analysis.EXTRACTED).count() == SONGS - 1
    assert run.songs.get(track=song).attempts == 1, "nobody waits for a file that is not there"


def test_songs_that_wait_for_another_try_are_shown_with_the_reason(portal, admin_client):
    sync_music(portal)
    busy = SongError(grpc.StatusCode.RESOURCE_EXHAUSTED, "BUSY")
    portal.features.faults = {"1003": [busy]}
    run = start_extract()
    engine.begin(run.pk, portal.equipment())
    engine.work(run.pk, list(run.songs.values_list("track_id", flat=True)), portal.equipment())
    shown = line_of(snapshot(run.pk), 10.0)
    assert "11 of 12 songs" in shown
    assert shown.endswith("0 failed; 1 to be tried again: what features says of BUSY")
    assert "what features says of BUSY" in page_of(admin_client, f"/admin/runs/run/{run.pk}/change/")
    assert exit_status(portal.finish(run)) == 0


def test_a_song_that_two_models_have_classified_is_counted_once(portal):
    sync_music(portal)
    portal.finish(start_classify())
    Prediction.objects.update(suspected_label_error=True)
    portal.inference.model = "genre_test/2"
    portal.finish(start_classify())
    Prediction.objects.filter(track__rating_key="1001").update(suspected_label_error=True)
    numbers = counts()
    assert (numbers["synced"], numbers["classified"], numbers["skipped"]) == (SONGS + 1, SONGS, 1)
    assert numbers["suspected_label_errors"] == 1, "what an earlier model suspected does not count"


def test_nothing_to_analyse_says_whether_songs_are_missing_or_cannot_be_analysed(portal):
    assert "run `reclass sync` first" in portal.finish(start_extract()).message
    sync_music(portal)
    portal.finish(start_extract())
    again = portal.finish(start_extract()).message
    assert again.startswith(
        "Nothing to analyse: every song was analysed before, but 1 that cannot be analysed"
    )


def test_a_look_at_a_run_goes_on_when_the_database_was_started_anew(portal, capsys):
    run = sync_music(portal)
    with connection.cursor() as cursor, pytest.raises(Exception, match="terminat"):
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert follow(run, Terminal(file=io.StringIO())).state == Run.State.DONE
    assert "The run goes on by itself" in capsys.readouterr().err


def test_refusals_say_what_there_is_instead(portal):
    from portal.commands.writing import _batch
    from portal.ledger.models import WriteBatch

    with pytest.raises(RefusalError, match="no batch 7; none was made yet"):
        _batch("7")
    batch = WriteBatch.objects.create(min_confidence=0.5, state=WriteBatch.State.ROLLED_BACK)
    with pytest.raises(RefusalError, match=f"no batch x; the latest are {batch.pk}"):
        _batch("x")
    with pytest.raises(CannotStart, match=f"^Batch {batch.pk} is rolled back already"):
        start_rollback(batch)
    start_extract()
    with pytest.raises(CannotStart, match=r"^An analysis is already running since .*reclass status"):
        start_extract()
