"""What goes with a request to MERT: the deployment's choice and the request's wish, as the model reads them."""

import json
from pathlib import Path

from features.embeddings.mert.config import MAX_BATCH, Choice, Wish, parameters
from features.embeddings.options import Compute, Device
from google.protobuf import text_format
from mert_encoder.options import read_options
from tritonclient.grpc.model_config_pb2 import ModelConfig

CONFIGURATION = Path(__file__).parents[5] / "services" / "triton" / "models" / "mert" / "config.pbtxt"


def sent(choice: Choice | None = None, compute: Compute | None = None) -> dict[str, str]:
    said = parameters(choice or Choice(), Wish.of(compute or Compute()))
    assert said.keys() == {"wish"}
    return dict(json.loads(said["wish"]))


def test_no_request_is_larger_than_the_model_takes() -> None:
    own = text_format.Parse(CONFIGURATION.read_text(), ModelConfig())
    assert own.max_batch_size == MAX_BATCH
    assert sent().keys() <= own.parameters.keys()


def test_choice_and_wish_become_parameters() -> None:
    choice = Choice(layers="6+7", window_seconds=30, dtype="fp32", weights="/weights/MERT-v1-95M")
    wish = Compute(device=Device.CUDA, gpu_memory_share=0.5, batch_size=8)
    assert sent(choice, wish) == {
        "layers": "6,7",
        "window_seconds": "30",
        "dtype": "fp32",
        "weights": "/weights/MERT-v1-95M",
        "device": "cuda",
        "gpu_memory_share": "0.5",
    }


def test_the_model_understands_them() -> None:
    options = read_options(sent(Choice(weights="/w", dtype="bf16"), Compute(gpu_memory_share=0.25)), {})
    assert (str(options.weights), options.dtype, options.gpu_memory_share) == ("/w", "bf16", 0.25)


def test_what_is_left_open_is_left_to_triton() -> None:
    found = sent()
    assert (found["weights"], found["gpu_memory_share"], found["device"]) == ("", "", "auto")
