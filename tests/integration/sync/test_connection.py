"""The Plex connection: handed over, kept, used from the next call on, never given out; the environment wins."""

import json
import logging
import re
import stat
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import grpc
import pytest
from plex_stand_in import AUDIO, MUSIC, TOKEN, Control, plain_tracks
from reclass.sync.v1 import sync_pb2 as pb
from reclass.sync.v1 import sync_pb2_grpc
from runtime.errors import RemoteError
from runtime.testing import connected
from standalone.plex_stand_in.catalogue import music_and_films
from standalone.plex_stand_in.server import running_stand_in
from sync import audio
from sync.connection import Connection, Parts
from sync.errors import NoMediaError, NotPlexError, ServerTooOldError
from sync.library import VERSION_AGE_SECONDS, PlexMusic
from sync.plex import Plex, PlexAddress, Timeouts, refused_status
from sync.servicer import SERVICE_NAME, SyncServicer
from sync.tracks import GenreState, MediaPart

OTHER_TOKEN = "another-token-that-nobody-may-see"
TIMEOUTS = Timeouts(connect_seconds=1, read_seconds=2)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    """A second Plex server, with three songs."""
    folder = tmp_path_factory.mktemp("other")
    (folder / "song.mp3").write_bytes(AUDIO)
    catalogue = music_and_films(plain_tracks(folder, 3), str(folder))
    with running_stand_in(catalogue, tmp_path_factory.mktemp("state"), token=OTHER_TOKEN) as running:
        yield Control(stand_in=running)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The service's own folder, not there yet."""
    return tmp_path / "of sync"


class Service:
    """The sync service as it starts with an environment and a folder."""

    def __init__(self, folder: Path | None, environment: Parts | None = None) -> None:
        connection = Connection(environment or Parts(), folder)
        self.music = PlexMusic(Plex(connection.address, TIMEOUTS, trouble=connection.trouble))
        self._serving = connected({SERVICE_NAME: SyncServicer(self.music, connection).register})

    def __enter__(self) -> sync_pb2_grpc.SyncServiceStub:
        return sync_pb2_grpc.SyncServiceStub(self._serving.__enter__())

    def __exit__(self, *fault: object) -> None:
        self._serving.__exit__(None, None, None)
        self.music.close()


def reason(call: object, request: object) -> RemoteError:
    with pytest.raises(grpc.RpcError) as caught:
        call(request)  # type: ignore[operator]
    return RemoteError.from_rpc(caught.value)


def connect(sync: sync_pb2_grpc.SyncServiceStub, control: Control) -> None:
    sync.SetConnection(pb.SetConnectionRequest(url=control.stand_in.url, token=control.stand_in.token))


def count(sync: sync_pb2_grpc.SyncServiceStub) -> int:
    return int(sync.ListTracks(pb.ListTracksRequest(library_key=MUSIC)).total_size)


def sources(sync: sync_pb2_grpc.SyncServiceStub) -> tuple[str, str]:
    answer = sync.GetConnection(pb.GetConnectionRequest())
    names = pb.ConnectionSource.Name
    return tuple(
        names(each).removeprefix("CONNECTION_SOURCE_") for each in (answer.url_source, answer.token_source)
    )  # type: ignore[return-value]


def test_a_connection_that_is_handed_over_is_used_from_the_next_call_on_and_after_a_restart(
    folder: Path, control: Control
) -> None:
    with Service(folder) as sync:
        assert sources(sync) == ("NONE", "NONE")
        refused = reason(sync.CheckServer, pb.CheckServerRequest())
        assert refused.reason == "NOT_CONFIGURED"
        assert "Settings, Plex connection" in refused.message
        connect(sync, control)
        assert sources(sync) == ("STORED", "STORED")
        assert sync.CheckServer(pb.CheckServerRequest()).supports_track_genres
    with Service(folder) as sync:
        assert count(sync) > 3


def test_every_thread_turns_to_another_server_at_once(folder: Path, control: Control, other: Control) -> None:
    with Service(folder) as sync:
        connect(sync, control)
        # More calls at once than there would be after one another: several threads have a connection.
        many = [sync.ListTracks.future(pb.ListTracksRequest(library_key=MUSIC)) for _ in range(12)]
        assert {call.result().total_size for call in many} == {33}
        connect(sync, other)
        many = [sync.ListTracks.future(pb.ListTracksRequest(library_key=MUSIC)) for _ in range(24)]
        assert {call.result().total_size for call in many} == {3}


def test_a_call_in_progress_stays_with_the_server_that_it_began_with(
    folder: Path, control: Control, other: Control
) -> None:
    other.ask("POST", "reset")
    connection = Connection(Parts(), folder)
    connection.keep(PlexAddress(url=control.stand_in.url, token=TOKEN))
    plex = Plex(connection.address, TIMEOUTS)
    music = PlexMusic(plex)
    sent = plex.put

    def turn_away_and_put(path: str, parameters: dict[str, str]) -> None:
        connection.keep(PlexAddress(url=other.stand_in.url, token=OTHER_TOKEN))
        sent(path, parameters)

    plex.put = turn_away_and_put  # type: ignore[method-assign, assignment]
    music.write_genres("1001", ["Jazz"], locked=True, expected=None)
    assert control.state(1001) == (["Jazz"], True)
    assert other.edits() == []
    music.close()


def recording(strangers: list[str]) -> type[BaseHTTPRequestHandler]:
    """A server that is not Plex and notes every token that reaches it."""

    class Stranger(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            strangers.append(f"{self.path} {self.headers.get('X-Plex-Token', '')}")
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    return Stranger


@pytest.fixture
def stranger() -> Iterator[tuple[str, list[str]]]:
    """Somebody else's server: where it is, and the requests that came, each with its token."""
    requests: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), recording(requests))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", requests
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_token_is_sent_to_no_address_but_the_one_it_was_given_with(
    folder: Path, control: Control, stranger: tuple[str, list[str]]
) -> None:
    elsewhere, requests = stranger
    with Service(folder) as sync:
        assert reason(sync.SetConnection, pb.SetConnectionRequest(url=elsewhere)).reason == "TOKEN_NEEDED"
        assert reason(sync.SetConnection, pb.SetConnectionRequest(token=TOKEN)).reason == "TOKEN_NEEDED"
        connect(sync, control)
        refused = reason(sync.SetConnection, pb.SetConnectionRequest(url=elsewhere))
        assert (refused.reason, refused.code) == ("TOKEN_NEEDED", grpc.StatusCode.INVALID_ARGUMENT)
        assert count(sync) == 33
        # The same address again, and a new token for it, are no new address.
        sync.SetConnection(pb.SetConnectionRequest(url=f"{control.stand_in.url}/web/index.html"))
        sync.SetConnection(pb.SetConnectionRequest(token=f" {TOKEN}\n"))
        assert count(sync) == 33
    assert requests == []


@pytest.mark.parametrize("part", ["url", "token"])
def test_half_an_environment_sends_nothing_anywhere_and_says_what_is_missing(
    folder: Path, control: Control, stranger: tuple[str, list[str]], part: str
) -> None:
    elsewhere, requests = stranger
    missing = {"url": "SYNC_PLEX_TOKEN", "token": "SYNC_PLEX_URL"}[part]
    with Service(folder) as sync:
        connect(sync, control)
    half = Parts(url=elsewhere) if part == "url" else Parts(token=TOKEN)
    with Service(folder, half) as sync:
        for sent in ({"url": elsewhere}, {"token": "another"}, {"url": elsewhere, "token": "another"}):
            refused = reason(sync.SetConnection, pb.SetConnectionRequest(**sent))
            assert refused.reason == "CONNECTION_LOCKED"
            assert f"and not {missing}" in refused.message
        used = reason(sync.CheckServer, pb.CheckServerRequest())
        assert (used.reason, f"and not {missing}" in used.message) == ("NOT_CONFIGURED", True)
        assert f"and not {missing}" in sync.GetConnection(pb.GetConnectionRequest()).trouble
        assert set(sources(sync)) == {"ENVIRONMENT", "NONE"}
    assert requests == []


def test_a_redirect_and_a_file_elsewhere_take_no_token_along(
    control: Control, stranger: tuple[str, list[str]]
) -> None:
    elsewhere, requests = stranger
    music = control.music()
    control.fail("status", status=302, times=1, location=f"{elsewhere}/library")
    with pytest.raises(NotPlexError, match=re.escape(str(refused_status(302, control.stand_in.url)))):
        music.check_server()
    host = elsewhere.removeprefix("http://")
    for key in (f"{elsewhere}/file.mp3", f"@{host}/file.mp3", f".{host}/file.mp3", ""):
        part = MediaPart(key=key, file="/music/file.mp3", size_bytes=1, container="mp3")
        with pytest.raises(NoMediaError, match="not followed"):
            list(audio.read(music._plex, [part], audio.ByteSpan()))
    music.close()
    assert requests == []


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        ({"url": "http://127.0.0.1:9", "token": "right"}, "SERVER_UNREACHABLE"),
        ({"token": "wrong"}, "TOKEN_REFUSED"),
        ({"url": "elsewhere", "token": "right"}, "SERVER_ERROR"),
    ],
)
def test_a_connection_that_fails_leaves_the_one_that_works(
    folder: Path, control: Control, stranger: tuple[str, list[str]], sent: dict[str, str], kind: str
) -> None:
    with Service(folder) as sync:
        connect(sync, control)
        kept = (folder / "connection.json").read_text()
        address = {**sent, "url": stranger[0]} if sent.get("url") == "elsewhere" else sent
        assert reason(sync.SetConnection, pb.SetConnectionRequest(**address)).reason == kind
        assert (folder / "connection.json").read_text() == kept
        assert count(sync) == 33


def test_the_file_is_for_its_owner_alone_and_whole_or_not_there(folder: Path, control: Control) -> None:
    with Service(folder) as sync:
        connect(sync, control)
    (file,) = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert json.loads(file.read_text()) == {"url": control.stand_in.url, "token": TOKEN}


def test_another_process_of_the_service_notices_what_was_stored(folder: Path, control: Control) -> None:
    one, two = Connection(Parts(), folder), Connection(Parts(), folder)
    assert two.address() is None
    one.keep(PlexAddress(url=control.stand_in.url, token=TOKEN))
    address = two.address()
    assert address is not None
    assert address.token == TOKEN


def test_what_the_environment_sets_wins_and_is_locked(folder: Path, control: Control, other: Control) -> None:
    right = {"url": control.stand_in.url, "token": TOKEN}
    with Service(folder) as sync:
        connect(sync, other)
    with Service(folder, Parts(**right)) as sync:
        for sent in (right, {"url": right["url"]}, {"token": TOKEN}):
            refused = reason(sync.SetConnection, pb.SetConnectionRequest(**sent))
            assert refused.reason == "CONNECTION_LOCKED"
            assert refused.code is grpc.StatusCode.FAILED_PRECONDITION
            assert "SYNC_PLEX_URL and SYNC_PLEX_TOKEN" in refused.message
            assert refused.permanent
        assert sources(sync) == ("ENVIRONMENT", "ENVIRONMENT")
        assert count(sync) == 33


@pytest.mark.parametrize(
    ("url", "token"),
    [
        ("nas:32400", ""), ("ftp://nas", ""), ("http://", ""), ("http://me:secret-word@nas", ""),
        ("http://nas:port", ""), ("http://[nas", ""), ("", "secret-word two"), ("", "secret-wörd"),
        ("http://nas:32400", "secret-word\x00"),
    ],
)  # fmt: skip
def test_nonsense_is_refused_without_quoting_it_and_changes_nothing(
    folder: Path, control: Control, caplog: pytest.LogCaptureFixture, url: str, token: str
) -> None:
    caplog.set_level(logging.DEBUG)
    with Service(folder) as sync:
        connect(sync, control)
        refused = reason(sync.SetConnection, pb.SetConnectionRequest(url=url, token=token))
        assert refused.reason == "INVALID_REQUEST"
        assert "Plex server cannot be used" in refused.message
        assert "secret" not in refused.message + caplog.text
        assert count(sync) == 33


def test_without_a_folder_that_can_be_written_nothing_is_kept_and_the_folder_is_named(
    tmp_path: Path, control: Control
) -> None:
    right = pb.SetConnectionRequest(url=control.stand_in.url, token=TOKEN)
    (tmp_path / "a file").write_text("")
    with Service(tmp_path / "a file" / "folder") as sync:
        refused = reason(sync.SetConnection, right)
        assert refused.reason == "FOLDER_UNWRITABLE"
        assert "a file/folder" in refused.message
        assert sources(sync) == ("NONE", "NONE")
    with Service(None) as sync:
        refused = reason(sync.SetConnection, right)
        assert (refused.reason, "SYNC_FOLDER" in refused.message) == ("FOLDER_UNWRITABLE", True)


@pytest.mark.parametrize("kept", ["", "[]", "{", '{"url": 7}', '{"url": "nas", "token": "t"}'])
def test_a_file_that_cannot_be_read_is_no_connection_and_can_be_set_anew(
    folder: Path, control: Control, kept: str
) -> None:
    folder.mkdir()
    (folder / "connection.json").write_text(kept)
    with Service(folder) as sync:
        assert reason(sync.CheckServer, pb.CheckServerRequest()).reason == "NOT_CONFIGURED"
        connect(sync, control)
        assert count(sync) == 33


def test_the_token_is_in_no_log_line_and_in_no_repr(
    folder: Path, control: Control, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with Service(folder) as sync:
        connect(sync, control)
        count(sync)
    connection = Connection(Parts(), folder)
    said = caplog.text + "".join(capfd.readouterr()) + repr(connection.address()) + repr(Parts(token=TOKEN))
    assert TOKEN not in said


def test_a_server_that_is_set_back_to_an_older_version_is_not_written_to_from_the_next_call_on(
    control: Control,
) -> None:
    music = control.music()
    music.tracks(["1001"])
    control.behave(version="1.32.8.7639-fb6452ebf")
    with pytest.raises(ServerTooOldError, match=r"1\.32\.8"):
        music.write_genres("1001", ["Jazz"], locked=True, expected=GenreState())
    assert control.edits() == []
    music.close()


def test_reading_in_bulk_asks_for_the_version_once_in_a_while_and_not_for_each_hundred_songs(
    control: Control,
) -> None:
    clock = [1000.0]
    address = PlexAddress(url=control.stand_in.url, token=TOKEN)
    music = PlexMusic(Plex(address, TIMEOUTS, clock=lambda: clock[0]))
    music.tracks(["1001"])
    before = len(control.requests())
    for _ in range(5):
        music.tracks(["1001", "1002"])
    assert len(control.requests()) == before + 5
    control.behave(version="1.32.8.7639-fb6452ebf")
    clock[0] += VERSION_AGE_SECONDS
    with pytest.raises(ServerTooOldError):
        music.tracks(["1001"])
    music.close()


def test_threads_share_what_is_known_of_the_version(control: Control) -> None:
    music = control.music()
    music.tracks(["1001"])
    root = [each for each in control.requests() if each["path"] == "/"]
    other_thread = threading.Thread(target=music.tracks, args=(["1001"],))
    other_thread.start()
    other_thread.join()
    again = [each for each in control.requests() if each["path"] == "/"]
    assert len(again) == len(root) + 1  # plexapi says hello once for each thread
    music.close()
