"""MERT as an embedding: what goes with a request to its model, and what the model says of itself."""

import json
from pathlib import Path

import check_weights
import pytest
from features.audio.excerpts import Excerpt
from features.embeddings.embedding import ModelDescription, Surroundings
from features.embeddings.mert.embedding import MertEmbedding
from features.embeddings.mert.settings import MertSettings
from features.embeddings.options import Device, LoadOptions
from features.embeddings.triton_embedding import read_description
from features.errors import ModelNotInstalledError
from google.protobuf import text_format
from mert_encoder import architecture, checkpoint
from mert_encoder.options import read_options
from prometheus_client import CollectorRegistry
from reclass.features.v1 import features_pb2
from tritonclient.grpc.model_config_pb2 import ModelConfig

CONFIGURATION = Path(__file__).parents[5] / "services" / "triton" / "models" / "mert" / "config.pbtxt"


SECOND = 24_000
SAID = {
    "checkpoint": "MERT-v1-95M",
    "digest": "3f2a9c01d4e5",
    "recipe": {"layer": "7", "window": "5s", "norm": "window"},
    "width": 768,
    "window_samples": 5 * SECOND,
    "device": "cpu",
    "device_name": "cpu",
    "dtype": "bf16",
    "for_trials": False,
    "batch_limit": 32,
    "weights_bytes": 377_000_000,
}


def mert(**settings: object) -> MertEmbedding:
    return MertEmbedding(MertSettings(**settings), Surroundings(triton=None, registry=CollectorRegistry()))


def description(**changes: object) -> ModelDescription:
    return read_description(json.dumps(SAID | changes), mert().recipe)


def sent(options: LoadOptions | None = None, **settings: object) -> dict[str, str]:
    return dict(mert(**settings).model_options(options or LoadOptions()))


def test_no_request_is_larger_than_the_model_takes() -> None:
    own = text_format.Parse(CONFIGURATION.read_text(), ModelConfig())
    assert own.max_batch_size == MertEmbedding.max_batch
    assert sent().keys() <= own.parameters.keys()


def test_settings_and_options_become_parameters() -> None:
    settings = {"layers": "6+7", "window_seconds": 30, "dtype": "fp32", "weights": "/weights/MERT-v1-95M"}
    assert sent(LoadOptions(device=Device.CUDA, gpu_memory_share=0.5), **settings) == {
        "layers": "6,7",
        "window_seconds": "30",
        "dtype": "fp32",
        "weights": "/weights/MERT-v1-95M",
        "device": "cuda",
        "gpu_memory_share": "0.5",
    }


def test_the_model_understands_them() -> None:
    options = read_options(sent(LoadOptions(gpu_memory_share=0.25), weights="/w", dtype="bf16"), {})
    assert (str(options.weights), options.dtype, options.gpu_memory_share) == ("/w", "bf16", 0.25)


def test_what_is_left_open_is_left_to_triton() -> None:
    found = sent()
    assert (found["weights"], found["gpu_memory_share"], found["device"]) == ("", "", "auto")


def test_its_card_is_what_the_encoder_and_the_check_of_the_weights_say() -> None:
    assert MertEmbedding.card.sample_rate_hz == architecture.SAMPLE_RATE_HZ
    assert MertEmbedding.card.licence in check_weights.LICENCE
    assert set(MertEmbedding.card.lengths) == {width for width, _, _ in checkpoint.PUBLISHED}
    assert MertEmbedding.card.kind == features_pb2.VECTOR_KIND_MERT


def test_without_a_triton_it_is_not_installed_and_says_which_setting_names_one() -> None:
    failure = mert().known_failure(LoadOptions())
    assert isinstance(failure, ModelNotInstalledError)
    assert "FEATURES_TRITON_TARGET" in str(failure)
    with pytest.raises(ModelNotInstalledError):
        mert().describe(LoadOptions())


def test_the_version_names_everything_that_changes_the_values() -> None:
    assert description().version(Excerpt.MIDDLE) == (
        "mert-v1-95m/3f2a9c01d4e5;layer=7;window=5s;norm=window;dtype=bf16;excerpt=middle-30s/3"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"checkpoint": "MERT-v1-330M"},
        {"digest": "000000000000"},
        {"recipe": {"layer": "6", "window": "5s", "norm": "window"}},
        {"recipe": {"layer": "6+7", "window": "5s", "norm": "window"}},
        {"recipe": {"layer": "7", "window": "30s", "norm": "window"}},
        {"recipe": {"layer": "7", "window": "5s", "norm": "none"}},
        {"dtype": "fp32"},
        {"for_trials": True},
    ],
)
def test_each_thing_that_changes_the_values_makes_another_version(change: dict[str, object]) -> None:
    assert description(**change).version(Excerpt.MIDDLE) != description().version(Excerpt.MIDDLE)


def test_the_device_alone_makes_no_other_version() -> None:
    on_gpu = description(device="cuda:0", device_name="NVIDIA H100", batch_limit=8)
    assert on_gpu.version(Excerpt.FIRST) == description().version(Excerpt.FIRST)


def test_trial_weights_are_called_so_in_the_version_and_in_words() -> None:
    trial = description(for_trials=True)
    assert ";weights=trial;" in trial.version(Excerpt.MIDDLE)
    assert "trial weights: verdicts mean nothing" in trial.in_words()


def test_a_description_says_in_words_what_runs_where() -> None:
    assert description().in_words() == "MERT-v1-95M on cpu in bf16"
    on_gpu = description(device="cuda:0", device_name="NVIDIA H100", dtype="fp16")
    assert on_gpu.in_words() == "MERT-v1-95M on cuda:0 (NVIDIA H100) in fp16"


@pytest.mark.parametrize("text", ['{"checkpoint": "MERT-v1-95M"}', "[]"])
def test_a_description_that_lacks_something_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="lacks"):
        read_description(text, {})
