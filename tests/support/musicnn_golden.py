"""Golden MusiCNN: an input by formula, and what the published graph says of it in TensorFlow."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).parents[2]
WEIGHTS = ROOT / ".venv-triton" / "lib" / "python3.11" / "site-packages" / "musicnn" / "MSD_musicnn"
"""The published checkpoint, where `make install` has put it."""
OTHER_WEIGHTS = WEIGHTS.with_name("MTT_musicnn")
"""The same network with other tags."""
_GOLDEN = json.loads((ROOT / "tests" / "data" / "musicnn_golden.json").read_text())
PENULTIMATE = np.array(_GOLDEN["penultimate"])
TAGS = np.array(_GOLDEN["taggram"])


def golden_input() -> NDArray[np.float32]:
    """[2, 187, 96]: logarithms of mel spectra, as _GOLDEN["input"] says."""
    i = np.arange(2 * 187 * 96, dtype=np.float64).reshape(2, 187, 96)
    x: NDArray[np.float32] = (2 * np.abs(np.sin(0.37 * i) + 0.5 * np.sin(0.011 * i))).astype(np.float32)
    return x


def mel_of(x: NDArray[np.float32]) -> NDArray[np.float16]:
    """The mel spectra whose logarithms these nearly are, as the model takes them [windows, 187 * 96]."""
    mel = (10 ** x.astype(np.float64) - 1) / 10_000
    return mel.astype(np.float16).reshape(len(x), -1)


def copy_of(weights: Path, folder: Path) -> Path:
    """The two files of a checkpoint, to be spoiled by a test."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (".index", ".data-00000-of-00001"):
        (folder / name).write_bytes((weights / name).read_bytes())
    return folder
