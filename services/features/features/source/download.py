"""Reads the bytes of a song from Plex through the sync service, for files that are not mounted here."""

import time
from dataclasses import dataclass
from typing import BinaryIO

import grpc
from reclass.sync.v1 import sync_pb2, sync_pb2_grpc
from runtime.errors import RemoteError
from runtime.messages import message_of

from features.errors import (
    AnotherTrackError,
    AudioNotFoundError,
    FeatureError,
    SyncUnavailableError,
    TooLargeError,
)

# A stream that breaks off goes on where it stopped; one that never gets further is given up.
MAX_ATTEMPTS_WITHOUT_PROGRESS = 3
# What sync says of a track that it will not find later either.
GONE = frozenset({"TRACK_NOT_FOUND", "NO_MEDIA"})


@dataclass(frozen=True, kw_only=True)
class TrackIdentity:
    """The track whose bytes are wanted, for its rating key may have another one now; what is empty is not known."""

    guid: str
    file: str
    title: str
    artist: str


class Downloads:
    """Copies audio from sync into files. Without a channel every download is refused."""

    def __init__(self, channel: grpc.Channel | None, *, max_bytes: int, timeout_seconds: float) -> None:
        self._sync = sync_pb2_grpc.SyncServiceStub(channel) if channel else None
        self._max_bytes = max_bytes
        self._timeout_seconds = timeout_seconds

    def fetch(
        self,
        rating_key: str,
        file: BinaryIO,
        patience_seconds: float | None = None,
        *,
        meant: TrackIdentity | None = None,
    ) -> None:
        """Write the whole file of a track into `file`.

        Raises AudioNotFoundError, AnotherTrackError where the key has another one than `meant`, TooLargeError or
        SyncUnavailableError.
        """
        if self._sync is None:
            raise SyncUnavailableError(
                "no sync service is configured; set FEATURES_SYNC_TARGET, or send a path or bytes"
            )
        ends_at = time.monotonic() + min(self._timeout_seconds, patience_seconds or self._timeout_seconds)
        failures, part_key = 0, ""
        track = message_of(sync_pb2.TrackIdentity, meant, server_id=None) if meant else None
        while True:
            before = file.tell()
            request = sync_pb2.ReadAudioRequest(
                rating_key=rating_key, part_key=part_key, offset=before, track=track
            )
            try:
                # A sync that is down must be told as such, not waited for until the caller has gone.
                timeout_seconds = max(0.0, ends_at - time.monotonic())
                parts = self._sync.ReadAudio(request, timeout=timeout_seconds, wait_for_ready=False)
                for part in parts:
                    # Of several versions sync sends the one that Plex still has; no other goes on where it broke off.
                    part_key = part.header.part_key or part_key
                    self._copy(part, file)
                return
            except grpc.RpcError as rpc_error:
                error = RemoteError.from_rpc(rpc_error)
                failures = failures + 1 if file.tell() == before else 0
                if failures == MAX_ATTEMPTS_WITHOUT_PROGRESS or not _broke_off(error, failures):
                    raise _translated(error, rating_key) from rpc_error

    def _copy(self, part: sync_pb2.ReadAudioResponse, file: BinaryIO) -> None:
        self._check_size(part.header.size_bytes)
        self._check_size(file.tell() + len(part.data))
        file.write(part.data)

    def _check_size(self, size_bytes: int) -> None:
        if size_bytes > self._max_bytes:
            raise TooLargeError(
                f"the file has more than {self._max_bytes} bytes, the most that is read without a mounted file; "
                "mount the library or raise FEATURES_MAX_DOWNLOAD_BYTES"
            )


def _broke_off(error: RemoteError, failures: int) -> bool:
    """Whether going on may help. The channel itself repeats calls that reached no service."""
    return error.code == grpc.StatusCode.DATA_LOSS or (
        error.code == grpc.StatusCode.UNAVAILABLE and failures == 0
    )


def _translated(error: RemoteError, rating_key: str) -> FeatureError:
    if error.reason in GONE:
        return AudioNotFoundError(f"Plex has no audio for rating key {rating_key}: {error.message}")
    if error.reason == AnotherTrackError.reason:
        return AnotherTrackError(error.message)
    return SyncUnavailableError(
        f"the audio of rating key {rating_key} could not be read through sync: {error.message}"
    )
