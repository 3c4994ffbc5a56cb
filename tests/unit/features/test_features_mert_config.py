"""What is sent with a load stands in for the model's own configuration, so it must say the same."""

from pathlib import Path

from features.compute import Compute, Device
from features.mert_config import Choice, Wish, model_config
from google.protobuf import json_format, text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig

CONFIGURATION = Path(__file__).parents[3] / "services" / "triton" / "models" / "mert" / "config.pbtxt"


def sent(choice: Choice | None = None, compute: Compute | None = None) -> ModelConfig:
    wish = Wish.of(compute or Compute())
    return json_format.ParseDict(dict(model_config(choice or Choice(), wish)), ModelConfig())


def parameters(config: ModelConfig) -> dict[str, str]:
    return {name: value.string_value for name, value in config.parameters.items()}


def test_all_but_the_parameters_is_as_in_the_repository() -> None:
    own = text_format.Parse(CONFIGURATION.read_text(), ModelConfig())
    ours = sent()
    assert parameters(ours).keys() <= parameters(own).keys()
    own.ClearField("parameters")
    ours.ClearField("parameters")
    ours.ClearField("name")  # in the repository it is the folder's
    assert ours == own


def test_choice_and_wish_become_parameters() -> None:
    choice = Choice(layers="6+7", window_seconds=30, dtype="fp32", weights="/weights/MERT-v1-95M")
    wish = Compute(device=Device.CUDA, gpu_memory_share=0.5, batch_size=8)
    assert parameters(sent(choice, wish)) == {
        "layers": "6,7",
        "window_seconds": "30",
        "dtype": "fp32",
        "weights": "/weights/MERT-v1-95M",
        "device": "cuda",
        "gpu_memory_share": "0.5",
    }


def test_what_is_left_open_is_left_to_triton() -> None:
    found = parameters(sent())
    assert (found["weights"], found["gpu_memory_share"], found["device"]) == ("", "", "auto")
