"""The reader of MusiCNN's checkpoint: what is published, and what it refuses with the remedy."""

import hashlib
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from musicnn_golden import OTHER_WEIGHTS, WEIGHTS, copy_of
from musicnn_network import checkpoint as reader
from musicnn_network.bundle import DATA, INDEX, MAGIC, read_index, values
from musicnn_network.checkpoint import CheckpointError, expected, read_checkpoint

PARAMETERS = 792_079
REMEDY = "pip install --force-reinstall --no-deps musicnn==0.1.0"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copy_of(WEIGHTS, tmp_path)


def refusal(folder: Path) -> str:
    with pytest.raises(CheckpointError) as refused:
        read_checkpoint(folder)
    assert REMEDY in str(refused.value)
    return str(refused.value)


def rewrite(path: Path, before: bytes, after: bytes) -> None:
    content = path.read_bytes()
    assert before in content
    path.write_bytes(content.replace(before, after, 1))


def test_the_published_files_are_read_whole() -> None:
    found = read_checkpoint(WEIGHTS)
    # What a norm keeps of the training's mean and variance is no parameter to some, and is one of the published count.
    assert sum(tensor.size for tensor in found.tensors.values()) == PARAMETERS
    assert {name: tensor.shape for name, tensor in found.tensors.items()} == expected()
    files = (WEIGHTS / INDEX).read_bytes() + (WEIGHTS / DATA).read_bytes()
    assert hashlib.sha256(files).hexdigest().startswith(found.digest)
    assert (len(found.digest), found.size_bytes) == (12, len(files))


def test_a_tensor_lies_where_the_index_says() -> None:
    data = (WEIGHTS / DATA).read_bytes()
    entry = read_index(WEIGHTS / INDEX)["dense_1/bias"]
    raw = struct.unpack_from("<50f", data, entry.offset)
    assert values(data, entry).tolist() == list(raw)


@pytest.mark.parametrize("name", [INDEX, DATA])
def test_a_file_that_is_missing_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert str(folder / name) in refusal(folder)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert str(tmp_path / "nowhere") in refusal(tmp_path / "nowhere")


@pytest.mark.parametrize("kept", [0, 40, 2000, -1])
def test_an_index_that_was_cut_is_refused(folder: Path, kept: int) -> None:
    (folder / INDEX).write_bytes((folder / INDEX).read_bytes()[:kept])
    assert str(folder / INDEX) in refusal(folder)


@pytest.mark.parametrize("begin", [0, 1, 7, 100])
def test_an_index_of_nonsense_with_the_right_end_is_refused(folder: Path, begin: int) -> None:
    nonsense = np.random.default_rng(begin).bytes(500)
    (folder / INDEX).write_bytes(nonsense[begin:] + MAGIC)
    assert str(folder / INDEX) in refusal(folder)


@pytest.mark.parametrize("seed", range(4))
def test_an_index_with_any_changed_bytes_is_refused(folder: Path, seed: int) -> None:
    draw = np.random.default_rng(seed)
    index = (folder / INDEX).read_bytes()
    for _ in range(60):
        spoiled = bytearray(index)
        for place in draw.choice(len(index), draw.integers(1, 6), replace=False):
            spoiled[place] ^= int(draw.integers(1, 256))
        (folder / INDEX).write_bytes(spoiled)
        assert re.search(r"damaged|was changed|end is missing|cannot be read", refusal(folder))


def test_a_field_of_a_type_that_no_checkpoint_has_is_damage(folder: Path) -> None:
    rewrite(folder / INDEX, b"\x08\x01\x12", b"\x0f\x01\x12")
    assert "damaged" in refusal(folder)


def test_values_that_were_cut_are_refused_by_the_tensor(folder: Path) -> None:
    (folder / DATA).write_bytes((folder / DATA).read_bytes()[:100_000])
    message = refusal(folder)
    assert "conv2d/kernel" in message
    assert "100000" in message


def test_the_same_network_with_other_tags_is_another_model(tmp_path: Path) -> None:
    assert "another model" in refusal(copy_of(OTHER_WEIGHTS, tmp_path))


def test_another_network_is_told_by_its_tensors(tmp_path: Path) -> None:
    message = refusal(copy_of(WEIGHTS.with_name("MSD_vgg"), tmp_path))
    assert "another model" in message


def test_a_tensor_of_another_shape_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "PENULTIMATE", 201)
    assert "201" in refusal(folder)


def test_a_tensor_too_many_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "OPTIMISER", ("/Adam", "/Adam_1"))
    assert "beta1_power" in refusal(folder)


def test_changed_values_are_not_the_published_ones(folder: Path) -> None:
    data = bytearray((folder / DATA).read_bytes())
    data[100_000] ^= 1
    (folder / DATA).write_bytes(data)
    assert "was changed" in refusal(folder)


def test_values_that_are_not_finite_are_refused(folder: Path) -> None:
    entry = read_index(folder / INDEX)["dense_1/bias"]
    data = bytearray((folder / DATA).read_bytes())
    struct.pack_into("<f", data, entry.offset, float("nan"))
    (folder / DATA).write_bytes(data)
    assert "not finite" in refusal(folder)
