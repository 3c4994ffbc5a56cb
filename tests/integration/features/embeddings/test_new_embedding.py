"""A new embedding is one class: service, workers, capabilities and streams take it as they take the others."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import audio_files
import numpy as np
import pytest
from features.audio.decode import load_excerpt
from features.embeddings import installed
from features.embeddings.embedding import Surroundings
from features.extractor import Extractor
from features.servicer import FeatureServicer
from features.source.audio_sources import AudioSources
from features.source.file_lookup import MediaFolders
from features.workers.pool import ExtractionPool
from loudness_embedding import KIND, SAMPLE_RATE_HZ, LoudnessEmbedding, LoudnessSettings
from prometheus_client import CollectorRegistry
from reclass.features.v1 import features_pb2, features_pb2_grpc
from runtime.channel import open_channel
from runtime.streams import StreamLimits
from runtime.testing import running_server
from wire import values_of

FEATURES = "reclass.features.v1.FeatureService"
FMA, NATIVE = features_pb2.VECTOR_KIND_FMA, features_pb2.VECTOR_KIND_FMA_NATIVE
VERSION = "loudness-1/0;window=3s;unit=rms;dtype=fp32;excerpt=middle-30s/3"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("library")
    audio_files.song(folder, "flac", seconds=12.0)
    return folder


@pytest.fixture(scope="module")
def loudness() -> LoudnessEmbedding:
    return LoudnessEmbedding(LoudnessSettings())


@pytest.fixture(scope="module")
def stub(library: Path, loudness: LoudnessEmbedding) -> Iterator[features_pb2_grpc.FeatureServiceStub]:
    pool = ExtractionPool(processes=1, time_limit_seconds=30.0, preprocessings=[loudness.preprocessing])
    pool.warm_up()
    sources = AudioSources(MediaFolders(folders=(library,)), downloads=None)
    servicer = FeatureServicer(
        extractor=Extractor(sources=sources, pool=pool, embeddings=[loudness]),
        media_folders=(str(library),),
        stream_limits=StreamLimits(songs=4, content_bytes=10**7, workers=2),
        max_streams=1,
    )
    add = partial(features_pb2_grpc.add_FeatureServiceServicer_to_server, servicer)
    with running_server({FEATURES: add}) as server:
        channel = open_channel(f"127.0.0.1:{server.port}", timeout_seconds=60.0)
        yield features_pb2_grpc.FeatureServiceStub(channel)
        channel.close()
    pool.close()


def request(library: Path, *kinds: int) -> features_pb2.ExtractRequest:
    return features_pb2.ExtractRequest(
        audio=features_pb2.AudioReference(path=str(library / "song.flac")),
        kinds=[features_pb2.VectorKind.ValueType(kind) for kind in kinds],
    )


def test_its_vector_comes_with_the_others_from_windows_at_its_own_rate(
    stub: features_pb2_grpc.FeatureServiceStub, library: Path
) -> None:
    answer = stub.Extract(request(library, FMA, KIND, NATIVE))
    assert [vector.kind for vector in answer.vectors] == [FMA, NATIVE, KIND]
    assert answer.vectors[2].version == VERSION
    decoded = load_excerpt(str(library / "song.flac"), rates=(SAMPLE_RATE_HZ,))
    windows = decoded.at[SAMPLE_RATE_HZ].reshape(4, -1)
    expected = np.sqrt((windows**2).mean(axis=1)).mean()
    assert list(values_of(answer.vectors[2])) == pytest.approx([expected, 1.0])


def test_a_stream_has_it_too(stub: features_pb2_grpc.FeatureServiceStub, library: Path) -> None:
    asked = [
        features_pb2.ExtractManyRequest(key=str(number), song=request(library, KIND)) for number in (1, 2)
    ]
    answers = list(stub.ExtractMany(iter(asked)))
    assert {answer.key for answer in answers} == {"1", "2"}
    assert all(answer.extraction.vectors[0].kind == KIND for answer in answers)


def test_capabilities_say_what_it_is(
    stub: features_pb2_grpc.FeatureServiceStub, loudness: LoudnessEmbedding
) -> None:
    told = stub.GetCapabilities(features_pb2.GetCapabilitiesRequest())
    (capability,) = [each for each in told.kinds if each.kind == KIND]
    assert (capability.available, capability.length, capability.version) == (True, 2, VERSION)
    assert (capability.licence, capability.cpu_seconds) == ("Apache-2.0", pytest.approx(0.001))
    # While one song waits for a model, a process decodes another.
    assert told.processes == 2
    with loudness.away(for_good=False):
        told = stub.GetCapabilities(features_pb2.GetCapabilitiesRequest())
        (capability,) = [each for each in told.kinds if each.kind == KIND]
    assert (capability.available, capability.version, told.processes) == (False, VERSION, 1)
    assert (capability.licence, capability.cpu_seconds) == ("Apache-2.0", pytest.approx(0.001))
    fma = next(each for each in told.kinds if each.kind == FMA)
    assert (fma.licence, fma.cpu_seconds) == ("", 0.0)


@pytest.mark.parametrize("for_good", [True, False])
def test_where_it_is_away_it_takes_nothing_from_the_others(
    stub: features_pb2_grpc.FeatureServiceStub, library: Path, loudness: LoudnessEmbedding, for_good: bool
) -> None:
    with loudness.away(for_good=for_good):
        answer = stub.Extract(request(library, FMA, KIND))
    assert [vector.kind for vector in answer.vectors] == [FMA]
    assert [(each.kind, each.permanent, each.message) for each in answer.missing] == [
        (KIND, for_good, "the loudness is away")
    ]


def test_its_settings_come_from_the_environment_and_the_cheapest_is_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(installed, "EMBEDDINGS", (*installed.EMBEDDINGS, LoudnessEmbedding))
    monkeypatch.setenv("FEATURES_LOUDNESS_UNIT", "peak")
    first, *others = installed.build_embeddings(Surroundings(triton=None, registry=CollectorRegistry()))
    assert isinstance(first, LoudnessEmbedding)
    assert len(others) == len(installed.EMBEDDINGS) - 1
    assert "unit=peak" in first.last_description.recipe
