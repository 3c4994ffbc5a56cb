"""The service as a process: it starts without Triton, ends in order, watches its models, and outlives kill -9."""

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from inference_system import System, training
from processes import START_SECONDS, free_port
from prometheus_client.parser import text_string_to_metric_families
from reclass.inference.v1 import inference_pb2, inference_pb2_grpc
from runtime.channel import open_channel
from synthetic_library import SyntheticLibrary
from waiting import until

pytestmark = pytest.mark.outages


def environment(folder: Path, **settings: object) -> dict[str, str]:
    """Nothing answers at port 9, so that neither Triton nor features is there."""
    values = {
        "TRITON_TARGET": "127.0.0.1:9",
        "FEATURES_TARGET": "127.0.0.1:9",
        "MODEL_REPOSITORY": folder / "models",
        **settings,
    }
    return os.environ | {f"INFERENCE_{name}": str(value) for name, value in values.items()}


def test_it_starts_without_triton_says_so_and_ends_with_0(tmp_path: Path, unused_port: int) -> None:
    command = [sys.executable, "-m", "inference"]
    with subprocess.Popen(command, env=environment(tmp_path, PORT=unused_port)) as process:
        with open_channel(f"127.0.0.1:{unused_port}", timeout_seconds=120) as channel:
            stub = inference_pb2_grpc.InferenceServiceStub(channel)
            status = stub.GetStatus(inference_pb2.GetStatusRequest())
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    assert [stage.ready for stage in status.stages] == [False]


@contextmanager
def service(folder: Path, trained: System, **settings: object) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m inference` on the repository of a Triton, its temporary files below `folder`."""
    known = {"TRITON_TARGET": trained.triton.target, "MODEL_REPOSITORY": trained.triton.repository}
    values = environment(folder, **known, **settings) | {"TMPDIR": str(folder)}
    with subprocess.Popen([sys.executable, "-m", "inference"], env=values) as process:
        try:
            yield process
        finally:
            process.kill()


def figures(port: int) -> dict[str, float]:
    """The samples about the head, by name; empty while nothing answers."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}/metrics") as answer:
            families = text_string_to_metric_families(answer.read().decode())
    except OSError:
        return {}
    return {
        sample.name: sample.value
        for family in families
        for sample in family.samples
        if sample.labels.get("model") == "genre_fma"
    }


def test_it_watches_its_models_and_shows_so(tmp_path: Path, unused_port: int, trained: System) -> None:
    with service(
        tmp_path, trained, PORT=free_port(), METRICS_PORT=unused_port, WATCHDOG_SECONDS=0.2
    ) as process:
        until(lambda: figures(unused_port).get("reclass_triton_model_up") == 1, START_SECONDS)
        trained.triton.kill_stubs()
        until(lambda: figures(unused_port).get("reclass_triton_model_restored_total") == 1, START_SECONDS)
        until(lambda: figures(unused_port).get("reclass_triton_model_up") == 1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


def test_what_a_killed_training_leaves_is_gone_after_the_next_start(
    tmp_path: Path, unused_port: int, trained: System, library: SyntheticLibrary
) -> None:
    (tmp_path / "reclass-training-of-another-repository").mkdir()
    with (
        service(tmp_path, trained, PORT=unused_port) as process,
        open_channel(f"127.0.0.1:{unused_port}") as channel,
    ):
        stub = inference_pb2_grpc.InferenceServiceStub(channel)
        call = stub.Train(training(library), timeout=60)  # a call that nobody holds is cancelled
        next(call)
        until(lambda: len(psutil.Process(process.pid).children()) == 1)
        (child,) = psutil.Process(process.pid).children()
        assert len(list(tmp_path.glob("reclass-training-*"))) == 2
        process.kill()
        process.wait()
    psutil.wait_procs([child], timeout=10)
    assert not child.is_running()
    with service(tmp_path, trained, PORT=unused_port) as process:
        until(lambda: len(list(tmp_path.glob("reclass-training-*"))) == 1, START_SECONDS)
    assert (tmp_path / "reclass-training-of-another-repository").is_dir()
