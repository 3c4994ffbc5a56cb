"""Servers that are away, wrong, busy or broken: a typed error and a sentence each, and never the token."""

import gc
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import grpc
import pytest
from plex_stand_in import AUDIO, MUSIC, TOKEN, Control
from reclass.sync.v1 import sync_pb2 as pb
from reclass.sync.v1 import sync_pb2_grpc
from runtime.errors import RemoteError
from runtime.testing import connected
from sync.audio import AudioHeader, ByteSpan
from sync.errors import (
    NoMediaError,
    NotConfiguredError,
    NotPlexError,
    OffsetBeyondEndError,
    ServerBusyError,
    ServerFailedError,
    ServerUnreachableError,
    ShortPageError,
    SyncError,
    TokenRefusedError,
    TooManyRequestsError,
)
from sync.library import PlexMusic
from sync.plex import Plex, PlexAddress, Timeouts
from sync.servicer import SERVICE_NAME, SyncServicer

SECTIONS, METADATA = "/library/sections", "/library/metadata/"
QUICK = Timeouts(connect_seconds=0.5, read_seconds=0.5)


def at(url: str, token: str = TOKEN) -> PlexMusic:
    return PlexMusic(Plex(PlexAddress(url=url, token=token), QUICK))


def fault_of(call: Callable[[], object]) -> SyncError:
    with pytest.raises(SyncError) as caught:
        call()
    return caught.value


def test_a_wrong_token_is_told_from_everything_else(control: Control) -> None:
    music = at(control.stand_in.url, "wrong-token")

    error = fault_of(music.check_server)

    assert isinstance(error, TokenRefusedError)
    assert "SYNC_PLEX_TOKEN" in str(error)
    assert "wrong-token" not in str(error)
    music.close()


def test_a_port_where_nobody_listens_is_said(unused_port: int) -> None:
    error = fault_of(at(f"http://127.0.0.1:{unused_port}").check_server)

    assert isinstance(error, ServerUnreachableError)
    assert "nobody listens" in str(error)


def test_a_name_that_nobody_knows_is_said() -> None:
    error = fault_of(at("http://no-such-host.invalid:32400").check_server)

    assert isinstance(error, ServerUnreachableError)
    assert "the name in http://no-such-host.invalid:32400 is unknown" in str(error)


def test_a_server_that_takes_the_connection_and_falls_silent_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = fault_of(at(f"http://127.0.0.1:{silent.getsockname()[1]}").check_server)

    assert isinstance(error, ServerUnreachableError)
    assert "fell silent" in str(error)


def test_a_web_page_is_not_plex(control: Control) -> None:
    control.fail("web_page", times=-1)
    music = at(control.stand_in.url)

    error = fault_of(music.check_server)

    assert isinstance(error, NotPlexError)
    assert "not as a Plex server does" in str(error)
    music.close()


def test_a_redirect_is_not_followed_for_it_would_take_the_token_along(control: Control) -> None:
    control.fail("status", status=307, times=-1)
    music = at(control.stand_in.url)

    error = fault_of(music.check_server)

    assert isinstance(error, NotPlexError)
    assert "sends on to another address" in str(error)
    music.close()


@contextmanager
def answering(*answers: bytes) -> Iterator[str]:
    """Whoever connects gets the next of these bytes, from the last one on always that."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ended = threading.Event()

        def answer() -> None:
            number = 0
            while not ended.is_set():
                connection, _ = server.accept()
                with connection, suppress(OSError):
                    connection.settimeout(1)
                    connection.recv(10_000)
                    connection.sendall(answers[min(number, len(answers) - 1)])
                number += 1

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        ended.set()
        socket.create_connection(server.getsockname()).close()
        thread.join()


OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
ROOT = OK + b"\r\n<MediaContainer machineIdentifier='m' version='1.41.0'/>"
NONSENSE = {
    "nothing": b"",
    "zeros": bytes(100),
    "an empty answer": OK + b"\r\n",
    "no XML": OK + b"\r\n{}",
    "an encoding that there is not": OK + b"\r\n<?xml version='1.0' encoding='foo'?><a/>",
    "an encoding of many bytes": OK + b"\r\n<?xml version='1.0' encoding='utf-32'?><a/>",
    "gzip that is none": OK + b"Content-Encoding: gzip\r\n\r\nxxxx",
    "a short answer": OK + b"Content-Length: 9999\r\n\r\n<a",
    "a date that is none": OK + b"Date: 99999\r\n\r\n<a/>",
    "status 999": b"HTTP/1.1 999 x\r\nContent-Length: 0\r\n\r\n",
    "status 600": b"HTTP/1.1 600 x\r\nContent-Length: 0\r\n\r\n",
    "status 299": b"HTTP/1.1 299 x\r\nContent-Length: 0\r\n\r\n",
    "status 100 and no other": b"HTTP/1.1 100 Continue\r\n\r\n" * 200,
    "a long line": OK + b"X: " + b"y" * 70_000 + b"\r\n\r\n<a/>",
    "many lines": OK + b"X: y\r\n" * 300 + b"\r\n<a/>",
}


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE)
def test_whatever_answers_in_place_of_plex_is_told_by_a_sentence(answer: bytes) -> None:
    with answering(answer) as url:
        music = at(url)
        error = fault_of(music.check_server)
        music.close()
        assert str(error).startswith(("Plex at", "something answers"))
    # Python warns of a connection that nobody closed when it finds that out.
    del error
    gc.collect()


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE)
def test_whatever_plex_answers_of_a_sudden_is_told_by_a_sentence(answer: bytes) -> None:
    """Once it was known, and also to an edit."""
    for ask in (
        lambda plex: plex.get("/library/sections"),
        lambda plex: plex.put("/library/sections/2/all", {"id": "1"}),
    ):
        with answering(ROOT, answer) as url:
            plex = Plex(PlexAddress(url=url, token=TOKEN), QUICK)
            with suppress(SyncError):  # an edit asks for no answer
                assert ask(plex) is None or answer.endswith(b"<a/>")
            plex.close()


@pytest.mark.parametrize(
    "host", ["a" * 64, "a" * 64 + ".com", "a..b", "xn--" + "a" * 70, "a" * 3000, "-", "%00", "*", ".a"]
)
def test_a_name_that_no_host_can_have_is_said(host: str) -> None:
    music = at(f"http://{host}:32400")
    error = fault_of(music.check_server)
    music.close()
    assert isinstance(error, NotPlexError | ServerUnreachableError)
    assert host in str(error)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "status", "status": 503}, ServerBusyError),
        ({"kind": "status", "status": 429}, TooManyRequestsError),
        ({"kind": "status", "status": 500}, ServerFailedError),
        ({"kind": "status", "status": 401}, TokenRefusedError),
        ({"kind": "cut"}, ServerFailedError),
        ({"kind": "web_page"}, ServerFailedError),
        ({"kind": "login_page"}, ServerFailedError),
        ({"kind": "hang"}, ServerUnreachableError),
        ({"kind": "reset_before"}, ServerUnreachableError),
        ({"kind": "echo_token"}, ServerFailedError),
    ],
)
def test_what_goes_wrong_with_a_request_has_a_kind_and_passes_with_its_cause(
    music: PlexMusic, control: Control, fault: dict[str, object], kind: type[SyncError]
) -> None:
    control.fail(path=METADATA, times=-1, **fault)
    assert isinstance(fault_of(lambda: music.track("1001")), kind)

    control.ask("DELETE", "faults")
    assert music.track("1001").rating_key == 1001


def test_one_dropped_connection_is_not_noticed(music: PlexMusic, control: Control) -> None:
    control.fail("reset_before", path=METADATA)

    assert music.track("1001").rating_key == 1001


def test_the_wait_that_a_busy_server_names_is_passed_on(music: PlexMusic, control: Control) -> None:
    control.fail("status", status=429, path=METADATA, times=-1)

    assert "wait 7 s" in str(fault_of(lambda: music.track("1001")))


def test_one_short_page_is_asked_for_again_and_three_are_an_error(music: PlexMusic, control: Control) -> None:
    control.fail("short_page", path=SECTIONS, rows=2)
    assert len(music.page(MUSIC, 10, "").tracks) == 10

    control.fail("short_page", path=SECTIONS, rows=2, times=3)
    assert isinstance(fault_of(lambda: music.page(MUSIC, 10, "")), ShortPageError)


def test_tracks_that_go_between_two_pages_push_no_other_out_of_the_listing(
    music: PlexMusic, control: Control
) -> None:
    control.fail("remove_after", path=SECTIONS, rating_keys=[1001, 1002, 1010])

    keys, token = [], ""
    while True:
        page = music.page(MUSIC, 10, token)
        keys += [track.rating_key for track in page.tracks]
        token = page.next_token
        if not token:
            break

    assert keys[:10] == list(range(1001, 1011))
    assert keys[10:13] == [1011, 1012, 1013]
    assert len(keys) == len(set(keys)) == 33


def test_a_slow_body_is_no_fault_while_it_keeps_coming(music: PlexMusic, control: Control) -> None:
    control.fail("slow", path=METADATA, seconds=0.02)

    assert music.track("1001").rating_key == 1001


def test_audio_that_stops_coming_ends_with_an_error_and_resumes(control: Control) -> None:
    control.fail("slow", path="/library/parts/", seconds=5)
    music = at(control.stand_in.url)

    stalled = fault_of(lambda: list(music.read_audio("1001", "", ByteSpan())))

    assert isinstance(stalled, ServerUnreachableError)
    _, *rest = music.read_audio("1001", "", ByteSpan(offset=len(AUDIO) - 10))
    assert rest == [AUDIO[-10:]]
    music.close()


def test_a_server_that_ignores_the_offset_still_gives_the_right_bytes(
    music: PlexMusic, control: Control
) -> None:
    control.behave(honours_range=False)

    header, *rest = music.read_audio("1001", "", ByteSpan(offset=2_000_000))

    assert getattr(header, "size_bytes", 0) == len(AUDIO)
    assert b"".join(piece for piece in rest if isinstance(piece, bytes)) == AUDIO[2_000_000:]


@pytest.mark.parametrize(("offset", "length"), [(0, 1), (65_530, 12), (2_000_000, 700_000), (3_071_990, 10)])
@pytest.mark.parametrize("honours_range", [True, False])
def test_of_a_length_come_these_bytes_and_no_others(
    music: PlexMusic, control: Control, offset: int, length: int, honours_range: bool
) -> None:
    control.behave(honours_range=honours_range)

    header, *pieces = music.read_audio("1001", "", ByteSpan(offset=offset, length=length))

    assert getattr(header, "size_bytes", 0) == len(AUDIO)
    assert b"".join(piece for piece in pieces if isinstance(piece, bytes)) == AUDIO[offset : offset + length]
    if honours_range:
        assert asked_ranges(control) == [f"bytes={offset}-{offset + length - 1}"]


def asked_ranges(control: Control) -> list[str]:
    """What was asked for of files, as HTTP says it."""
    return [each["range"] for each in control.requests() if each["path"].startswith("/library/parts/")]


def test_a_length_beyond_the_end_gives_what_there_is(music: PlexMusic, control: Control) -> None:
    for honours_range in (True, False):
        control.behave(honours_range=honours_range)
        _, *pieces = music.read_audio("1001", "", ByteSpan(offset=len(AUDIO) - 5, length=1000))
        assert pieces == [AUDIO[-5:]]


@pytest.mark.parametrize("honours_range", [True, False])
def test_a_file_without_a_byte_has_none(
    music: PlexMusic, control: Control, tmp_path: Path, honours_range: bool
) -> None:
    control.behave(honours_range=honours_range)
    (tmp_path / "empty.mp3").write_bytes(b"")
    track = {"rating_key": 7004, "title": "Empty", "file": str(tmp_path / "empty.mp3")}
    control.ask("POST", "tracks", {"library_key": 2, "tracks": [track]})

    header, *pieces = music.read_audio("7004", "", ByteSpan(length=1))

    assert isinstance(header, AudioHeader)
    assert (header.size_bytes, header.media_type, pieces) == (0, "audio/mpeg", [])


def test_a_server_that_sends_another_place_of_the_file_is_not_believed(
    music: PlexMusic, control: Control
) -> None:
    control.behave(shifts_range=3)

    error = fault_of(lambda: list(music.read_audio("1001", "", ByteSpan(offset=100, length=10))))

    assert isinstance(error, ServerFailedError)
    assert "byte 103" in str(error)


def test_a_file_that_plex_lists_and_has_no_more_is_no_media(music: PlexMusic, control: Control) -> None:
    track = {"rating_key": 7001, "title": "Gone", "file": "/nowhere/gone.mp3", "size_bytes": 10}
    control.ask("POST", "tracks", {"library_key": 2, "tracks": [track]})

    error = fault_of(lambda: list(music.read_audio("7001", "", ByteSpan())))

    assert isinstance(error, NoMediaError)
    assert "let Plex scan" in str(error)


def test_the_first_of_several_versions_that_plex_has_is_read_unless_a_part_is_named(
    music: PlexMusic, control: Control
) -> None:
    file = music.track("1001").parts[0].file
    track = {"rating_key": 7002, "title": "Two", "file": file, "more_versions": [["/m/b.flac", "/m/c.flac"]]}
    control.ask("POST", "tracks", {"library_key": 2, "tracks": [track]})

    parts = music.track("7002").parts

    assert [part.file for part in parts] == [file, "/m/b.flac", "/m/c.flac"]
    header, *_ = music.read_audio("7002", "", ByteSpan())
    assert getattr(header, "file_name", "") == "song.mp3"
    assert isinstance(
        fault_of(lambda: list(music.read_audio("7002", parts[1].key, ByteSpan()))), NoMediaError
    )


def test_where_the_first_version_is_gone_the_next_that_is_there_is_read(
    music: PlexMusic, control: Control
) -> None:
    file = music.track("1001").parts[0].file
    gone = {"file": "/gone/a.flac", "size_bytes": 10}
    versions = [["/gone/b.flac"], [file, "/gone/c.mp3"]]
    track = {"rating_key": 7003, "title": "Three", **gone, "more_versions": versions}
    control.ask("POST", "tracks", {"library_key": 2, "tracks": [track]})
    parts = music.track("7003").parts

    header, *pieces = music.read_audio("7003", "", ByteSpan())

    # A version in two files: its second is tried after the beginnings of all.
    assert [part.file for part in parts] == ["/gone/a.flac", "/gone/b.flac", file, "/gone/c.mp3"]
    assert isinstance(header, AudioHeader)
    assert (header.file_name, header.part_key) == ("song.mp3", parts[2].key)
    assert b"".join(piece for piece in pieces if isinstance(piece, bytes)) == AUDIO
    _, *rest = music.read_audio("7003", header.part_key, ByteSpan(offset=1_000_000))
    assert b"".join(piece for piece in rest if isinstance(piece, bytes)) == AUDIO[1_000_000:]
    # What goes on must not come from another file.
    assert isinstance(
        fault_of(lambda: list(music.read_audio("7003", "", ByteSpan(offset=1_000_000)))), OffsetBeyondEndError
    )


def test_a_service_without_a_server_answers_every_call_with_the_remedy() -> None:
    music = PlexMusic(Plex(None))
    assert isinstance(fault_of(music.check_server), NotConfiguredError)

    with connected({SERVICE_NAME: SyncServicer(music).register}) as channel:
        sync = sync_pb2_grpc.SyncServiceStub(channel)
        calls: list[Callable[[], object]] = [
            lambda: sync.CheckServer(pb.CheckServerRequest()),
            lambda: sync.ListLibraries(pb.ListLibrariesRequest()),
            lambda: sync.ListTracks(pb.ListTracksRequest(library_key="2")),
            lambda: sync.GetTracks(pb.GetTracksRequest(rating_keys=["1"])),
            lambda: list(sync.ReadAudio(pb.ReadAudioRequest(rating_key="1"))),
            lambda: sync.WriteGenres(pb.WriteGenresRequest(rating_key="1")),
        ]
        for call in calls:
            with pytest.raises(grpc.RpcError) as caught:
                call()
            error = RemoteError.from_rpc(caught.value)
            assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NOT_CONFIGURED")
            assert "SYNC_PLEX_URL" in error.message


def test_no_log_line_error_or_cause_ever_holds_the_token(
    control: Control, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("plexapi").setLevel(logging.DEBUG)
    told: list[str] = []
    for kind in ("echo_token", "reset_before", "cut", "hang", "web_page", "status"):
        control.fail(kind, path=METADATA, times=-1)
        music = at(control.stand_in.url)
        error: BaseException | None = fault_of(lambda: music.track("1001"))  # noqa: B023 - called at once
        while error is not None:
            told += [str(error), repr(error)]
            error = error.__cause__ or error.__context__
        control.ask("DELETE", "faults")
        music.close()

    assert len(told) >= 12
    assert len(caplog.records) > 6
    assert TOKEN not in "\n".join([*told, caplog.text])


def test_the_login_page_of_a_proxy_says_nothing_of_tracks_and_lists(
    music: PlexMusic, control: Control
) -> None:
    """Read as an answer of Plex it says that no track is there, and that a playlist is empty."""
    control.fail("login_page", path="/library/metadata/", times=-1)
    control.fail("login_page", path="/playlists", times=-1)

    for call in (lambda: music.tracks(["1001"]), lambda: music.song_lists.playlist_members("1", 10, "")):
        error = fault_of(call)
        assert isinstance(error, ServerFailedError)
        assert "perhaps the login page of a proxy" in str(error)
