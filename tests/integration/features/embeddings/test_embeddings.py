"""FMA and MERT of real songs by the service: one decoding, real processes, a real Triton, one song or many."""

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import audio_files
import grpc
import numpy as np
import pytest
from features.audio.decode import load_excerpt
from features.audio.excerpts import Excerpt
from features.embeddings.embedding import Surroundings
from features.embeddings.mert.embedding import MertEmbedding
from features.embeddings.mert.settings import MertSettings
from features.embeddings.mert.windows import PcmWindows
from features.extractor import Extractor
from features.fma.vector import NATIVE_VERSION, fma_native_features
from features.messages import KIND_NAMES
from features.servicer import FeatureServicer
from features.source.audio_sources import AudioSources
from features.source.file_lookup import MediaFolders
from features.workers.pool import ExtractionPool
from mert_stand_in import MertStandIn, mert_stand_in
from prometheus_client import CollectorRegistry
from reclass.features.v1 import features_pb2, features_pb2_grpc
from runtime.channel import open_channel
from runtime.errors import RemoteError
from runtime.streams import StreamLimits
from runtime.testing import running_server
from runtime.triton import Triton
from waiting import until
from wire import values_of

FEATURES = "reclass.features.v1.FeatureService"
FMA, MERT, JMLA, NATIVE = (
    features_pb2.VECTOR_KIND_FMA,
    features_pb2.VECTOR_KIND_MERT,
    features_pb2.VECTOR_KIND_JMLA,
    features_pb2.VECTOR_KIND_FMA_NATIVE,
)
SONGS_OF_A_STREAM = 4
WINDOWS = PcmWindows(window_samples=120_000)
VERSION = (
    "mert-v1-95m/0123456789ab;layer=7;window=5s;norm=window;dtype=fp32;weights=trial;excerpt=middle-30s/3"
)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("library")
    audio_files.song(folder, "flac", seconds=12.0)
    (folder / "long").mkdir()
    (folder / "text.mp3").write_text("no music " * 100)
    return folder


@pytest.fixture(scope="module")
def long_song(library: Path) -> Path:
    """Longer than an excerpt."""
    return audio_files.song(library / "long", "flac", seconds=40.0)


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MertStandIn]:
    with mert_stand_in(tmp_path_factory.mktemp("triton")) as stand_in:
        yield stand_in


@pytest.fixture
def stand_in(serving: MertStandIn) -> MertStandIn:
    serving.begin()
    return serving


@pytest.fixture(scope="module")
def pool() -> Iterator[ExtractionPool]:
    pool = ExtractionPool(processes=2, time_limit_seconds=30.0)
    pool.warm_up()
    yield pool
    pool.close()


@pytest.fixture
def channel(library: Path, pool: ExtractionPool, stand_in: MertStandIn) -> Iterator[grpc.Channel]:
    triton = Triton(stand_in.server.target)
    settings = MertSettings(weights=str(stand_in.weights))
    model = MertEmbedding(settings, Surroundings(triton=triton, registry=CollectorRegistry()))
    sources = AudioSources(MediaFolders(folders=(library,)), downloads=None)
    servicer = FeatureServicer(
        extractor=Extractor(sources=sources, pool=pool, embeddings=[model], kind_names=KIND_NAMES),
        media_folders=(str(library),),
        stream_limits=StreamLimits(songs=SONGS_OF_A_STREAM, content_bytes=10**7, workers=4),
        max_streams=1,
    )
    add = partial(features_pb2_grpc.add_FeatureServiceServicer_to_server, servicer)
    with running_server({FEATURES: add}) as server:
        channel = open_channel(f"127.0.0.1:{server.port}", timeout_seconds=60.0)
        yield channel
        channel.close()
    model.close()
    triton.close()


@pytest.fixture
def stub(channel: grpc.Channel) -> features_pb2_grpc.FeatureServiceStub:
    return features_pb2_grpc.FeatureServiceStub(channel)


def song(path: Path, *kinds: int) -> features_pb2.ExtractRequest:
    return features_pb2.ExtractRequest(
        audio=features_pb2.AudioReference(path=str(path)),
        kinds=[features_pb2.VectorKind.ValueType(kind) for kind in kinds],
    )


def expected(path: Path) -> np.ndarray:
    """What the stand-in says of the song's windows, on average: loudness times layer, and the first sample."""
    windows = WINDOWS.windows(load_excerpt(str(path), rates=(24_000,)).at[24_000]) / 32_767
    loudness = np.sqrt((windows**2).mean(axis=1))
    return np.array([7 * loudness.mean(), windows[:, 0].mean(), len(windows)])


def test_one_request_gives_both_vectors_each_of_its_version(
    stub: features_pb2_grpc.FeatureServiceStub, library: Path
) -> None:
    answer = stub.Extract(song(library / "song.flac", FMA, MERT))
    assert [vector.kind for vector in answer.vectors] == [FMA, MERT]
    assert [len(values_of(vector)) for vector in answer.vectors] == [518, 768]
    assert answer.vectors[1].version == VERSION
    assert values_of(answer.vectors[1])[:3] == pytest.approx(expected(library / "song.flac"), abs=1e-4)
    assert not answer.missing


def test_mert_alone_is_computed_alone(stub: features_pb2_grpc.FeatureServiceStub, library: Path) -> None:
    answer = stub.Extract(song(library / "song.flac", MERT))
    assert [vector.kind for vector in answer.vectors] == [MERT]
    assert answer.properties.duration_seconds == pytest.approx(12.0, abs=0.1)


def test_the_native_kind_is_of_the_whole_song_at_its_own_rate_beside_the_excerpts_kinds(
    stub: features_pb2_grpc.FeatureServiceStub, long_song: Path
) -> None:
    answer = stub.Extract(song(long_song, FMA, NATIVE, MERT))
    assert [(vector.kind, len(values_of(vector))) for vector in answer.vectors] == [
        (FMA, 518),
        (NATIVE, 518),
        (MERT, 768),
    ]
    assert answer.vectors[1].version == NATIVE_VERSION
    whole = load_excerpt(str(long_song), Excerpt.WHOLE, rates={0})
    expected = fma_native_features(whole.at[0], whole.properties.sample_rate_hz)
    np.testing.assert_allclose(values_of(answer.vectors[1]), expected, rtol=1e-4, atol=1e-4)
    # The properties are those of the excerpt that was asked for.
    assert answer.properties.excerpt_duration_seconds == pytest.approx(30.0, abs=0.1)
    alone = stub.Extract(song(long_song, NATIVE))
    assert [vector.kind for vector in alone.vectors] == [NATIVE]
    assert alone.vectors[0].values == answer.vectors[1].values


def test_a_song_of_too_low_a_rate_has_a_gap_in_place_of_the_native_kind(
    stub: features_pb2_grpc.FeatureServiceStub, library: Path
) -> None:
    path = library / "telephone.wav"
    audio_files.write_audio(path, audio_files.music(12.0, sample_rate_hz=8000), sample_rate_hz=8000)
    answer = stub.Extract(song(path, FMA, NATIVE))
    assert [vector.kind for vector in answer.vectors] == [FMA]
    (missing,) = answer.missing
    assert (missing.kind, missing.permanent) == (NATIVE, True)
    assert "sampling rate is too low" in missing.message


def test_a_kind_that_cannot_be_made_takes_nothing_from_the_others(
    stub: features_pb2_grpc.FeatureServiceStub, library: Path, stand_in: MertStandIn
) -> None:
    stub.Extract(song(library / "song.flac", MERT))
    stand_in.say(fault="refuse")
    answer = stub.Extract(song(library / "song.flac", FMA, MERT, JMLA, 9))
    assert [vector.kind for vector in answer.vectors] == [FMA]
    assert {missing.kind: missing.permanent for missing in answer.missing} == {
        MERT: False,
        JMLA: True,
        9: True,
    }
    assert "out of luck" in next(missing.message for missing in answer.missing if missing.kind == MERT)


def test_an_answer_that_is_not_a_number_is_a_gap(
    stub: features_pb2_grpc.FeatureServiceStub, library: Path, stand_in: MertStandIn
) -> None:
    stand_in.say(fault="not a number")
    (missing,) = stub.Extract(song(library / "song.flac", FMA, MERT)).missing
    assert (missing.kind, missing.permanent) == (MERT, False)
    assert "not finite" in missing.message


def test_weights_that_are_not_installed_are_missed_for_good(
    stub: features_pb2_grpc.FeatureServiceStub, library: Path, stand_in: MertStandIn
) -> None:
    stand_in.uninstall()
    for _ in range(2):  # found out by the first song, and known to the second
        (missing,) = stub.Extract(song(library / "song.flac", FMA, MERT)).missing
        assert (missing.kind, missing.permanent) == (MERT, True)
        assert "docs/install.md" in missing.message
    told = stub.GetCapabilities(features_pb2.GetCapabilitiesRequest())
    assert not told.kinds[1].available
    assert "docs/install.md" in told.kinds[1].detail


def test_capabilities_load_the_model_and_say_what_it_is(
    stub: features_pb2_grpc.FeatureServiceStub,
) -> None:
    told = stub.GetCapabilities(features_pb2.GetCapabilitiesRequest(excerpt=features_pb2.EXCERPT_MIDDLE_30S))
    mert = told.kinds[1]
    assert (mert.kind, mert.available, mert.length, mert.random_weights) == (MERT, True, 768, True)
    assert mert.version == VERSION
    assert "MERT-v1-95M on cpu" in mert.detail
    assert "trial weights" in mert.detail
    # While one song waits for the model, a process decodes another.
    assert told.processes == 4


def test_a_model_that_is_away_is_not_available_and_its_version_stays_known(
    stub: features_pb2_grpc.FeatureServiceStub, stand_in: MertStandIn
) -> None:
    stub.GetCapabilities(features_pb2.GetCapabilitiesRequest())
    stand_in.server.kill()
    told = stub.GetCapabilities(features_pb2.GetCapabilitiesRequest())
    assert (told.kinds[1].available, told.kinds[1].version) == (False, VERSION)
    assert told.processes == 2
    stand_in.server.start()


def test_a_gpu_that_is_not_there_is_missed_and_the_processor_not_used_instead(
    stub: features_pb2_grpc.FeatureServiceStub, library: Path
) -> None:
    request = song(library / "song.flac", FMA, MERT)
    request.compute.device = features_pb2.DEVICE_CUDA
    (missing,) = stub.Extract(request).missing
    assert (missing.permanent, "no GPU" in missing.message) == (False, True)


def many(
    stub: features_pb2_grpc.FeatureServiceStub, songs: dict[str, features_pb2.ExtractRequest]
) -> dict[str, features_pb2.ExtractManyResponse]:
    requests = (features_pb2.ExtractManyRequest(key=key, song=each) for key, each in songs.items())
    return {answer.key: answer for answer in stub.ExtractMany(requests)}


def test_a_stream_answers_every_song_and_a_bad_one_stops_no_other(
    stub: features_pb2_grpc.FeatureServiceStub, library: Path
) -> None:
    good = {f"good {number}": song(library / "song.flac", FMA, MERT) for number in range(6)}
    bad = {
        "text": song(library / "text.mp3", FMA),
        "nowhere": song(library / "nowhere.flac", FMA),
        "nothing": features_pb2.ExtractRequest(),
        "outside": song(Path("/etc/hostname"), FMA),
    }
    answers = many(stub, {**bad, **good})
    one = stub.Extract(good["good 0"])
    for key in good:
        assert answers[key].extraction.content_key == one.content_key
        assert [len(values_of(vector)) for vector in answers[key].extraction.vectors] == [518, 768]
    found = {key: (answers[key].error.reason, answers[key].error.permanent) for key in bad}
    assert found == {
        "text": ("NOT_AUDIO", True),
        "nowhere": ("AUDIO_NOT_FOUND", False),
        "nothing": ("INVALID_REQUEST", True),
        "outside": ("PATH_NOT_MOUNTED", False),
    }
    error = answers["nowhere"].error
    assert (error.code, error.domain) == (grpc.StatusCode.NOT_FOUND.value[0], "reclass.features")
    assert "nowhere.flac" in error.message


def test_a_stream_that_is_one_too_many_is_refused_and_one_that_ended_makes_room(
    stub: features_pb2_grpc.FeatureServiceStub, library: Path
) -> None:
    gate = threading.Event()

    def waiting() -> Iterator[features_pb2.ExtractManyRequest]:
        yield features_pb2.ExtractManyRequest(key="1", song=song(library / "song.flac", FMA))
        gate.wait(30)

    open_stream = stub.ExtractMany(waiting())
    assert next(open_stream).key == "1"
    with pytest.raises(grpc.RpcError) as caught:
        many(stub, {"2": song(library / "song.flac", FMA)})
    error = RemoteError.from_rpc(caught.value)
    assert (error.reason, error.code) == ("TOO_MANY_STREAMS", grpc.StatusCode.RESOURCE_EXHAUSTED)
    gate.set()
    assert list(open_stream) == []
    assert many(stub, {"2": song(library / "song.flac", FMA)})["2"].extraction.content_key


def test_a_caller_who_goes_away_leaves_nothing_at_work(
    stub: features_pb2_grpc.FeatureServiceStub, library: Path, pool: ExtractionPool
) -> None:
    requests = (
        features_pb2.ExtractManyRequest(key=str(number), song=song(library / "song.flac", FMA))
        for number in range(100)
    )
    answers = stub.ExtractMany(requests)
    next(answers)
    answers.cancel()
    until(lambda: pool.unfinished == 0)

    def again() -> str | None:
        try:
            return many(stub, {"again": song(library / "song.flac", FMA)})["again"].extraction.content_key
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.RESOURCE_EXHAUSTED:  # its place is given back a moment later
                raise
            return None

    assert until(again)
