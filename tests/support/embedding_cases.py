"""What the test that every embedding passes must know of each: where weights come from, golden data, what is refused.

By the folder's name. A new embedding needs an entry here, which the test says where it lacks one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from mert_encoder.checkpoint import read_checkpoint as read_mert
from mert_encoder.encoder import Encoder
from mert_weights import golden_pooled, golden_tone, write_golden
from musicnn_golden import OTHER_WEIGHTS, PENULTIMATE, TAGS, WEIGHTS, copy_of, golden_input
from musicnn_network.checkpoint import read_checkpoint as read_musicnn
from musicnn_network.network import Network
from numpy.typing import NDArray
from trial_weights import write_trial

Pair = tuple[NDArray[np.floating], NDArray[np.floating]]


@dataclass(frozen=True, kw_only=True)
class EmbeddingCase:
    """What is particular to one embedding."""

    environment: Callable[[Path], Mapping[str, str]]
    """Variables of Triton with which it has weights; those that must be made are made in a folder."""
    golden: Callable[[Path], list[tuple[Pair, float]]]
    """What its network says, what others have found that it says, and how far apart the two may be."""
    refused: Mapping[str, Callable[[Path], object]]
    """By a part of the message: what makes a folder whose weights must be refused."""


def _mert_environment(folder: Path) -> dict[str, str]:
    write_trial(folder, "tiny-95m")
    return {"TRITON_MERT_WEIGHTS": str(folder), "TRITON_MERT_DTYPE": "fp32", "TRITON_MERT_THREADS": "1"}


def _mert_golden(folder: Path) -> list[tuple[Pair, float]]:
    checkpoint = read_mert(write_golden(folder, "tiny95"))
    layers = range(checkpoint.architecture.layers + 1)
    encoder = Encoder(checkpoint.architecture, checkpoint.tensors, list(layers))
    with torch.inference_mode():
        found = encoder(torch.from_numpy(golden_tone())[None])[0].numpy()
    return [((found, golden_pooled("tiny95")), 2e-5)]


def _mert_without_a_part(folder: Path) -> None:
    write_trial(folder, "tiny-95m")
    (folder / "config.json").unlink()


def _mert_cut(folder: Path) -> None:
    write_trial(folder, "tiny-95m")
    file = folder / "pytorch_model.bin"
    file.write_bytes(file.read_bytes()[:100_000])


def _mert_of_another_shape(folder: Path) -> None:
    write_trial(folder, "tiny-95m")
    config = folder / "config.json"
    config.write_text(config.read_text().replace('"num_hidden_layers": 2', '"num_hidden_layers": 3'))


def _musicnn_golden(folder: Path) -> list[tuple[Pair, float]]:
    penultimate, tags = Network(read_musicnn(WEIGHTS).tensors)(golden_input())
    return [((penultimate, PENULTIMATE), 1e-4), ((tags, TAGS), 1e-5)]


def _musicnn_cut(folder: Path) -> None:
    data = copy_of(WEIGHTS, folder) / ".data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:1_000_000])


CASES: Mapping[str, EmbeddingCase] = {
    "mert": EmbeddingCase(
        environment=_mert_environment,
        golden=_mert_golden,
        refused={
            "is no folder with weights": lambda folder: None,
            "config.json is missing": _mert_without_a_part,
            "download it again": _mert_cut,
            "lacks the tensor": _mert_of_another_shape,
        },
    ),
    "musicnn": EmbeddingCase(
        environment=lambda folder: {},
        golden=_musicnn_golden,
        refused={
            "cannot be read": lambda folder: None,
            "it ends at byte": _musicnn_cut,
            "another model than the published": lambda folder: copy_of(OTHER_WEIGHTS, folder),
            "is damaged or of another model": lambda folder: copy_of(WEIGHTS.with_name("MSD_vgg"), folder),
        },
    ),
}
