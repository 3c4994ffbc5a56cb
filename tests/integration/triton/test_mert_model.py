"""MERT in the real Triton, with random weights: windows of many songs in, the encoder's own vectors out."""

import json
import os
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as client
from mert_encoder.embedder import Embedder, load_embedder
from mert_encoder.options import read_options
from mert_weights import music
from runtime.triton import Triton, TritonError
from trial_weights import write_trial
from triton_server import TritonServer, triton_server

SAMPLES = 24_000
CONFIG: dict[str, Any] = {
    "backend": "python",
    "max_batch_size": 192,
    "input": [{"name": "windows", "data_type": "TYPE_INT16", "dims": [-1]}],
    "output": [
        {"name": "embedding", "data_type": "TYPE_FP32", "dims": [-1, -1]},
        {"name": "description", "data_type": "TYPE_STRING", "dims": [1]},
        {"name": "seconds", "data_type": "TYPE_FP32", "dims": [1]},
    ],
    "instance_group": [{"kind": "KIND_CPU", "count": 1}],
    "dynamic_batching": {},
}


def config(**parameters: str) -> dict[str, Any]:
    """What config.pbtxt says, with parameters of its own."""
    return CONFIG | {"parameters": {name: {"string_value": value} for name, value in parameters.items()}}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights") / "tiny-95m"
    write_trial(folder, "tiny-95m")
    return folder


@pytest.fixture(scope="module")
def server(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonServer]:
    environment = {
        "TRITON_MERT_WEIGHTS": str(weights),
        "TRITON_MERT_WINDOW_SECONDS": "1",
        "TRITON_MERT_DEVICE": "cpu",
        "TRITON_MERT_DTYPE": "fp32",
        "TRITON_MERT_THREADS": "1",
    }
    with triton_server(tmp_path_factory.mktemp("triton"), environment) as running:
        yield running


@pytest.fixture(scope="module")
def triton(server: TritonServer) -> Iterator[Triton]:
    connection = Triton(server.target)
    connection.load("mert")
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def ours(weights: Path) -> Embedder:
    """The same model without Triton."""
    parameters = {"weights": str(weights), "window_seconds": "1", "device": "cpu", "dtype": "fp32"}
    return load_embedder(read_options(parameters, {}), batch_limit=192, log=print)


def embedding(triton: Triton, pcm: np.ndarray) -> np.ndarray:
    return triton.infer("mert", {"windows": pcm}, ["embedding"])["embedding"]


def answer_to(triton: Triton, parameters: dict[str, str], samples: int = SAMPLES) -> dict[str, np.ndarray]:
    """The answer to a request that says how the model is to be."""
    wanted = {"options": json.dumps(parameters)}
    return triton.ask("mert", {"windows": music(2, samples)}, ["embedding", "description"], parameters=wanted)


def test_the_windows_of_many_songs_are_embedded_as_by_the_encoder_itself(
    triton: Triton, ours: Embedder
) -> None:
    songs = [music(windows, SAMPLES, seed=windows) for windows in (1, 2, 3, 6, 6, 4)]
    with ThreadPoolExecutor(len(songs)) as callers:
        answers = list(callers.map(lambda song: embedding(triton, song), songs))
    for song, answer in zip(songs, answers, strict=True):
        assert answer.shape == (len(song), 1, 768)
        assert answer.dtype == np.float32
        np.testing.assert_allclose(answer, ours.embed(song), atol=2e-5)


def test_songs_that_come_together_go_through_the_model_together(server: TritonServer, triton: Triton) -> None:
    statistics = client.InferenceServerClient(server.target)
    before = executions(statistics)
    with ThreadPoolExecutor(16) as callers:
        list(callers.map(lambda seed: embedding(triton, music(2, SAMPLES, seed=seed)), range(32)))
    assert executions(statistics) - before < 32
    statistics.close()


def executions(statistics: client.InferenceServerClient) -> int:
    found = statistics.get_inference_statistics("mert", as_json=True)["model_stats"][0]
    return int(found["execution_count"])


def test_it_says_what_makes_up_a_vector_and_where_it_is_computed(
    triton: Triton, weights: Path, ours: Embedder
) -> None:
    answer = triton.infer("mert", {"windows": music(2, SAMPLES)}, ["embedding", "description"])
    assert answer["description"].shape == (2, 1)
    said = json.loads(answer["description"][0, 0])
    assert said == ours.described() | {"device_name": said["device_name"]}
    assert said["checkpoint"] == "tiny-95m"
    assert said["width"] == 768
    assert said["window_samples"] == SAMPLES
    assert (said["device"], said["dtype"]) == ("cpu", "fp32")
    assert said["recipe"] == {"layer": "2", "window": "1s", "norm": "window"}
    assert said["for_trials"] is True
    assert said["batch_limit"] == 192
    assert said["device_name"].endswith("1 threads")


def test_windows_of_another_length_are_refused_and_those_beside_them_are_embedded(triton: Triton) -> None:
    with pytest.raises(TritonError, match=r"shape \[1, 23999\], and this model takes windows \[-1, 24000\]"):
        embedding(triton, music(1, SAMPLES - 1))
    assert embedding(triton, music(1, SAMPLES)).shape == (1, 1, 768)


def test_the_metrics_show_device_format_and_windows(server: TritonServer, triton: Triton) -> None:
    before = metrics(server)
    embedding(triton, music(3, SAMPLES))
    after = metrics(server)
    assert after["reclass_mert_windows_total"] - before["reclass_mert_windows_total"] == 3
    assert after["reclass_mert_seconds_total"] > before["reclass_mert_seconds_total"]
    assert after["reclass_mert_batch_limit"] == 192
    assert after["reclass_mert_batch_halvings_total"] == 0
    labels = 'checkpoint="tiny-95m",device="cpu",dtype="fp32"'
    assert after[f"reclass_mert_loaded_timestamp_seconds{{{labels}}}"] > 0


def metrics(server: TritonServer) -> dict[str, float]:
    """Our own metrics, by name and labels."""
    with urllib.request.urlopen(server.metrics_url, timeout=10) as answer:  # noqa: S310  our own server
        lines = answer.read().decode().splitlines()
    return {
        name: float(value)
        for name, value in (line.rsplit(" ", 1) for line in lines if line.startswith("reclass_mert"))
    }


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"weights": "/nowhere"}, "/nowhere"),
        ({"device": "cuda"}, "device is cuda"),
        ({"dtype": "fp16"}, "dtype fp16"),
        ({"layers": "9"}, "layers names 9"),
        ({"speed": "high"}, "parameter speed"),
    ],
)
def test_what_cannot_be_had_is_said_in_a_sentence_and_the_server_goes_on(
    server: TritonServer, triton: Triton, parameters: dict[str, str], named: str
) -> None:
    with pytest.raises(TritonError, match=named):
        answer_to(triton, parameters)
    assert triton.is_live()
    assert embedding(triton, music(1, SAMPLES)).shape == (1, 1, 768)


def test_a_configuration_that_is_not_complete_is_refused(triton: Triton) -> None:
    with pytest.raises(TritonError, match="given at the load must be complete"):
        triton.load("mert", {"parameters": {"layers": {"string_value": "1"}}})


def test_without_weights_it_is_there_and_says_what_to_download(tmp_path: Path) -> None:
    bare = {name: "" for name in os.environ if name.startswith("TRITON_MERT_")}
    with triton_server(tmp_path, bare) as server:
        connection = Triton(server.target)
        sample = np.zeros((1, 1), dtype=np.int16)
        assert connection.ask("mert", {"windows": sample}, ["description"])["description"][0, 0] == b"{}"
        with pytest.raises(TritonError, match="download m-a-p/MERT-v1-95M or -330M"):
            answer_to(connection, {})
        assert connection.is_live()
        connection.close()


def test_the_options_of_a_request_win_over_the_load_and_hold_for_it(
    triton: Triton, server: TritonServer
) -> None:
    answer = answer_to(triton, {"layers": "0,2,1", "window_seconds": "2"}, 2 * SAMPLES)
    assert answer["embedding"].shape == (2, 3, 768)
    assert json.loads(answer["description"][0, 0])["recipe"]["layer"] == "0+2+1"
    assert embedding(triton, music(1, SAMPLES)).shape == (1, 1, 768)
    labels = 'checkpoint="tiny-95m",device="cpu",dtype="fp32"'
    assert metrics(server)[f"reclass_mert_loaded_timestamp_seconds{{{labels}}}"] > 0


def test_parameters_of_a_load_win_over_the_environment(triton: Triton) -> None:
    triton.load("mert", config(layers="0,2,1", window_seconds="2"))
    try:
        answer = triton.infer("mert", {"windows": music(2, 2 * SAMPLES)}, ["embedding", "description"])
        assert answer["embedding"].shape == (2, 3, 768)
        assert json.loads(answer["description"][0, 0])["recipe"]["layer"] == "0+2+1"
    finally:
        triton.load("mert")


def test_the_configuration_here_is_the_one_of_the_repository(server: TritonServer, triton: Triton) -> None:
    connection = client.InferenceServerClient(server.target)
    written = connection.get_model_config("mert", as_json=True)["config"]
    connection.close()
    for name in ("backend", "max_batch_size", "input", "output", "dynamic_batching"):
        assert normal(written[name]) == normal(CONFIG[name]), name


def normal(value: Any) -> Any:
    """Triton's JSON has numbers as texts, and what is not set as well."""
    if isinstance(value, list):
        return [normal(each) for each in value]
    if isinstance(value, dict):
        return {name: normal(each) for name, each in value.items() if name in ("name", "data_type", "dims")}
    return str(value)
