"""The checkpoints of MERT in a system's folder: the one that Triton is to load, and one of random weights."""

import subprocess
from pathlib import Path

from standalone.errors import StandaloneError

SMALL, LARGE = "MERT-v1-95M", "MERT-v1-330M"
TRIAL = "trial"
# There exactly where a machine or a container has been given an NVIDIA GPU.
GPU = Path("/dev/nvidiactl")


class TrialWeightsError(StandaloneError):
    """The checkpoint of random weights could not be made."""


def checkpoint(weights: Path, gpu: Path = GPU) -> Path:
    """The folder that Triton is told of.

    1. Of the published ones the larger where there is a GPU, which alone is fast enough for it; else the smaller.
    2. Any other that somebody has put there, by name.
    3. The one of random weights.
    4. Where there is none, the folder in which one is missed.
    """
    published = (LARGE, SMALL) if gpu.exists() else (SMALL, LARGE)
    there = sorted(path.parent.name for path in weights.glob("*/config.json"))
    others = [name for name in there if name not in (*published, TRIAL)]
    found = [name for name in (*published, *others, TRIAL) if name in there]
    return weights / (found[0] if found else published[0])


def make_trial(folder: Path, *, python: Path, triton_folder: Path) -> None:
    """Write a small checkpoint of random weights, the same ones every time."""
    command = [str(python), str(triton_folder / "trial_weights.py"), "tiny-95m", str(folder)]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    except OSError as error:
        raise TrialWeightsError(f"{python} cannot be run ({error.strerror}): run `make install`") from error
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or [f"it ended with {done.returncode}"]
        raise TrialWeightsError(f"the trial weights could not be made: {said[0]}")
