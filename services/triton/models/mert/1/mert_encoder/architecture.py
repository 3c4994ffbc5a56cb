"""config.json of a MERT-v1 folder: every flag is known by name, and what this code does not build is refused."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mert_encoder.errors import CheckpointError

CONFIG = "config.json"
PREPROCESSOR = "preprocessor_config.json"
SAMPLE_RATE_HZ = 24_000
# Written by our own script beside random weights, so that nobody takes them for MERT.
TRIAL_KEY = "reclass_for_trials"
TRIAL_FILE = "FOR_TRIALS"

# The only values that this code builds. Those of MERT-v2, of the constant-Q front end and of deepnorm differ here.
FIXED: dict[str, tuple[Any, ...]] = {
    "model_type": ("mert_model",),
    "architectures": (["MERTModel"],),
    "sample_rate": (SAMPLE_RATE_HZ,),
    "feature_extractor_cqt": (False,),
    "deepnorm": (False,),
    "feat_extract_norm": ("group",),
    "feat_proj_layer_norm": (True,),
    "conv_bias": (False,),
    "hidden_act": ("gelu",),
    "feat_extract_activation": ("gelu",),
    "conv_pos_batch_norm": (False,),
    "use_weighted_layer_sum": (False,),
    "num_conv_pos_embeddings": (128,),
}
# Without these the published classes would take a default of their own, and the file would say nothing.
REQUIRED = (
    "model_type",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "conv_dim",
    "conv_kernel",
    "conv_stride",
    "do_stable_layer_norm",
    "layer_norm_eps",
    "num_conv_pos_embeddings",
    "num_conv_pos_embedding_groups",
)
# They change nothing in a model that only infers: training, masking, text, and how the file came to be.
# `attention_relax` is used by deepnorm alone, which is refused.
WITHOUT_EFFECT = {
    "_name_or_path",
    "activation_dropout",
    "apply_spec_augment",
    "attention_dropout",
    "attention_relax",
    "auto_map",
    "bos_token_id",
    "classifier_proj_size",
    "ctc_loss_reduction",
    "ctc_zero_infinity",
    "dtype",
    "eos_token_id",
    "feat_extract_dropout",
    "feat_proj_dropout",
    "feature_extractor_cqt_bins",
    "final_dropout",
    "gradient_checkpointing",
    "hidden_dropout",
    "hidden_dropout_prob",
    "initializer_range",
    "layerdrop",
    "num_feat_extract_layers",
    "pad_token_id",
    "tokenizer_class",
    "torch_dtype",
    "transformers_version",
    "vocab_size",
    TRIAL_KEY,
}
WITHOUT_EFFECT_PREFIXES = ("mask_", "skip_")


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """What of a config decides the numbers."""

    width: int
    """Length of a layer's vector."""
    layers: int
    heads: int
    inner_width: int
    """Width of the feed-forward part."""
    conv_widths: tuple[int, ...]
    conv_kernels: tuple[int, ...]
    conv_strides: tuple[int, ...]
    pre_norm: bool
    """Layer norm before each part (330M), not after it (95M)."""
    norm_eps: float
    position_kernel: int
    position_groups: int
    for_trials: bool
    """Random weights of our own script."""

    def frames(self, samples: int) -> int:
        """How many frames a window of this many samples has."""
        for kernel, stride in zip(self.conv_kernels, self.conv_strides, strict=True):
            samples = (samples - kernel) // stride + 1
        return samples


def read_architecture(folder: Path) -> Architecture:
    """The architecture that the folder's config names. Raises CheckpointError with the flag that is not known."""
    config = read_json(folder / CONFIG)
    check_flags(config)
    check_preprocessor(folder / PREPROCESSOR)
    found = Architecture(
        width=_count(config, "hidden_size"),
        layers=_count(config, "num_hidden_layers"),
        heads=_count(config, "num_attention_heads"),
        inner_width=_count(config, "intermediate_size"),
        conv_widths=_counts(config, "conv_dim"),
        conv_kernels=_counts(config, "conv_kernel"),
        conv_strides=_counts(config, "conv_stride"),
        pre_norm=_flag(config, "do_stable_layer_norm"),
        norm_eps=_eps(config),
        position_kernel=_count(config, "num_conv_pos_embeddings"),
        position_groups=_count(config, "num_conv_pos_embedding_groups"),
        for_trials=bool(config.get(TRIAL_KEY)) or (folder / TRIAL_FILE).exists(),
    )
    _check_sizes(found)
    return found


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file."""
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing: download it from the same place as the weights") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} is not JSON ({error}): download it again") from error
    if not isinstance(found, dict):
        raise CheckpointError(f"{path} holds no JSON object: download it again")
    return found


def check_flags(config: Mapping[str, Any]) -> None:
    """Refuse a flag that is missing, has a value that is not built here, or is not known at all."""
    for name in REQUIRED:
        if name not in config:
            raise CheckpointError(
                f"{CONFIG} lacks {name}: this is not the file that was published with MERT-v1"
            )
    for name, allowed in FIXED.items():
        if name in config and not any(_same(config[name], value) for value in allowed):
            wanted = " or ".join(json.dumps(value) for value in allowed)
            raise CheckpointError(
                f"{CONFIG} has {name} = {json.dumps(config[name])}, and this code builds only {wanted}: "
                "use MERT-v1-95M or MERT-v1-330M"
            )
    known = {*REQUIRED, *FIXED} | WITHOUT_EFFECT
    for name in config:
        if name not in known and not name.startswith(WITHOUT_EFFECT_PREFIXES):
            raise CheckpointError(
                f"{CONFIG} has the flag {name}, which this code does not know: use MERT-v1-95M or MERT-v1-330M"
            )


def check_preprocessor(path: Path) -> None:
    """What is said of the audio, where the file is there. Its `do_normalize` is not followed: each window is."""
    if not path.exists():
        return
    found = read_json(path)
    for name, wanted in (("sampling_rate", SAMPLE_RATE_HZ), ("feature_size", 1)):
        if found.get(name, wanted) != wanted:
            raise CheckpointError(f"{path.name} has {name} = {found[name]}, and MERT-v1 takes {wanted}")


def _same(found: object, wanted: object) -> bool:
    # 0 == False in Python, and a flag is no number.
    return type(found) is type(wanted) and found == wanted


def _count(config: Mapping[str, Any], name: str) -> int:
    value = config[name]
    if type(value) is not int or value < 1:
        raise CheckpointError(f"{CONFIG} has {name} = {json.dumps(value)}, which is no size")
    return value


def _counts(config: Mapping[str, Any], name: str) -> tuple[int, ...]:
    values = config[name]
    if (
        not isinstance(values, list)
        or not values
        or any(type(each) is not int or each < 1 for each in values)
    ):
        raise CheckpointError(f"{CONFIG} has {name} = {json.dumps(values)}, which are no sizes")
    return tuple(values)


def _flag(config: Mapping[str, Any], name: str) -> bool:
    if type(config[name]) is not bool:
        raise CheckpointError(
            f"{CONFIG} has {name} = {json.dumps(config[name])}, which is neither true nor false"
        )
    return bool(config[name])


def _eps(config: Mapping[str, Any]) -> float:
    value = config["layer_norm_eps"]
    if type(value) not in (int, float) or not 0 < value < 1:
        raise CheckpointError(f"{CONFIG} has layer_norm_eps = {json.dumps(value)}, which is no small number")
    return float(value)


def _check_sizes(found: Architecture) -> None:
    if not len(found.conv_widths) == len(found.conv_kernels) == len(found.conv_strides):
        raise CheckpointError(f"conv_dim, conv_kernel and conv_stride of {CONFIG} are not equally long")
    for stride, kernel in zip(found.conv_strides[1:], found.conv_kernels[1:], strict=True):
        if kernel not in (stride, stride + 1):
            raise CheckpointError(
                f"conv_kernel and conv_stride of {CONFIG} have a pair ({kernel}, {stride}) that MERT-v1 has not"
            )
    if math.prod(found.conv_strides) != 320:
        raise CheckpointError(f"conv_stride of {CONFIG} makes no 75 frames a second, as MERT-v1 has")
    for name, parts in (
        ("num_attention_heads", found.heads),
        ("num_conv_pos_embedding_groups", found.position_groups),
    ):
        if found.width % parts:
            raise CheckpointError(f"hidden_size of {CONFIG} cannot be divided by its {name}")
