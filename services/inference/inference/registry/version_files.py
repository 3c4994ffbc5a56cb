"""The files of one model version: weights, record, the code that runs them, and checksums of all."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from inference.arrays import Array
from inference.errors import ModelBrokenError
from inference.registry.records import HeadRecord, record_from_json, record_to_json
from inference.training.head import Head
from inference.training.out_of_distribution import MahalanobisDistance

HEAD_FILE = "head.npz"
RECORD_FILE = "record.json"
CODE_FILE = "model.py"
CHECKSUM_FILE = "checksums.json"


def write_head(folder: Path, head: Head, record: HeadRecord) -> None:
    """Write weights and record into a folder that is there."""
    write_weights(folder / HEAD_FILE, head)
    (folder / RECORD_FILE).write_bytes(record_to_json(record))


def write_weights(path: Path, head: Head) -> None:
    """Write the arrays of a head; those that it does not have are left out."""
    arrays: dict[str, Any] = {
        "mean": head.mean,
        "scale": head.scale,
        "clip": np.float32(head.clip),
        "weight": head.weight,
        "bias": head.bias,
        "hidden_weight": head.hidden_weight,
        "hidden_bias": head.hidden_bias,
        "landmarks": head.landmarks,
        "gamma": None if head.landmarks is None else np.float32(head.gamma),
    }
    if head.ood_distance is not None:
        arrays |= vars(head.ood_distance) | {"residual": np.float32(head.ood_distance.residual)}
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})


def read_head(folder: Path) -> Head:
    """The weights, as Triton reads them."""
    return read_weights(folder / HEAD_FILE)


def read_weights(path: Path) -> Head:
    """The arrays of a head."""
    with np.load(path, allow_pickle=False) as arrays:
        return Head(
            mean=arrays["mean"],
            scale=arrays["scale"],
            clip=float(arrays["clip"]),
            weight=arrays["weight"],
            bias=arrays["bias"],
            hidden_weight=arrays.get("hidden_weight"),
            hidden_bias=arrays.get("hidden_bias"),
            landmarks=arrays.get("landmarks"),
            gamma=float(arrays.get("gamma", 0)),
            ood_distance=ood_distance_of(arrays),
        )


def ood_distance_of(arrays: Mapping[str, Array]) -> MahalanobisDistance:
    """The Mahalanobis distance among the arrays of a head."""
    return MahalanobisDistance(
        basis=arrays["basis"],
        whitening=arrays["whitening"],
        centres=arrays["centres"],
        residual=float(arrays["residual"]),
    )


def head_width(folder: Path, name: str) -> int:
    """Length of the vectors that the head of version `name` takes."""
    try:
        return len(read_head(folder).mean)
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise ModelBrokenError(f"{name} is damaged: {HEAD_FILE}: {error}. {ADVICE}") from error


def read_record(folder: Path) -> HeadRecord:
    """The record of a folder that has no checksums yet."""
    return record_from_json((folder / RECORD_FILE).read_bytes())


def write_checksums(folder: Path) -> None:
    """Seal the files that are there."""
    sums = {path.name: checksum(path) for path in sorted(folder.iterdir())}
    (folder / CHECKSUM_FILE).write_text(json.dumps(sums, indent=1) + "\n")


def read_verified_record(folder: Path, name: str) -> HeadRecord:
    """The record of version `name`, refused when any file is missing or differs from its checksum."""
    try:
        sums = json.loads((folder / CHECKSUM_FILE).read_bytes())
        for file, expected in sums.items():
            if checksum(folder / file) != expected:
                raise ModelBrokenError(f"{name} is damaged: {file} differs from its checksum. {ADVICE}")
        return read_record(folder)
    except OSError as error:
        raise ModelBrokenError(f"{name} is damaged: {error.filename}: {error.strerror}. {ADVICE}") from error
    except (ValueError, AttributeError) as error:
        raise ModelBrokenError(
            f"{name} is damaged, or another version of the service wrote it: its {RECORD_FILE} or {CHECKSUM_FILE} "
            f"cannot be understood. {ADVICE}"
        ) from error


ADVICE = "Train again, or bring back its folder from a backup."


def checksum(path: Path) -> str:
    """SHA-256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
