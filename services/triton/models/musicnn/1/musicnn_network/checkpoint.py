"""The published checkpoint of MusiCNN, read strictly: every tensor of the network is there with its shape."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from musicnn_network.bundle import DATA, INDEX, Entry, read_index, values
from musicnn_network.errors import CheckpointError

FloatArray = NDArray[np.float32]
Shape = tuple[int, ...]

NAME = "musicnn-msd"
TAGS, PENULTIMATE, CHANNELS = 50, 200, 753
TIMBRAL, TEMPORAL, MIDDLE = 204, 51, 64
# Of both files, the index first. The package has another network of the same shapes, with other tags.
DIGEST = "ffb40cd66093"
REMEDY = "install the package anew: `pip install --force-reinstall --no-deps musicnn==0.1.0` in Triton's environment"
# What the optimiser left in the file.
OPTIMISER = ("/Adam", "/Adam_1", "beta1_power", "beta2_power")


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What a folder holds, checked."""

    digest: str
    """First 12 hexadecimal digits of the files' sha256."""
    size_bytes: int
    """Of the files, with what the optimiser left in them."""
    tensors: Mapping[str, FloatArray]
    """By the names of `expected`."""


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read and check a folder. Raises CheckpointError, which names the file or tensor that is wrong."""
    index, data = _read(folder / INDEX), _read(folder / DATA)
    tensors = _tensors(folder / INDEX, data)
    digest = hashlib.sha256(index + data).hexdigest()[: len(DIGEST)]
    if digest != DIGEST:
        raise CheckpointError(
            f"{folder} holds another model than the published MSD_musicnn (sha256 {digest}, not {DIGEST}), or was "
            f"changed: {REMEDY}"
        )
    return Checkpoint(digest=digest, size_bytes=len(index) + len(data), tensors=tensors)


def expected() -> dict[str, Shape]:
    """Every tensor of the network, by its name in the checkpoint, and its shape."""
    kernels: list[tuple[str, Shape]] = [
        ("conv2d", (7, 38, 1, TIMBRAL)),
        ("conv2d_1", (7, 67, 1, TIMBRAL)),
        ("conv2d_2", (128, 1, 1, TEMPORAL)),
        ("conv2d_3", (64, 1, 1, TEMPORAL)),
        ("conv2d_4", (32, 1, 1, TEMPORAL)),
        ("conv2d_5", (7, 2 * TIMBRAL + 3 * TEMPORAL, 1, MIDDLE)),
        ("conv2d_6", (7, MIDDLE, 1, MIDDLE)),
        ("conv2d_7", (7, MIDDLE, 1, MIDDLE)),
        ("dense", (2 * CHANNELS, PENULTIMATE)),
        ("dense_1", (PENULTIMATE, TAGS)),
    ]
    normed = [1, *(shape[-1] for _, shape in kernels[:8]), 2 * CHANNELS, PENULTIMATE]
    wanted = {f"{name}/kernel": shape for name, shape in kernels}
    wanted |= {f"{name}/bias": shape[-1:] for name, shape in kernels}
    for number, width in enumerate(normed):
        name = f"batch_normalization_{number}" if number else "batch_normalization"
        wanted |= {f"{name}/{part}": (width,) for part in ("beta", "gamma", "moving_mean", "moving_variance")}
    return wanted


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        # By the name of the section the service that asks knows that there is nothing to load.
        section = "" if path.exists() else "; docs/install.md, 'MusiCNN', says how"
        raise CheckpointError(f"{path} cannot be read ({error.strerror}): {REMEDY}{section}") from error


def _tensors(path: Path, data: bytes) -> dict[str, FloatArray]:
    try:
        found = read_index(path)
    except ValueError as error:
        raise CheckpointError(f"{path} cannot be used, {error}: {REMEDY}") from error
    _check_names(path, found)
    tensors = {}
    for name in expected():
        try:
            tensors[name] = values(data, found[name])
        except ValueError as error:
            raise CheckpointError(
                f"the tensor {name} of {path.parent} cannot be read, {error}: {REMEDY}"
            ) from error
        if not np.isfinite(tensors[name]).all():
            raise CheckpointError(
                f"the tensor {name} of {path.parent} has values that are not finite: {REMEDY}"
            )
    return tensors


def _check_names(path: Path, found: Mapping[str, Entry]) -> None:
    wanted = expected()
    for name in sorted(wanted.keys() - found.keys()):
        raise CheckpointError(
            f"{path} lacks the tensor {name}, so it is damaged or of another model: {REMEDY}"
        )
    for name in sorted(found.keys() - wanted.keys()):
        if not name.endswith(OPTIMISER):
            raise CheckpointError(
                f"{path} has a tensor {name}, so it is damaged or of another model: {REMEDY}"
            )
    for name, shape in wanted.items():
        if found[name].shape != shape:
            raise CheckpointError(
                f"{path} has {name} of shape {list(found[name].shape)}, and MusiCNN has {list(shape)}, so it is "
                f"damaged or of another model: {REMEDY}"
            )
