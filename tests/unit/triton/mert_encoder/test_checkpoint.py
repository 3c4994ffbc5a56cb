"""A folder that is not exactly a MERT-v1 is refused, and the sentence names what is wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mert_encoder.architecture import FIXED, read_architecture
from mert_encoder.checkpoint import read_checkpoint
from mert_encoder.errors import CheckpointError
from mert_weights import golden_config, golden_tensors, write_golden
from trial_weights import KINDS, TRIAL_FILE, TRIAL_KEY, write_config, write_trial, write_weights

Tensors = dict[str, np.ndarray]
FLAGS = Path(__file__).parents[3] / "data" / "mert_flags.txt"
DEEPEST = "encoder.layers.3.final_layer_norm.weight"


def folder_with(path: Path, change: Callable[[Tensors], None], *, safetensors: bool = False) -> Path:
    """A golden folder whose tensors were changed."""
    write_config(path, golden_config("tiny95"))
    tensors = golden_tensors("tiny95")
    change(tensors)
    write_weights(path, tensors, safetensors=safetensors)
    return path


@pytest.mark.parametrize("safetensors", [False, True], ids=["bin", "safetensors"])
@pytest.mark.parametrize(
    "name",
    [
        "feature_extractor.conv_layers.0.layer_norm.bias",
        "encoder.pos_conv_embed.conv.weight_g",
        "encoder.layers.0.attention.q_proj.bias",
        DEEPEST,
    ],
)
def test_a_missing_tensor_is_named(name: str, safetensors: bool, tmp_path: Path) -> None:
    folder = folder_with(tmp_path, lambda tensors: tensors.pop(name), safetensors=safetensors)
    with pytest.raises(CheckpointError, match=f"lacks the tensor {name}"):
        read_checkpoint(folder)


@pytest.mark.parametrize(
    "name",
    [
        "encoder.layers.4.layer_norm.bias",
        "encoder.layers.0.attention.rel_pos.weight",
        "feature_extractor.cqt.kernel",
    ],
)
def test_a_tensor_too_many_is_named(name: str, tmp_path: Path) -> None:
    folder = folder_with(tmp_path, lambda tensors: tensors.update({name: np.zeros(3, np.float32)}))
    with pytest.raises(CheckpointError, match=f"has a tensor {name}, which MERT-v1"):
        read_checkpoint(folder)


@pytest.mark.parametrize("name", ["feature_projection.projection.weight", "masked_spec_embed", DEEPEST])
def test_a_tensor_of_another_shape_is_named(name: str, tmp_path: Path) -> None:
    """Also one that no layer in use needs: a file that is wrong in one place is not trusted in another."""
    folder = folder_with(tmp_path, lambda tensors: tensors.update({name: tensors[name][:-1]}))
    with pytest.raises(CheckpointError, match=f"has {name} of shape .*config.json means"):
        read_checkpoint(folder)


def test_a_tensor_that_holds_no_weights_is_named(tmp_path: Path) -> None:
    folder = folder_with(
        tmp_path, lambda tensors: tensors.update({DEEPEST: tensors[DEEPEST].astype(np.int64)})
    )
    with pytest.raises(CheckpointError, match=f"has {DEEPEST} as torch.int64"):
        read_checkpoint(folder)


def test_the_embedding_of_masked_frames_may_be_absent(tmp_path: Path) -> None:
    assert read_checkpoint(folder_with(tmp_path, lambda tensors: tensors.pop("masked_spec_embed"))).tensors


def test_a_file_whose_weight_norm_was_multiplied_out_is_read(tmp_path: Path) -> None:
    def fold(tensors: Tensors) -> None:
        gain = tensors.pop("encoder.pos_conv_embed.conv.weight_g")
        direction = tensors.pop("encoder.pos_conv_embed.conv.weight_v")
        folded = torch._weight_norm(torch.from_numpy(direction), torch.from_numpy(gain), 2)
        tensors["encoder.pos_conv_embed.conv.weight"] = folded.numpy()

    read = read_checkpoint(folder_with(tmp_path / "folded", fold)).tensors
    written = read_checkpoint(write_golden(tmp_path / "written", "tiny95")).tensors
    assert read.keys() == written.keys()
    for name in read:
        torch.testing.assert_close(read[name], written[name], rtol=1e-6, atol=1e-7)


def test_the_weight_norm_is_over_all_but_the_time_axis(tmp_path: Path) -> None:
    weight = read_checkpoint(write_golden(tmp_path, "tiny95")).tensors["encoder.pos_conv_embed.conv.weight"]
    gain = torch.from_numpy(golden_tensors("tiny95")["encoder.pos_conv_embed.conv.weight_g"])
    torch.testing.assert_close(weight.square().sum(dim=(0, 1)).sqrt(), gain[0, 0].abs())


def changed(folder: Path, **flags: Any) -> Path:
    """A config with flags of its own; None takes one away."""
    config = golden_config("tiny95") | flags
    write_config(folder, {name: value for name, value in config.items() if value is not None})
    return folder


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("feature_extractor_cqt", True),
        ("deepnorm", True),
        ("model_type", "mert_v2"),
        ("architectures", ["MERT2Model"]),
        ("sample_rate", 16_000),
        ("feat_extract_norm", "layer"),
        ("feat_proj_layer_norm", False),
        ("conv_bias", True),
        ("hidden_act", "gelu_new"),
        ("feat_extract_activation", "relu"),
        ("conv_pos_batch_norm", True),
        ("num_conv_pos_embeddings", 127),
        ("use_weighted_layer_sum", True),
        ("deepnorm", 0),
    ],
)
def test_a_structure_that_is_not_built_is_refused_by_the_name_of_its_flag(
    flag: str, value: object, tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError, match=f"config.json has {flag} = .*this code builds only"):
        read_architecture(changed(tmp_path, **{flag: value}))


def test_every_structural_flag_has_a_case_here() -> None:
    marks = test_a_structure_that_is_not_built_is_refused_by_the_name_of_its_flag.pytestmark  # type: ignore[attr-defined]
    (cases,) = [mark.args[1] for mark in marks if mark.name == "parametrize"]
    assert {flag for flag, _ in cases} == set(FIXED)


@pytest.mark.parametrize(
    "flag", ["conformer_kernel", "position_embeddings_type", "num_codebooks", "add_adapter"]
)
def test_a_flag_that_is_not_known_is_refused_by_name(flag: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=f"has the flag {flag}, which this code does not know"):
        read_architecture(changed(tmp_path, **{flag: 1}))


@pytest.mark.parametrize("flag", ["do_stable_layer_norm", "hidden_size", "conv_stride", "model_type"])
def test_a_flag_that_is_missing_is_named(flag: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=f"config.json lacks {flag}"):
        read_architecture(changed(tmp_path, **{flag: None}))


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ({"hidden_size": "768"}, "hidden_size .*no size"),
        ({"hidden_size": 0}, "hidden_size .*no size"),
        ({"num_attention_heads": 5}, "hidden_size .* cannot be divided by its num_attention_heads"),
        ({"num_conv_pos_embedding_groups": 7}, "divided by its num_conv_pos_embedding_groups"),
        ({"conv_dim": [512]}, "not equally long"),
        ({"conv_stride": [5, 2, 2, 2, 2, 2, 1], "conv_kernel": [10, 3, 3, 3, 3, 2, 2]}, "75 frames"),
        ({"conv_kernel": [10, 3, 3, 3, 3, 2, 7]}, r"pair \(7, 2\)"),
        ({"conv_kernel": []}, "no sizes"),
        ({"do_stable_layer_norm": 1}, "neither true nor false"),
        ({"layer_norm_eps": "small"}, "no small number"),
    ],
)
def test_a_size_that_means_nothing_is_refused(flags: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=sentence):
        read_architecture(changed(tmp_path, **flags))


def test_every_flag_of_the_published_configs_is_known(tmp_path: Path) -> None:
    """The names in the files that were published with 95M and 330M; both have some that the other has not."""
    published = FLAGS.read_text().split()
    config = dict.fromkeys(published) | {"use_weighted_layer_sum": False} | golden_config("tiny330")
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert read_architecture(tmp_path).pre_norm


def test_a_preprocessor_for_other_audio_is_refused(tmp_path: Path) -> None:
    folder = changed(tmp_path)
    (folder / "preprocessor_config.json").write_text('{"sampling_rate": 16000}')
    with pytest.raises(CheckpointError, match="sampling_rate = 16000, and MERT-v1 takes 24000"):
        read_architecture(folder)


def test_a_folder_without_its_config_or_its_weights_says_what_to_download(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"config.json is missing: download it"):
        read_checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match=r"no model.safetensors or pytorch_model.bin: download"):
        read_checkpoint(changed(tmp_path))
    with pytest.raises(CheckpointError, match=r"is no folder with weights of MERT: download config\.json"):
        read_checkpoint(tmp_path / "elsewhere")


def test_a_pointer_of_git_lfs_is_told_from_the_weights(tmp_path: Path) -> None:
    folder = changed(tmp_path)
    (folder / "pytorch_model.bin").write_text(
        "version https://git-lfs.example/spec/v1\noid sha256:0\nsize 1261\n"
    )
    with pytest.raises(CheckpointError, match="pointer of git-lfs, not the weights"):
        read_checkpoint(folder)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.safetensors"])
def test_a_file_that_is_cut_off_or_garbage_is_to_be_downloaded_again(name: str, tmp_path: Path) -> None:
    folder = write_golden(tmp_path, "tiny95", safetensors=name.endswith("safetensors"))
    whole = (folder / name).read_bytes()
    for broken in (whole[: len(whole) // 2], b"<html>not found</html>", b""):
        (folder / name).write_bytes(broken)
        with pytest.raises(CheckpointError, match=r"cannot be read as weights .*download it again"):
            read_checkpoint(folder)


def test_a_file_that_would_run_code_is_not_run(tmp_path: Path) -> None:
    folder = changed(tmp_path)
    torch.save({"encoder": Trap(tmp_path / "sprung")}, folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"pytorch_model\.bin cannot be read"):
        read_checkpoint(folder)
    assert not (tmp_path / "sprung").exists()


class Trap:
    """Unpickled without care, it leaves a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_a_broken_config_says_so(tmp_path: Path) -> None:
    for text in ("{", "[]"):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(CheckpointError, match="JSON"):
            read_architecture(tmp_path)


@pytest.mark.parametrize("kind", ["tiny-95m", "tiny-330m"])
def test_weights_for_trials_say_so_wherever_they_are_copied(kind: str, tmp_path: Path) -> None:
    write_trial(tmp_path / "random", kind)
    found = read_checkpoint(tmp_path / "random")
    assert found.architecture.for_trials
    assert (found.name, found.architecture.width) == ("random", KINDS[kind]["hidden_size"])
    (tmp_path / "random" / TRIAL_FILE).unlink()
    assert read_architecture(tmp_path / "random").for_trials
    config = json.loads((tmp_path / "random" / "config.json").read_text())
    assert config[TRIAL_KEY] is True


def test_weights_that_are_not_ours_are_not_for_trials(tmp_path: Path) -> None:
    assert not read_architecture(write_golden(tmp_path, "tiny95")).for_trials


def test_the_same_seed_writes_the_same_weights_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_trial(tmp_path / name, "tiny-95m", seed=seed)
    digests = {name: read_checkpoint(tmp_path / name).digest for name in "abc"}
    assert digests["a"] == digests["b"] != digests["c"]
    assert len(digests["a"]) == 12
