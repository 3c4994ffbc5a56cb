"""The service and the stand-in as processes of their own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import requests
from plex_stand_in import AUDIO, TOKEN, plain_tracks
from reclass.sync.v1 import sync_pb2 as pb
from reclass.sync.v1 import sync_pb2_grpc
from runtime.channel import open_channel
from standalone.plex_stand_in.catalogue import music_and_films

START_SECONDS = 20


@contextmanager
def process(log: Path, *arguments: str, **variables: str) -> Iterator["subprocess.Popen[bytes]"]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SYNC_")}
    with log.open("wb") as stderr:
        started = subprocess.Popen(
            [sys.executable, "-m", *arguments], stderr=stderr, env={**environment, **variables}
        )
        try:
            yield started
        finally:
            started.kill()
            started.wait()


def wait_for_http(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            requests.get(url, timeout=1)
        except requests.ConnectionError:
            assert time.monotonic() < deadline, f"{url} never answered"
        else:
            return


def second_port(first: int) -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    return port if port != first else second_port(first)


def test_both_start_from_their_command_lines_serve_and_end_with_0_on_sigterm(
    tmp_path: Path, unused_port: int
) -> None:
    (tmp_path / "song.mp3").write_bytes(AUDIO)
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    catalogue = tmp_path / "catalogue.json"
    music_and_films(plain_tracks(tmp_path), str(tmp_path)).save(catalogue)
    sync_port = second_port(unused_port)
    url = f"http://127.0.0.1:{unused_port}"
    stand_in = ("standalone.plex_stand_in", "--catalogue", str(catalogue), "--state", str(tmp_path / "state"))
    stand_in_log, sync_log = tmp_path / "stand-in.log", tmp_path / "sync.log"
    secrets = {"SYNC_PLEX_URL": url, "SYNC_PLEX_TOKEN_FILE": str(tmp_path / "token")}
    with (
        process(stand_in_log, *stand_in, "--port", str(unused_port), STAND_IN_TOKEN=TOKEN) as plex,
        process(sync_log, "sync", SYNC_PORT=str(sync_port), **secrets) as service,
    ):
        wait_for_http(f"{url}/identity")
        channel = open_channel(f"127.0.0.1:{sync_port}", timeout_seconds=START_SECONDS)
        written = write_and_read(channel)
        channel.close()
        for ended in (service, plex):
            ended.send_signal(signal.SIGTERM)
        codes = [ended.wait(timeout=START_SECONDS) for ended in (service, plex)]

    assert written == ["Jazz"]
    assert codes == [0, 0]
    logs = stand_in_log.read_text() + sync_log.read_text()
    assert '"path": "/library/metadata/1001"' in logs
    assert "reclass.sync.v1.SyncService/WriteGenres" in logs
    assert TOKEN not in logs


def write_and_read(channel: grpc.Channel) -> list[str]:
    sync = sync_pb2_grpc.SyncServiceStub(channel)
    sync.WriteGenres(pb.WriteGenresRequest(rating_key="1001", genres=["Jazz"]))
    return list(sync.GetTracks(pb.GetTracksRequest(rating_keys=["1001"])).tracks[0].genres)


def test_a_stand_in_without_a_token_or_with_a_taken_port_says_so(tmp_path: Path, unused_port: int) -> None:
    catalogue = tmp_path / "catalogue.json"
    music_and_films((), str(tmp_path)).save(catalogue)
    command = [
        sys.executable,
        "-m",
        "standalone.plex_stand_in",
        "--catalogue",
        str(catalogue),
        "--state",
        str(tmp_path),
    ]

    without = subprocess.run(command, capture_output=True, text=True, timeout=START_SECONDS, check=False)
    assert without.returncode == 2
    assert "STAND_IN_TOKEN" in without.stderr

    with socket.create_server(("127.0.0.1", unused_port)):
        taken = [*command, "--token", "x", "--port", str(unused_port)]
        refused = subprocess.run(taken, capture_output=True, text=True, timeout=START_SECONDS, check=False)
    assert refused.returncode == 1
    assert f"cannot listen on 127.0.0.1:{unused_port}" in refused.stderr
