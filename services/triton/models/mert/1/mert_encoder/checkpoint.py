"""A MERT-v1 folder, read strictly: every tensor of the file has its place, its name and its shape, or it is refused."""

import hashlib
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from mert_encoder.architecture import Architecture, read_architecture
from mert_encoder.errors import CheckpointError
from mert_encoder.tensors import DIRECTION_NAMES, FOLDED_NAME, GAIN_NAMES, UNUSED, expected

# The first that is there is taken.
FILES = ("model.safetensors", "pytorch_model.bin")
PUBLISHED = {(768, 12, False): "MERT-v1-95M", (1024, 24, True): "MERT-v1-330M"}
FLOATS = (torch.float32, torch.float16, torch.bfloat16)
DOWNLOAD = (
    "download config.json, preprocessor_config.json and pytorch_model.bin of m-a-p/MERT-v1-95M (or -330M) into "
    "a folder; docs/install.md, 'MERT', says how"
)
# The oldest way to keep large files in git leaves a few lines of text where the file should be.
POINTER = b"version https://git-lfs"


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What a folder holds, checked."""

    name: str
    """MERT-v1-95M or MERT-v1-330M, else the folder's name."""
    digest: str
    """First 12 hexadecimal digits of the weights' sha256."""
    size_bytes: int
    """Of the file with the weights."""
    architecture: Architecture
    tensors: Mapping[str, Tensor]
    """By published name, with the weight norm folded into one tensor; those that nothing uses are left out."""


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read and check a folder. Raises CheckpointError, which names the flag or tensor that is wrong."""
    if not folder.is_dir():
        raise CheckpointError(f"{folder} is no folder with weights of MERT: {DOWNLOAD}")
    architecture = read_architecture(folder)
    path = weights_file(folder)
    tensors = read_tensors(path)
    check_tensors(tensors, architecture, path.name)
    return Checkpoint(
        name=checkpoint_name(folder, architecture),
        digest=digest(path),
        size_bytes=path.stat().st_size,
        architecture=architecture,
        tensors=folded(tensors),
    )


def weights_file(folder: Path) -> Path:
    """The file with the weights. Raises CheckpointError where there is none, or only a pointer to one."""
    for name in FILES:
        path = folder / name
        if path.is_file():
            with path.open("rb") as file:
                if file.read(len(POINTER)) == POINTER:
                    raise CheckpointError(
                        f"{path} is a pointer of git-lfs, not the weights: fetch them with `git lfs pull`"
                    )
            return path
    raise CheckpointError(f"{folder} has no {' or '.join(FILES)}: {DOWNLOAD}")


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by their published names; those of a .bin stay on the disk until they are used."""
    try:
        if path.suffix == ".safetensors":
            found = load_file(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError, SafetensorError) as error:
        raise CheckpointError(
            f"{path} cannot be read as weights ({str(error).splitlines()[0]}): download it again"
        ) from error
    if not isinstance(found, dict) or not all(isinstance(each, Tensor) for each in found.values()):
        raise CheckpointError(f"{path} holds no table of tensors: download pytorch_model.bin again")
    return {published_name(name): tensor for name, tensor in found.items()}


def published_name(name: str) -> str:
    """Newer versions of torch call the parts of a weight norm differently."""
    for legacy, parametrized in (GAIN_NAMES, DIRECTION_NAMES):
        if name == parametrized:
            return legacy
    return name


def check_tensors(tensors: Mapping[str, Tensor], architecture: Architecture, file: str) -> None:
    """Refuse a tensor that is missing, too many, of another shape, or that holds no usable numbers."""
    wanted = expected(architecture)
    if FOLDED_NAME in tensors:
        wanted[FOLDED_NAME] = wanted.pop(DIRECTION_NAMES[0])
        del wanted[GAIN_NAMES[0]]
    if UNUSED not in tensors:
        del wanted[UNUSED]
    for name in sorted(wanted.keys() - tensors.keys()):
        raise CheckpointError(f"{file} lacks the tensor {name}: it is not complete; download it again")
    for name in sorted(tensors.keys() - wanted.keys()):
        raise CheckpointError(f"{file} has a tensor {name}, which MERT-v1 of this config.json has not")
    for name, shape in wanted.items():
        if tuple(tensors[name].shape) != tuple(shape):
            raise CheckpointError(
                f"{file} has {name} of shape {list(tensors[name].shape)}, and config.json means {list(shape)}"
            )
        if tensors[name].dtype not in FLOATS:
            raise CheckpointError(f"{file} has {name} as {tensors[name].dtype}, which is no kind of weight")


def folded(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors with the weight norm multiplied out, over all but the time axis: w = v * g / |v|."""
    rest = {name: tensor for name, tensor in tensors.items() if name != UNUSED}
    if FOLDED_NAME not in rest:
        gain = rest.pop(GAIN_NAMES[0]).float()
        direction = rest.pop(DIRECTION_NAMES[0]).float()
        rest[FOLDED_NAME] = direction * (gain / torch.linalg.vector_norm(direction, dim=(0, 1), keepdim=True))
    return rest


def checkpoint_name(folder: Path, architecture: Architecture) -> str:
    """The published name where it is that architecture, and not one of our own making."""
    sizes = (architecture.width, architecture.layers, architecture.pre_norm)
    published = None if architecture.for_trials else PUBLISHED.get(sizes)
    return published or folder.resolve().name


def digest(path: Path) -> str:
    """The first 12 hexadecimal digits of the file's sha256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]
