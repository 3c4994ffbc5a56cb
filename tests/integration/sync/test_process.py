"""The service and the stand-in as processes of their own."""

import signal
from pathlib import Path

import grpc
from plex_stand_in import AUDIO, TOKEN, plain_tracks
from processes import process_of, wait_for_port
from reclass.sync.v1 import sync_pb2 as pb
from reclass.sync.v1 import sync_pb2_grpc
from runtime.channel import open_channel
from standalone.host.ports import Ports
from standalone.plex_stand_in.catalogue import music_and_films

START_SECONDS = 20


def test_both_start_from_their_command_lines_serve_and_end_with_0_on_sigterm(tmp_path: Path) -> None:
    (tmp_path / "song.mp3").write_bytes(AUDIO)
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    catalogue = tmp_path / "catalogue.json"
    music_and_films(plain_tracks(tmp_path), str(tmp_path)).save(catalogue)
    ports = Ports.free()
    url = f"http://127.0.0.1:{ports.stand_in}"
    arguments = (
        "--catalogue",
        str(catalogue),
        "--state",
        str(tmp_path / "state"),
        "--port",
        str(ports.stand_in),
    )
    stand_in_log, sync_log = tmp_path / "stand-in.log", tmp_path / "sync.log"
    secrets = {"SYNC_PLEX_URL": url, "SYNC_PLEX_TOKEN_FILE": str(tmp_path / "token")}
    with (
        process_of("standalone.plex_stand_in", *arguments, log=stand_in_log, STAND_IN_TOKEN=TOKEN) as plex,
        process_of("sync", log=sync_log, SYNC_PORT=ports.sync, **secrets) as service,
    ):
        wait_for_port(ports.stand_in, plex)
        channel = open_channel(f"127.0.0.1:{ports.sync}", timeout_seconds=START_SECONDS)
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
