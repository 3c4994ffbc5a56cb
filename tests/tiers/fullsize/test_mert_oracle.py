"""Both published models at full size, with random weights, against transformers' HuBERT, layer by layer."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from mert_encoder.architecture import read_architecture
from mert_encoder.checkpoint import Checkpoint, read_checkpoint
from mert_encoder.encoder import Encoder
from mert_encoder.tensors import expected
from mert_encoder.windows import normalised
from mert_oracle import hubert
from mert_weights import music
from torch import Tensor
from trial_weights import KINDS, SEED, Tensors, random_values, write_config, write_weights

# Single precision, summed in another order, over values of up to 30 in the large model.
TOLERANCES = {"95m": 2e-5, "330m": 1e-4}
PARAMETERS = {"95m": 94_371_712, "330m": 315_428_992}
TENSORS = {"95m": 211, "330m": 403}
GENRE_LAYER = {"95m": 7, "330m": 10}


@dataclass(frozen=True, kw_only=True)
class FullSize:
    """A model of published size in its folder, and what HuBERT says of two windows."""

    size: str
    folder: Path
    tensors: Tensors
    checkpoint: Checkpoint
    y: Tensor
    layers: Tensor
    """[windows, layers + 1, width]; the last one after the final norm."""


@pytest.fixture(scope="module", params=["95m", "330m"])
def full(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FullSize]:
    folder = tmp_path_factory.mktemp(request.param)
    write_config(folder, KINDS[request.param])
    wanted = expected(read_architecture(folder))
    tensors = {name: random_values(name, shape, SEED) for name, shape in wanted.items()}
    write_weights(folder, tensors)
    y = normalised(torch.from_numpy(music(2, 24_000)))
    yield FullSize(
        size=request.param,
        folder=folder,
        tensors=tensors,
        checkpoint=read_checkpoint(folder),
        y=y,
        layers=pooled_by_hubert(folder, y),
    )
    for path in folder.iterdir():  # gigabytes, which pytest would keep for three runs
        path.unlink()


def pooled_by_hubert(folder: Path, y: Tensor) -> Tensor:
    with torch.inference_mode():
        answer = hubert(folder)(y, output_hidden_states=True)
    # From 5.16.1 on the last of `hidden_states` of the large model is what was there before the final norm.
    states = [*answer.hidden_states[:-1], answer.last_hidden_state]
    return torch.stack([state.mean(dim=1) for state in states], dim=1)


def embedded(checkpoint: Checkpoint, y: Tensor, layers: list[int]) -> Tensor:
    encoder = Encoder(checkpoint.architecture, checkpoint.tensors, layers)
    with torch.inference_mode():
        found: Tensor = encoder(y)
    return found


def test_a_published_model_has_as_many_tensors_and_parameters_as_the_real_file(full: FullSize) -> None:
    assert len(full.tensors) == TENSORS[full.size]
    assert sum(values.size for values in full.tensors.values()) == PARAMETERS[full.size]


def test_every_layer_is_the_one_of_hubert(full: FullSize, say: Callable[[object], None]) -> None:
    found = embedded(full.checkpoint, full.y, list(range(full.layers.shape[1])))
    worst = float((found - full.layers).abs().max())
    say(
        f"{full.size}: largest difference to HuBERT {worst:.1e}, values up to {float(full.layers.abs().max()):.0f}"
    )
    assert worst < TOLERANCES[full.size]


def test_stopping_at_the_genre_layer_changes_nothing(full: FullSize) -> None:
    layer = GENRE_LAYER[full.size]
    found = embedded(full.checkpoint, full.y, [layer])
    assert float((found[:, 0] - full.layers[:, layer]).abs().max()) < TOLERANCES[full.size]


@pytest.mark.parametrize("style", ["parametrizations", "safetensors"])
def test_another_style_of_the_file_holds_the_same_tensors(full: FullSize, style: str) -> None:
    folder = full.folder / style
    write_config(folder, KINDS[full.size])
    write_weights(
        folder, full.tensors, parametrized=style == "parametrizations", safetensors=style == "safetensors"
    )
    written, other = full.checkpoint.tensors, read_checkpoint(folder).tensors
    assert written.keys() == other.keys()
    assert all(torch.equal(written[name], other[name]) for name in written)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
