"""Says how to get MERT's weights, checks the files that were downloaded, and prints their licence. Downloads nothing.

    .venv-triton/bin/python services/triton/check_weights.py FOLDER

FOLDER holds config.json, preprocessor_config.json and pytorch_model.bin (or model.safetensors) of one model. They are
read as the model reads them: every flag and every tensor by name. The exit status is 0 when Triton would load them.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "models" / "mert" / "1"))

from mert_encoder.architecture import CONFIG, PREPROCESSOR
from mert_encoder.checkpoint import PUBLISHED, Checkpoint, read_checkpoint, weights_file
from mert_encoder.errors import CheckpointError

FILES = (CONFIG, PREPROCESSOR, "pytorch_model.bin")
# In megabytes of a million bytes, in single precision.
SIZES = {"MERT-v1-95M": 378, "MERT-v1-330M": 1262}
HOW = """\
MERT is not part of Music ReClass: its weights are for you to download, and nothing here does it for you.

  1. Choose MERT-v1-95M (378 MB; the right one for a processor) or MERT-v1-330M (1.26 GB; for a GPU), of m-a-p on the
     Hugging Face Hub, and read its licence there.
  2. Fetch these files of it, and no others, into {folder}:
     config.json, preprocessor_config.json, pytorch_model.bin. With the Hub's own command:

       hf download m-a-p/MERT-v1-95M config.json preprocessor_config.json pytorch_model.bin --local-dir {folder}

  3. Run this again.
"""
LICENCE = """\
Licence of the weights: CC-BY-NC-4.0 (Creative Commons, Attribution, NonCommercial), as the model's page says.
You may use them for what is not commercial, and name their authors (m-a-p, "MERT: Acoustic Music Understanding Model
with Large-Scale Self-supervised Training") where you pass on what was made with them.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Check downloaded weights of MERT-v1.")
    parser.add_argument("folder", type=Path, help="where the files of one model are, or are to be")
    folder = parser.parse_args().folder
    if not any((folder / name).exists() for name in FILES):
        sys.stdout.write(HOW.format(folder=folder) + "\n" + LICENCE)
        sys.exit(1)
    try:
        found = read_checkpoint(folder)
    except CheckpointError as error:
        sys.exit(f"These weights cannot be used: {error}")
    sys.stdout.write(report(folder, found))


def report(folder: Path, found: Checkpoint) -> str:
    """What was found, in lines."""
    path = weights_file(folder)
    megabytes = path.stat().st_size / 1e6
    made = found.architecture
    lines = [
        f"{found.name}: {made.layers} layers of width {made.width}, {len(found.tensors)} tensors, each in its place",
        f"{path.name}: {megabytes:,.0f} MB, sha256 begins with {found.digest}",
    ]
    if found.architecture.for_trials:
        lines.append("These weights are random, for trials: what is made with them says nothing about music.")
    elif (found.name, True) not in {(name, abs(megabytes - size) < 2) for name, size in SIZES.items()}:
        wanted = " or ".join(f"{name} with {SIZES[name]} MB" for name in PUBLISHED.values())
        lines.append(
            f"Note: not of the size that was published ({wanted}); another precision, or another model."
        )
    return "\n".join(lines) + "\n\n" + ("" if found.architecture.for_trials else LICENCE)


if __name__ == "__main__":
    main()
