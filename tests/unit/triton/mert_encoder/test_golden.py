"""The encoder gives the numbers of the code that was published with MERT, from every way its files are written."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mert_encoder.checkpoint import read_checkpoint
from mert_encoder.encoder import Encoder
from mert_encoder.tensors import expected
from mert_oracle import hubert
from mert_weights import GOLDEN, NAMES, golden_pooled, golden_tone, write_golden

# The golden data is rounded to six digits, and different orders of single-precision sums differ by some 1e-6. What a
# wrong gelu (3e-4), a wrong weight norm (1e-1) or a wrong norm changes lies far above.
TOLERANCE = 2e-5
STYLES = {
    "weight_g and weight_v": {},
    "parametrizations": {"parametrized": True},
    "safetensors": {"safetensors": True},
    "parametrizations in safetensors": {"parametrized": True, "safetensors": True},
}


def pooled(folder: Path, layers: list[int] | None = None) -> torch.Tensor:
    """What ours says of the golden tone: [layers, width]."""
    checkpoint = read_checkpoint(folder)
    chosen = layers or list(range(checkpoint.architecture.layers + 1))
    encoder = Encoder(checkpoint.architecture, checkpoint.tensors, chosen)
    with torch.inference_mode():
        found: torch.Tensor = encoder(torch.from_numpy(golden_tone())[None])[0]
    return found


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", NAMES)
def test_every_layer_is_that_of_the_original_code(name: str, style: str, tmp_path: Path) -> None:
    found = pooled(write_golden(tmp_path, name, **STYLES[style]))
    assert np.abs(found.numpy() - golden_pooled(name)).max() < TOLERANCE


@pytest.mark.parametrize("name", NAMES)
def test_the_tensors_that_are_expected_are_those_of_the_published_file(name: str, tmp_path: Path) -> None:
    architecture = read_checkpoint(write_golden(tmp_path, name)).architecture
    assert {tensor: list(shape) for tensor, shape in expected(architecture).items()} == GOLDEN[name]["keys"]
    assert architecture.frames(48_000) == GOLDEN[name]["frames"]


@pytest.mark.parametrize("name", NAMES)
def test_a_layer_is_the_same_whether_the_model_stops_there_or_goes_on(name: str, tmp_path: Path) -> None:
    folder = write_golden(tmp_path, name)
    whole = pooled(folder)
    for layer in range(1, len(whole)):
        assert torch.equal(pooled(folder, [layer])[0], whole[layer])


def test_the_last_layer_of_the_large_model_has_gone_through_the_final_norm(tmp_path: Path) -> None:
    """transformers from 5.16.1 hands out what was there before it, under the same name."""
    write_golden(tmp_path, "tiny330")
    last = pooled(tmp_path, [5])[0].numpy()
    assert np.abs(last - golden_pooled("tiny330")[5]).max() < TOLERANCE
    checkpoint = read_checkpoint(tmp_path)
    encoder = Encoder(checkpoint.architecture, checkpoint.tensors, [5])
    encoder.depth = 6  # as if another layer came: then the norm is left out
    with torch.inference_mode():
        before = encoder(torch.from_numpy(golden_tone())[None])[0, 0].numpy()
    assert np.abs(before - last).max() > 0.1


@pytest.mark.parametrize("name", NAMES)
def test_the_hubert_of_transformers_says_the_same_of_every_layer(name: str, tmp_path: Path) -> None:
    with torch.inference_mode():
        tone = torch.from_numpy(golden_tone())[None]
        answer = hubert(write_golden(tmp_path, name))(tone, output_hidden_states=True)
    # The last of these is not used: in newer versions it is the large model's before its final norm.
    for layer, state in enumerate([*answer.hidden_states[:-1], answer.last_hidden_state]):
        assert np.abs(state[0].mean(dim=0).numpy() - golden_pooled(name)[layer]).max() < TOLERANCE
