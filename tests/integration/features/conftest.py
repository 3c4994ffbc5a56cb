"""What tests of the whole service share."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import audio_files
import pytest
from feature_service import FEATURES, MAX_DOWNLOAD_BYTES, SYNC, PlexOfOneSong, grandchildren, servicer_of
from features.extractor import Extractor
from features.messages import KIND_NAMES
from features.source.audio_sources import AudioSources
from features.source.download import Downloads
from features.source.file_lookup import MediaFolders
from features.workers.pool import ExtractionPool
from mutagen.flac import FLAC
from reclass.features.v1 import features_pb2_grpc
from reclass.sync.v1 import sync_pb2_grpc
from runtime.testing import connected


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
