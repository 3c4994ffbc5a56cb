"""What is kept of the songs of a training for its promise, in one file beside the model's own."""

from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from inference.decision.promise import HeldOutSongs
from inference.errors import ModelBrokenError

HELD_OUT_FILE = "held_out.npz"


def write_held_out_songs(path: Path, songs: HeldOutSongs) -> None:
    """Keep them; probabilities in single precision."""
    np.savez_compressed(path, **{**vars(songs), "sound": songs.sound.astype(np.float32)})


def read_held_out_songs(path: Path) -> HeldOutSongs:
    """Raises ModelBrokenError where the file is damaged or missing."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return HeldOutSongs(**arrays)
    except (OSError, EOFError, ValueError, TypeError, BadZipFile) as error:
        raise ModelBrokenError(
            f"{path.name} is damaged, or was never written: {error}. Train again, or bring it back from a backup."
        ) from error
