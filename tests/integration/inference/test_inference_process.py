"""The service as a process: it starts without Triton and ends in order."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from reclass.inference.v1 import inference_pb2, inference_pb2_grpc
from runtime.channel import open_channel


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
        with open_channel(f"127.0.0.1:{unused_port}") as channel:
            stub = inference_pb2_grpc.InferenceServiceStub(channel)
            status = stub.GetStatus(inference_pb2.GetStatusRequest())
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    assert [stage.ready for stage in status.stages] == [False, False, False]
