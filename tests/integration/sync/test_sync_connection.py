"""The Plex connection: handed over, kept, used from the next call on, never given out; the environment wins."""

import json
import logging
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from plex_stand_in import AUDIO, MUSIC, TOKEN, Control, plain_tracks
from reclass.sync.v1 import sync_pb2 as pb
from reclass.sync.v1 import sync_pb2_grpc
from runtime.errors import RemoteError
from runtime.testing import connected
from standalone.stand_in.catalogue import music_and_films
from standalone.stand_in.server import running_stand_in
from sync.connection import Connection, Parts
from sync.errors import ServerTooOldError
from sync.library import VERSION_AGE_SECONDS, PlexMusic
from sync.plex import Plex, PlexAddress, Timeouts
from sync.servicer import SERVICE_NAME, SyncServicer
from sync.tracks import GenreState

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
        self.music = PlexMusic(Plex(connection.address, TIMEOUTS))
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
    connection.take(url=control.stand_in.url, token=TOKEN)
    plex = Plex(connection.address, TIMEOUTS)
    music = PlexMusic(plex)
    sent = plex.put

    def turn_away_and_put(path: str, parameters: dict[str, str]) -> None:
        connection.take(url=other.stand_in.url, token=OTHER_TOKEN)
        sent(path, parameters)

    plex.put = turn_away_and_put  # type: ignore[method-assign, assignment]
    music.write_genres("1001", ["Jazz"], locked=True, expected=None)
    assert control.state(1001) == (["Jazz"], True)
    assert other.edits() == []
    music.close()


def test_one_part_alone_can_be_changed(folder: Path, control: Control) -> None:
    with Service(folder) as sync:
        sync.SetConnection(pb.SetConnectionRequest(url=control.stand_in.url))
        assert sources(sync) == ("STORED", "NONE")
        sync.SetConnection(pb.SetConnectionRequest(token="wrong"))
        assert reason(sync.CheckServer, pb.CheckServerRequest()).reason == "TOKEN_REFUSED"
        sync.SetConnection(pb.SetConnectionRequest(token=f" {TOKEN}\n"))
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
    one.take(url=control.stand_in.url, token=TOKEN)
    address = two.address()
    assert address is not None
    assert address.token == TOKEN


@pytest.mark.parametrize("part", ["url", "token"])
def test_what_the_environment_sets_wins_and_is_locked_part_by_part(
    folder: Path, control: Control, part: str
) -> None:
    right = {"url": control.stand_in.url, "token": TOKEN}
    other_part = "token" if part == "url" else "url"
    with Service(folder) as sync:
        sync.SetConnection(pb.SetConnectionRequest(url="http://127.0.0.1:9", token="stale"))
    with Service(folder, Parts(**{part: right[part]})) as sync:
        refused = reason(sync.SetConnection, pb.SetConnectionRequest(**right))
        assert refused.reason == "CONNECTION_LOCKED"
        assert refused.code is grpc.StatusCode.FAILED_PRECONDITION
        assert f"SYNC_PLEX_{part.upper()}" in refused.message
        assert refused.permanent
        sync.SetConnection(pb.SetConnectionRequest(**{other_part: right[other_part]}))
        assert set(sources(sync)) == {"ENVIRONMENT", "STORED"}
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


def test_without_a_folder_that_can_be_written_nothing_is_kept_and_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("")
    with Service(tmp_path / "a file" / "folder") as sync:
        refused = reason(sync.SetConnection, pb.SetConnectionRequest(url="http://nas:32400"))
        assert refused.reason == "FOLDER_UNWRITABLE"
        assert "a file/folder" in refused.message
        assert sources(sync) == ("NONE", "NONE")
    with Service(None) as sync:
        refused = reason(sync.SetConnection, pb.SetConnectionRequest(url="http://nas:32400"))
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
    connection = Connection(Parts(token=TOKEN), folder)
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
