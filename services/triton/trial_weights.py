"""Writes a MERT-v1 with random weights in the published file format: for trials and benchmarks, never for music.

    .venv-triton/bin/python services/triton/trial_weights.py tiny-95m FOLDER [--seed N] [--safetensors]

The tiny ones have the vectors' true length and the published structure with few layers, so that they cost little; the
others have the published sizes. The same kind and seed make the same numbers on every machine. The folder says that it
is for trials, in a file FOR_TRIALS and in its config.json, and what is made with it says so too.
"""

import argparse
import json
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).resolve().parent / "models" / "mert" / "1"))

from mert_encoder.architecture import TRIAL_FILE, TRIAL_KEY, read_architecture
from mert_encoder.tensors import DIRECTION_NAMES, GAIN_NAMES, Shape, expected

SEED = 24_000
Tensors = Mapping[str, NDArray[np.float32]]

# The flags that both published models share.
PUBLISHED: dict[str, Any] = {
    "activation_dropout": 0.0,
    "apply_spec_augment": True,
    "architectures": ["MERTModel"],
    "attention_dropout": 0.1,
    "conv_bias": False,
    "conv_dim": [512] * 7,
    "conv_kernel": [10, 3, 3, 3, 3, 2, 2],
    "conv_stride": [5, 2, 2, 2, 2, 2, 2],
    "deepnorm": False,
    "feat_extract_activation": "gelu",
    "feat_extract_norm": "group",
    "feat_proj_layer_norm": True,
    "feature_extractor_cqt": False,
    "feature_extractor_cqt_bins": 336,
    "hidden_act": "gelu",
    "hidden_dropout": 0.1,
    "layer_norm_eps": 1e-05,
    "model_type": "mert_model",
    "num_conv_pos_embedding_groups": 16,
    "num_conv_pos_embeddings": 128,
    "num_feat_extract_layers": 7,
    "sample_rate": 24_000,
    "torch_dtype": "float32",
}
BASE = {
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "do_stable_layer_norm": False,
    "attention_relax": -1.0,
    "mask_time_prob": 0.05,
}
LARGE = {
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "do_stable_layer_norm": True,
    "attention_relax": 32.0,
    "mask_time_prob": 0.075,
}
# As many groups as make the convolution over positions, the dearest part of so few layers, a sixth of its cost.
TINY = {
    "num_hidden_layers": 2,
    "intermediate_size": 256,
    "conv_dim": [64] * 7,
    "num_conv_pos_embedding_groups": 64,
}
KINDS: dict[str, dict[str, Any]] = {
    "95m": PUBLISHED | BASE,
    "330m": PUBLISHED | LARGE,
    "tiny-95m": PUBLISHED | BASE | TINY,
    "tiny-330m": PUBLISHED | LARGE | TINY,
}
PREPROCESSOR = {
    "do_normalize": False,
    "feature_extractor_type": "Wav2Vec2FeatureExtractor",
    "feature_size": 1,
    "padding_side": "right",
    "padding_value": 0,
    "return_attention_mask": True,
    "sampling_rate": 24_000,
}
SENTENCE = (
    "These weights are random, for trials and benchmarks: what is made with them says nothing about music.\n"
)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a MERT-v1 with random weights, for trials.")
    parser.add_argument("kind", choices=sorted(KINDS))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--safetensors", action="store_true", help="model.safetensors, not pytorch_model.bin")
    options = parser.parse_args()
    write_trial(options.folder, options.kind, seed=options.seed, safetensors=options.safetensors)
    sys.stdout.write(f"{options.folder}: {options.kind} with random weights, for trials\n")


def write_trial(folder: Path, kind: str, *, seed: int = SEED, safetensors: bool = False) -> None:
    """Write the checkpoint of a kind, marked as one for trials."""
    write_config(folder, KINDS[kind] | {TRIAL_KEY: True})
    (folder / TRIAL_FILE).write_text(SENTENCE)
    wanted = expected(read_architecture(folder))
    tensors = {name: random_values(name, shape, seed) for name, shape in wanted.items()}
    write_weights(folder, tensors, safetensors=safetensors)


def write_config(folder: Path, config: Mapping[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    (folder / "preprocessor_config.json").write_text(json.dumps(PREPROCESSOR, indent=2) + "\n")


def write_weights(
    folder: Path, tensors: Tensors, *, safetensors: bool = False, parametrized: bool = False
) -> None:
    """The weights' file; `parametrized` gives the weight norm the names of newer versions of torch."""
    renamed = dict((GAIN_NAMES, DIRECTION_NAMES)) if parametrized else {}
    state = {
        renamed.get(name, name): torch.from_numpy(np.ascontiguousarray(v)) for name, v in tensors.items()
    }
    if safetensors:
        save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    else:
        torch.save(state, folder / "pytorch_model.bin")


def random_values(name: str, shape: Shape, seed: int) -> NDArray[np.float32]:
    """Values that keep a signal's size through the layers; norms and biases are no neutral ones either."""
    draw = np.random.default_rng([seed, zlib.crc32(name.encode())])
    values = draw.standard_normal(shape, dtype=np.float32)
    if name.endswith("bias"):
        return 0.05 * values
    if name == GAIN_NAMES[0] or "norm.weight" in name:
        return 1.0 + 0.1 * values
    gain = 2.0 if "conv_layers" in name else 1.0  # half of what enters a gelu is lost
    return values * np.float32(np.sqrt(gain / np.prod(shape[1:])))


if __name__ == "__main__":
    main()
