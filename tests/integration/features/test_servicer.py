"""The service over a real socket with real processes: what callers get, and what crashes leave behind."""

import shutil
import time
from functools import partial
from pathlib import Path

import audio_files
import grpc
import mutagen
import numpy as np
import pytest
from feature_service import FEATURES, MAX_DOWNLOAD_BYTES, extract, refused, servicer_of
from features.audio.content_key import content_key
from features.audio.decode import load_excerpt
from features.audio.excerpts import Excerpt
from features.extractor import Extractor
from features.fma.vector import fma_features, version
from features.messages import KIND_NAMES
from features.source.audio_sources import AudioSources
from features.source.download import Downloads
from features.source.file_lookup import MediaFolders, PathMapping
from reclass.features.v1 import features_pb2, features_pb2_grpc
from runtime.errors import RemoteError
from runtime.testing import connected, running_server
from wire import values_of


@pytest.fixture(scope="module")
def long_song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Longer than an excerpt."""
    return audio_files.song(tmp_path_factory.mktemp("long"), "flac", seconds=40.0)


def test_a_caller_without_a_deadline_is_answered(library, pool):
    """As most programs in other languages call."""
    sources = AudioSources(
        MediaFolders(folders=(library,)), Downloads(None, max_bytes=MAX_DOWNLOAD_BYTES, timeout_seconds=1)
    )
    servicer = servicer_of(Extractor(sources=sources, pool=pool, kind_names=KIND_NAMES))
    add = partial(features_pb2_grpc.add_FeatureServiceServicer_to_server, servicer)
    with (
        running_server({FEATURES: add}) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        stub = features_pb2_grpc.FeatureServiceStub(channel)
        assert stub.GetCapabilities(features_pb2.GetCapabilitiesRequest()).kinds
        assert extract(stub, path=str(library / "song.flac")).content_key


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
        (5, False, 0),
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


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"other_path_hints": map(str, range(1001))}, "1001 other paths were sent: send at most 1000"),
        (
            {"mappings": [features_pb2.PathMapping(from_prefix="/a", to_prefix="/b")] * 201},
            "201 path mappings were sent: send at most 200",
        ),
    ],
)
def test_more_places_than_could_be_looked_at_are_refused(stub, library, fields, says):
    """Each path is looked for by each mapping, and would keep a thread long after its caller has gone."""
    with refused("INVALID_REQUEST", grpc.StatusCode.INVALID_ARGUMENT, permanent=True, says=says):
        extract(stub, path="/nowhere/a.mp3", **fields)


def test_more_kinds_than_a_request_may_have_are_refused(stub, library):
    says = "33 kinds were sent: send at most 32"
    audio = features_pb2.AudioReference(path=str(library / "song.flac"))
    with refused("INVALID_REQUEST", grpc.StatusCode.INVALID_ARGUMENT, permanent=True, says=says):
        stub.Extract(features_pb2.ExtractRequest(audio=audio, kinds=range(1000, 1033)))
    known = stub.Extract(features_pb2.ExtractRequest(audio=audio, kinds=[1] * 30 + [1000, 1001]))
    assert (len(known.vectors), len(known.missing)) == (1, 2)


def test_a_song_of_a_thousand_files_that_are_nowhere_is_answered_soon(stub, tmp_path):
    """Where each of them would be is searched for the first alone."""
    started = time.monotonic()
    elsewhere = [f"/nowhere/{number}/b/c/d/e/{number}.mp3" for number in range(1000)]
    with refused("PATH_NOT_MOUNTED", grpc.StatusCode.FAILED_PRECONDITION, permanent=False, says="/nowhere/a"):
        extract(stub, path="/nowhere/a.mp3", other_path_hints=elsewhere)
    assert time.monotonic() - started < 5


def test_a_mapping_with_a_nul_is_answered_as_a_path_that_is_not_there(stub, library):
    mapping = features_pb2.PathMapping(from_prefix="/data", to_prefix=f"{library}/\0")
    with refused("AUDIO_NOT_FOUND", grpc.StatusCode.NOT_FOUND, permanent=False, says="holds a NUL"):
        extract(stub, path="/data/song.flac", mappings=[mapping])


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
