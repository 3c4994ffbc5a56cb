"""Reads the bytes of a song from Plex through the sync service, for files that are not mounted here."""

from collections.abc import Iterator
from typing import BinaryIO

import grpc
from reclass.sync.v1 import sync_pb2, sync_pb2_grpc
from runtime.errors import RemoteError

from features.errors import AudioNotFound, SyncUnavailable, TooLarge

# A stream that breaks off goes on where it stopped; one that never gets further is given up.
ATTEMPTS = 3
GONE = frozenset({grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION})
BROKEN_OFF = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DATA_LOSS})


class Downloads:
    """Copies audio from sync into files. Without a channel every download is refused."""

    def __init__(self, channel: grpc.Channel | None, *, max_bytes: int, timeout_seconds: float) -> None:
        self._sync = sync_pb2_grpc.SyncServiceStub(channel) if channel else None
        self._max_bytes = max_bytes
        self._timeout_seconds = timeout_seconds

    def fetch(self, rating_key: str, file: BinaryIO) -> None:
        """Write the whole file of a track into `file`; raises AudioNotFound, TooLarge or SyncUnavailable."""
        if self._sync is None:
            raise SyncUnavailable(
                "no sync service is configured; set FEATURES_SYNC_TARGET, or send a path or bytes"
            )
        failures = 0
        while True:
            before = file.tell()
            try:
                self._copy(self._read(rating_key, before), file)
                return
            except grpc.RpcError as rpc_error:
                error = RemoteError.from_rpc(rpc_error)
                failures = failures + 1 if file.tell() == before else 1
                if error.code not in BROKEN_OFF or failures == ATTEMPTS:
                    raise _translated(error, rating_key) from rpc_error

    def _read(self, rating_key: str, offset: int) -> Iterator[sync_pb2.ReadAudioResponse]:
        if self._sync is None:
            raise SyncUnavailable("no sync service is configured")
        request = sync_pb2.ReadAudioRequest(rating_key=rating_key, offset=offset)
        parts: Iterator[sync_pb2.ReadAudioResponse] = self._sync.ReadAudio(
            request, timeout=self._timeout_seconds
        )
        return parts

    def _copy(self, parts: Iterator[sync_pb2.ReadAudioResponse], file: BinaryIO) -> None:
        for part in parts:
            self._check_size(part.header.size_bytes)
            self._check_size(file.tell() + len(part.data))
            file.write(part.data)

    def _check_size(self, size_bytes: int) -> None:
        if size_bytes > self._max_bytes:
            raise TooLarge(
                f"the file has more than {self._max_bytes} bytes, the most that is read without a mounted file; "
                "mount the library or raise FEATURES_MAX_DOWNLOAD_BYTES"
            )


def _translated(error: RemoteError, rating_key: str) -> AudioNotFound | SyncUnavailable:
    if error.code in GONE and error.reason != "NOT_CONFIGURED":
        return AudioNotFound(f"Plex has no audio for rating key {rating_key}: {error.message}")
    return SyncUnavailable(
        f"the audio of rating key {rating_key} could not be read through sync: {error.message}"
    )
