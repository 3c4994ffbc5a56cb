"""The service over a real socket with real processes: what callers get, and what crashes leave behind."""

import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import audio_files
import grpc
import mutagen
import numpy as np
import psutil
import pytest
from features.__main__ import _downloads
from features.audio.content_key import content_key
from features.audio.decode import load_excerpt
from features.audio.excerpts import Excerpt
from features.errors import DecoderCrashedError, SyncUnavailableError, TimedOutError
from features.extractor import Extractor
from features.fma.vector import fma_features, version
from features.messages import KIND_NAMES
from features.servicer import FeatureServicer
from features.settings import FeatureSettings
from features.source.download import Downloads
from features.source.location import MediaFolders, PathMapping
from features.source.resolve import AudioSources
from features.workers.pool import ExtractionPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from mutagen.flac import FLAC
from reclass.features.v1 import features_pb2, features_pb2_grpc
from reclass.sync.v1 import sync_pb2, sync_pb2_grpc
from runtime.channel import open_channel
from runtime.errors import RemoteError, ServiceError
from runtime.streams import StreamLimits
from runtime.testing import connected
from wire import values_of

FEATURES = "reclass.features.v1.FeatureService"
SYNC = "reclass.sync.v1.SyncService"
MAX_DOWNLOAD_BYTES = 4_000_000


class TrackNotFoundError(ServiceError):
    code, reason, domain, permanent = grpc.StatusCode.NOT_FOUND, "TRACK_NOT_FOUND", "reclass.sync", True


class AnotherTrackError(ServiceError):
    code, reason, domain, permanent = (
        grpc.StatusCode.FAILED_PRECONDITION,
        "ANOTHER_TRACK",
        "reclass.sync",
        True,
    )


class EarlyEndError(ServiceError):
    code, reason, domain = grpc.StatusCode.DATA_LOSS, "SERVER_ERROR", "reclass.sync"


class PlexOfOneSong(sync_pb2_grpc.SyncServiceServicer):
    """Reads files by rating key as sync does; every first stream of a key that begins with "broken" breaks off."""

    def __init__(self, files: dict[str, Path]) -> None:
        self.files = files
        self.offsets: list[int] = []
        self.asked: list[str] = []
        """Parts by name; the first call of a song names none."""
        self.meant: list[sync_pb2.TrackIdentity | None] = []

    def ReadAudio(self, request, context):
        self.offsets.append(request.offset)
        self.asked.append(request.part_key)
        self.meant.append(request.track if request.HasField("track") else None)
        if request.track.guid == "plex://track/another":
            raise AnotherTrackError("rating key 1 was given to another track")
        if request.rating_key not in self.files:
            raise TrackNotFoundError(f"Plex knows no track {request.rating_key}")
        content = self.files[request.rating_key].read_bytes()
        header = sync_pb2.AudioHeader(file_name="song", size_bytes=len(content), part_key="/parts/1")
        yield sync_pb2.ReadAudioResponse(header=header)
        for start in range(request.offset, len(content), 100_000):
            if request.rating_key.startswith("broken") and request.offset == 0 and start >= 200_000:
                raise EarlyEndError("Plex closed the connection")
            if request.rating_key == "hopeless":
                raise EarlyEndError("Plex closed the connection")
            yield sync_pb2.ReadAudioResponse(data=content[start : start + 100_000])


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("library")
    audio_files.song(folder, "flac", seconds=12.0)
    audio_files.song(folder, "m4a", seconds=12.0)
    (folder / "text.mp3").write_text("no music " * 100)
    file = FLAC(folder / "song.flac")
    file["title"], file["genre"] = "Title", ["Jazz", "Latin"]
    file.save()
    return folder


@pytest.fixture(scope="module")
def long_song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Longer than an excerpt."""
    return audio_files.song(tmp_path_factory.mktemp("long"), "flac", seconds=40.0)


@pytest.fixture(scope="module")
def strangers() -> set[int]:
    """Processes that other tests of this run have left to their servers."""
    return {process.pid for process in grandchildren()}


@pytest.fixture(scope="module")
def pool(strangers) -> Iterator[ExtractionPool]:
    pool = ExtractionPool(processes=1, time_limit_seconds=5.0)
    pool.warm_up()
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def plex(library, tmp_path_factory) -> PlexOfOneSong:
    big = tmp_path_factory.mktemp("big") / "big.wav"
    big.write_bytes(bytes(MAX_DOWNLOAD_BYTES + 1))
    song = library / "song.flac"
    return PlexOfOneSong({"1": song, "broken": song, "hopeless": song, "big": big})


@pytest.fixture(scope="module")
def stub(library, pool, plex) -> Iterator[features_pb2_grpc.FeatureServiceStub]:
    add_sync = partial(sync_pb2_grpc.add_SyncServiceServicer_to_server, plex)
    with connected({SYNC: add_sync}) as sync:
        sources = AudioSources(
            MediaFolders(folders=(library,)),
            Downloads(sync, max_bytes=MAX_DOWNLOAD_BYTES, timeout_seconds=10.0),
        )
        servicer = servicer_of(
            Extractor(sources=sources, pool=pool, kind_names=KIND_NAMES), media_folders=(str(library),)
        )
        add = partial(features_pb2_grpc.add_FeatureServiceServicer_to_server, servicer)
        with connected({FEATURES: add}, timeout_seconds=30.0) as channel:
            yield features_pb2_grpc.FeatureServiceStub(channel)


def servicer_of(
    extractor: Extractor, *, media_folders: tuple[str, ...] = (), songs: int = 8, max_streams: int = 1
) -> FeatureServicer:
    limits = StreamLimits(songs=songs, content_bytes=10_000_000, workers=4)
    return FeatureServicer(
        extractor=extractor, media_folders=media_folders, stream_limits=limits, max_streams=max_streams
    )


def extract(stub, kinds=(), mappings=(), **audio) -> features_pb2.ExtractResponse:
    return stub.Extract(
        features_pb2.ExtractRequest(
            audio=features_pb2.AudioReference(**audio), kinds=kinds, path_mappings=mappings
        )
    )


@contextmanager
def refused(reason: str, code: grpc.StatusCode, *, permanent: bool, says: str) -> Iterator[None]:
    with pytest.raises(grpc.RpcError) as raised:
        yield
    error = RemoteError.from_rpc(raised.value)
    assert (error.reason, error.code, error.permanent) == (reason, code, permanent)
    assert error.domain == "reclass.features"
    assert says in error.message


def test_a_song_by_path_brings_its_vector_tags_key_and_properties(stub, library):
    answer = extract(stub, path=str(library / "song.flac"))
    expected = fma_features(load_excerpt(str(library / "song.flac")).y)
    (vector,) = answer.vectors
    assert (vector.kind, vector.version) == (features_pb2.VECTOR_KIND_FMA, version(Excerpt.MIDDLE))
    np.testing.assert_allclose(values_of(vector), expected, rtol=1e-5, atol=1e-5)
    assert (answer.tags.title, list(answer.tags.genres)) == ("Title", ["Jazz", "Latin"])
    assert answer.content_key.startswith("1-")
    assert answer.properties.codec == "flac"
    assert answer.properties.duration_seconds == pytest.approx(12.0)
    assert answer.properties.size_bytes == (library / "song.flac").stat().st_size


@pytest.mark.parametrize("name", ["song.flac", "song.m4a"])
def test_the_bytes_of_a_song_are_analysed_as_its_file_is_and_nothing_is_left_on_disk(
    stub, library, name, tmp_path, monkeypatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    by_path = extract(stub, path=str(library / name))
    by_bytes = extract(stub, content=(library / name).read_bytes())
    assert by_bytes == by_path
    assert list(tmp_path.iterdir()) == []


def test_a_track_is_read_through_sync_when_its_file_is_not_mounted(stub, library):
    by_path = extract(stub, path=str(library / "song.flac"))
    assert extract(stub, rating_key="1", path_hint="/volume1/music/song.flac") == by_path
    assert extract(stub, rating_key="1") == by_path


def test_a_mounted_file_is_read_without_sync(stub, plex, library):
    plex.offsets.clear()
    extract(stub, rating_key="unknown to Plex", path_hint=str(library / "song.flac"))
    assert plex.offsets == []


def test_a_stream_that_breaks_off_goes_on_where_it_stopped(stub, plex, library):
    plex.offsets.clear()
    plex.asked.clear()
    assert extract(stub, rating_key="broken") == extract(stub, path=str(library / "song.flac"))
    assert plex.offsets == [0, 200_000]
    # Another version would not go on where this one broke off.
    assert plex.asked == ["", "/parts/1"]


@pytest.mark.parametrize("first", ["gone.flac", "text.mp3"], ids=["gone", "no audio"])
@pytest.mark.parametrize("named", ["path", "rating_key"])
def test_of_several_versions_the_first_that_can_be_analysed_is(stub, plex, library, first, named):
    plex.offsets.clear()
    path = str(library / first)
    audio = {"path": path} if named == "path" else {"rating_key": "1", "path_hint": path}
    others = ["/volume1/other.flac", str(library / "song.flac"), str(library / "song.m4a")]
    answer = extract(stub, **audio, other_path_hints=others)
    assert answer == extract(stub, path=str(library / "song.flac"))
    assert plex.offsets == []


def test_where_no_version_can_be_analysed_the_fault_is_that_of_the_best(stub, library):
    versions = {"path": str(library / "text.mp3"), "other_path_hints": [str(library / "gone.flac")]}
    with refused("NOT_AUDIO", grpc.StatusCode.INVALID_ARGUMENT, permanent=True, says="is a text"):
        extract(stub, **versions)


def test_where_no_version_is_mounted_the_bytes_come_from_plex(stub, library):
    versions = {"path_hint": "/volume1/a.flac", "other_path_hints": ["/volume1/b.flac"]}
    assert extract(stub, rating_key="1", **versions) == extract(stub, path=str(library / "song.flac"))


def test_a_request_may_bring_path_mappings(stub, library):
    mapping = features_pb2.PathMapping(from_prefix="D:\\Music", to_prefix=str(library))
    assert extract(stub, path="D:\\Music\\song.flac", mappings=[mapping]).content_key


def test_kinds_that_are_not_installed_are_named_as_missing(stub, library):
    kinds = [features_pb2.VECTOR_KIND_MERT, features_pb2.VECTOR_KIND_JMLA]
    answer = extract(stub, path=str(library / "song.flac"), kinds=kinds)
    assert [(m.kind, m.permanent) for m in answer.missing] == [(kind, True) for kind in kinds]
    assert all("not installed" in m.message for m in answer.missing)
    assert not answer.vectors
    assert answer.content_key


def test_capabilities_say_what_can_be_made(stub, library):
    answer = stub.GetCapabilities(features_pb2.GetCapabilitiesRequest())
    assert [(k.kind, k.available, k.length) for k in answer.kinds] == [
        (1, True, 518),
        (2, False, 0),
        (3, False, 0),
        (4, True, 518),
    ]
    assert list(answer.media_folders) == [str(library)]
    assert answer.processes == 1


@pytest.mark.parametrize(
    ("asked", "part", "start", "seconds"),
    [
        (features_pb2.EXCERPT_UNSPECIFIED, Excerpt.MIDDLE, 5.0, 30.0),
        (features_pb2.EXCERPT_MIDDLE_30S, Excerpt.MIDDLE, 5.0, 30.0),
        (features_pb2.EXCERPT_FIRST_30S, Excerpt.FIRST, 0.0, 30.0),
        (features_pb2.EXCERPT_WHOLE, Excerpt.WHOLE, 0.0, 40.0),
    ],
)
def test_the_excerpt_that_is_asked_for_is_taken_and_named_in_the_version(
    stub, long_song, asked, part, start, seconds
):
    audio = features_pb2.AudioReference(content=long_song.read_bytes())
    answer = stub.Extract(features_pb2.ExtractRequest(audio=audio, excerpt=asked))
    (vector,) = answer.vectors
    assert vector.version == version(part)
    assert answer.properties.excerpt_start_seconds == pytest.approx(start, abs=0.1)
    assert answer.properties.excerpt_duration_seconds == pytest.approx(seconds, abs=0.1)
    # Sums of another process differ in their last bits.
    expected = fma_features(load_excerpt(str(long_song), part).y)
    np.testing.assert_allclose(values_of(vector), expected, rtol=1e-4, atol=1e-4)
    told = stub.GetCapabilities(features_pb2.GetCapabilitiesRequest(excerpt=asked))
    assert told.kinds[0].version == vector.version


@pytest.mark.parametrize(
    "fields",
    [
        {"excerpt": 9},
        {"compute": features_pb2.ComputeOptions(device=9)},
        {"compute": features_pb2.ComputeOptions(gpu_memory_share=1.5)},
        {"compute": features_pb2.ComputeOptions(gpu_memory_share=float("nan"))},
        {"compute": features_pb2.ComputeOptions(batch_size=-1)},
    ],
)
def test_options_that_make_no_sense_are_refused(stub, library, fields):
    audio = features_pb2.AudioReference(path=str(library / "song.flac"))
    with pytest.raises(grpc.RpcError) as caught:
        stub.Extract(features_pb2.ExtractRequest(audio=audio, **fields))
    assert RemoteError.from_rpc(caught.value).reason == "INVALID_REQUEST"


def test_mappings_of_the_environment_are_said_to_be_locked(stub, library, pool):
    assert not stub.GetCapabilities(features_pb2.GetCapabilitiesRequest()).path_mappings_locked
    own = MediaFolders(
        folders=(library,), mappings=(PathMapping(from_prefix="/plex", to_prefix=str(library)),)
    )
    sources = AudioSources(own, Downloads(None, max_bytes=1, timeout_seconds=1))
    servicer = servicer_of(Extractor(sources=sources, pool=pool))
    add = partial(features_pb2_grpc.add_FeatureServiceServicer_to_server, servicer)
    with connected({FEATURES: add}) as channel:
        locked = features_pb2_grpc.FeatureServiceStub(channel)
        assert locked.GetCapabilities(features_pb2.GetCapabilitiesRequest()).path_mappings_locked


def ask_knowing(stub, path: Path, *keys: str) -> features_pb2.ExtractResponse:
    audio = features_pb2.AudioReference(path=str(path))
    return stub.Extract(features_pb2.ExtractRequest(audio=audio, known_content_keys=keys))


@pytest.mark.parametrize("name", ["song.flac", "song.m4a"])
def test_audio_that_the_caller_knows_is_named_with_its_new_tags_and_not_decoded(stub, library, name):
    key = extract(stub, path=str(library / name)).content_key
    copy = library / f"copy of {name}"
    shutil.copyfile(library / name, copy)
    file = mutagen.File(copy, easy=True)
    file["genre"] = ["Blues"]
    file.save()
    answer = ask_knowing(stub, copy, "1-0-another", key)
    assert (answer.already_known, answer.content_key, list(answer.tags.genres)) == (True, key, ["Blues"])
    assert not answer.vectors
    assert not answer.HasField("properties")
    other = ask_knowing(stub, copy, "1-0-another")
    assert (other.already_known, other.content_key, len(other.vectors)) == (False, key, 1)


def test_a_known_key_is_enough_even_where_nothing_could_be_decoded(stub, library):
    with (library / "text.mp3").open("rb") as file:
        key = content_key(file)
    assert ask_knowing(stub, library / "text.mp3", key).already_known


def test_more_keys_than_a_request_may_have_are_refused(stub, library):
    says = "at most 1000"
    with refused("INVALID_REQUEST", grpc.StatusCode.INVALID_ARGUMENT, permanent=True, says=says):
        ask_knowing(stub, library / "song.flac", *map(str, range(1001)))


def test_each_fault_has_its_reason_and_says_what_to_do(stub, library):
    code = grpc.StatusCode
    with refused("INVALID_REQUEST", code.INVALID_ARGUMENT, permanent=True, says="give a path"):
        extract(stub)
    with refused("INVALID_REQUEST", code.INVALID_ARGUMENT, permanent=True, says="needs both sides"):
        extract(stub, path="/a", mappings=[features_pb2.PathMapping(from_prefix="/a", to_prefix="b")])
    with refused("AUDIO_NOT_FOUND", code.NOT_FOUND, permanent=False, says="is not there"):
        extract(stub, path=str(library / "none.flac"))
    with refused(
        "OUTSIDE_MEDIA_FOLDERS", code.PERMISSION_DENIED, permanent=True, says="outside the media folders"
    ):
        out = [features_pb2.PathMapping(from_prefix="/data", to_prefix="/etc")]
        extract(stub, path="/data/passwd", mappings=out)
    with refused(
        "PATH_NOT_MOUNTED", code.FAILED_PRECONDITION, permanent=False, says=f"/volume1={library} would fit"
    ):
        extract(stub, path="/volume1/song.flac")
    with refused("NOT_AUDIO", code.INVALID_ARGUMENT, permanent=True, says="no audio"):
        extract(stub, path=str(library / "text.mp3"))
    with refused("TRUNCATED", code.DATA_LOSS, permanent=True, says="copy or rip it again"):
        extract(stub, content=(library / "song.m4a").read_bytes()[:100_000])
    with refused("AUDIO_NOT_FOUND", code.NOT_FOUND, permanent=False, says="Plex knows no track 7"):
        extract(stub, rating_key="7")
    with refused("AUDIO_NOT_FOUND", code.NOT_FOUND, permanent=False, says=f"={library} would fit"):
        extract(stub, rating_key="7", path_hint="/volume1/song.flac")
    with refused("TOO_LARGE", code.OUT_OF_RANGE, permanent=True, says="FEATURES_MAX_DOWNLOAD_BYTES"):
        extract(stub, rating_key="big")


def test_of_a_file_that_plex_has_lost_nobody_is_told_to_mount_it(stub):
    with pytest.raises(grpc.RpcError) as raised:
        extract(stub, rating_key="7", path_hint="/volume1/not there.flac")
    error = RemoteError.from_rpc(raised.value)
    assert error.reason == "AUDIO_NOT_FOUND"
    assert "mount" not in error.message


@pytest.mark.parametrize("path", ["/etc/passwd", "/etc/no such file", "{library}/../other", "/proc/self/exe"])
def test_a_file_outside_is_refused_as_one_that_does_not_exist_is(stub, library, path):
    says = "is not mounted here, and no media folder"
    with refused("PATH_NOT_MOUNTED", grpc.StatusCode.FAILED_PRECONDITION, permanent=False, says=says):
        extract(stub, path=path.format(library=library))


def test_what_is_known_of_a_track_goes_to_sync_with_each_call_and_another_track_is_not_analysed(stub, plex):
    plex.meant.clear()
    track = features_pb2.TrackIdentity(guid="plex://track/1", title="Title", artist="Somebody")
    extract(stub, rating_key="broken", path_hint="/volume1/x.flac", track=track)
    whole = sync_pb2.TrackIdentity(
        guid="plex://track/1", file="/volume1/x.flac", title="Title", artist="Somebody"
    )
    assert plex.meant == [whole, whole]
    plex.meant.clear()
    extract(stub, rating_key="1", path_hint="/volume1/x.flac")
    assert plex.meant == [None], "a caller who says nothing of the track has the key believed"
    says = "given to another track"
    with refused("ANOTHER_TRACK", grpc.StatusCode.FAILED_PRECONDITION, permanent=True, says=says):
        extract(stub, rating_key="1", track=features_pb2.TrackIdentity(guid="plex://track/another"))


def test_a_sync_that_cannot_help_is_asked_three_times_and_named(stub, plex):
    plex.offsets.clear()
    with refused(
        "SYNC_UNAVAILABLE", grpc.StatusCode.UNAVAILABLE, permanent=False, says="is not mounted here"
    ):
        extract(stub, rating_key="hopeless", path_hint="/volume1/x.flac")
    assert plex.offsets == [0, 0, 0]


@pytest.mark.parametrize(
    ("target", "says"), [(None, "FEATURES_SYNC_TARGET"), ("127.0.0.1:1", "could not be read")]
)
def test_a_sync_that_is_not_there_is_named_soon(target, says):
    channel = open_channel(target) if target else None
    started = time.monotonic()
    with pytest.raises(SyncUnavailableError, match=says):
        Downloads(channel, max_bytes=1, timeout_seconds=1.0).fetch("1", io.BytesIO())
    assert time.monotonic() - started < 10


def test_with_its_usual_settings_too_a_sync_that_is_down_is_named_within_seconds(unused_port):
    downloads = _downloads(FeatureSettings(sync_target=f"127.0.0.1:{unused_port}"))
    started = time.monotonic()
    with pytest.raises(SyncUnavailableError, match="could not be read through sync"):
        downloads.fetch("1", io.BytesIO())
    assert time.monotonic() - started < 4


def test_a_caller_without_patience_costs_only_its_own_song(stub, library):
    endless = audio_files.song(library, "mp3", seconds=12.0, name="endless")
    os.truncate(endless, 2**40)
    request = features_pb2.ExtractRequest(audio=features_pb2.AudioReference(path=str(endless)))
    with pytest.raises(grpc.RpcError) as raised:
        stub.Extract(request, timeout=0.5)
    assert raised.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert extract(stub, path=str(library / "song.flac")).content_key


def grandchildren() -> list[psutil.Process]:
    """What the processes that this one started have started: workers of a pool are children of its fork server."""
    return [child for child in psutil.Process().children(recursive=True) if child.ppid() != os.getpid()]


def stopped_worker(pool: ExtractionPool, path: Path, strangers: set[int]):
    """A song in progress and its process, stopped in the middle of it."""
    for _ in range(20):
        future = pool.schedule(str(path), with_fma=True)
        while not (future.running() or future.done()):
            time.sleep(0.001)  # polled, since pebble tells nobody when a song begins
        workers = [process for process in grandchildren() if process.pid not in strangers]
        if len(workers) != 1:  # the one that a test before this has ended is still on its way out
            pool.wait(future, 30.0)
            continue
        (worker,) = workers
        worker.suspend()
        if future.running():
            return future, worker
        worker.resume()
    raise AssertionError("no song could be caught in progress")


def test_a_process_that_dies_takes_its_own_song_along_and_no_other(pool, library, strangers):
    future, worker = stopped_worker(pool, library / "song.flac", strangers)
    waiting = pool.schedule(str(library / "song.flac"), with_fma=True)
    worker.kill()
    with pytest.raises(DecoderCrashedError, match="the decoder died"):
        pool.wait(future, None)
    assert pool.wait(waiting, 30.0).fma is not None


def test_a_song_over_the_time_limit_is_given_up_and_the_next_one_analysed(pool, library, strangers):
    future, worker = stopped_worker(pool, library / "song.flac", strangers)
    waiting = pool.schedule(str(library / "song.flac"), with_fma=True)
    with pytest.raises(TimedOutError, match="longer than 5 s"):
        pool.wait(future, None)
    assert pool.wait(waiting, 30.0).fma is not None
    assert not worker.is_running()


@contextmanager
def service(library: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m features` with one process, waited for until it serves."""
    port = _free_port()
    environment = {**os.environ, "FEATURES_PORT": str(port), "FEATURES_PROCESSES": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "features"], env=environment | {"FEATURES_MEDIA_FOLDERS": str(library)}
    )
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            health = health_pb2_grpc.HealthStub(channel)
            watch = health.Watch(health_pb2.HealthCheckRequest(), timeout=60, wait_for_ready=True)
            next(state for state in watch if state.status == health_pb2.HealthCheckResponse.SERVING)
        yield process
    finally:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


@pytest.mark.parametrize(("sent", "exit_code"), [(signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)])
def test_the_service_leaves_no_process_behind(library, sent, exit_code):
    with service(library) as process:
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) >= 2
        process.send_signal(sent)
        assert process.wait(timeout=20) == exit_code
    assert psutil.wait_procs(family, timeout=10)[1] == []
