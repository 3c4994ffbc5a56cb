"""The features service with a pool of one process, and a sync that reads files for it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import psutil
import pytest
from features.extractor import Extractor
from features.servicer import FeatureServicer
from reclass.features.v1 import features_pb2
from reclass.sync.v1 import sync_pb2, sync_pb2_grpc
from runtime.errors import RemoteError, ServiceError
from runtime.streams import StreamLimits

FEATURES = "reclass.features.v1.FeatureService"
SYNC = "reclass.sync.v1.SyncService"
MAX_DOWNLOAD_BYTES = 4_000_000


class TrackNotFoundError(ServiceError):
    code, reason, domain = grpc.StatusCode.NOT_FOUND, "TRACK_NOT_FOUND", "reclass.sync"


class AnotherTrackError(ServiceError):
    code, reason, domain = grpc.StatusCode.FAILED_PRECONDITION, "ANOTHER_TRACK", "reclass.sync"


class EarlyEndError(ServiceError):
    code, reason, domain, permanent = grpc.StatusCode.DATA_LOSS, "SERVER_ERROR", "reclass.sync", False


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


def grandchildren() -> list[psutil.Process]:
    """What the processes that this one started have started: workers of a pool are children of its fork server."""
    return [child for child in psutil.Process().children(recursive=True) if child.ppid() != os.getpid()]
