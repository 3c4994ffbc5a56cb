"""Songs that are no mounted files: their bytes come from Plex through sync."""

import io
import time

import grpc
import pytest
from feature_service import (
    extract,
    refused,
)
from features.__main__ import _downloads
from features.errors import SyncUnavailableError
from features.settings import FeatureSettings
from features.source.download import Downloads
from reclass.features.v1 import features_pb2
from reclass.sync.v1 import sync_pb2
from runtime.channel import open_channel


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
    ("target", "says"), [(None, "FEATURES_SYNC_TARGET"), ("127.0.0.1:1", "rating key 1")]
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
