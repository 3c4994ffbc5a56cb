"""The heads of a training's folds and whose songs each has not learned from, in the folder of the head that serves."""

from collections.abc import Mapping
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from inference.errors import ModelBrokenError
from inference.registry.version_files import ADVICE, write_weights
from inference.training.artist_folds import ArtistFolds
from inference.training.head import Head

ARTISTS_FILE = "artist_folds.npz"


def fold_file(fold: int) -> str:
    """The name that Triton's model knows too."""
    return f"fold-{fold}.npz"


def write_folds(folder: Path, heads: Mapping[int, Head], artists: ArtistFolds) -> None:
    """Keep the head of each fold, and which artists it has not learned from."""
    for fold, head in heads.items():
        write_weights(folder / fold_file(fold), head)
    np.savez(folder / ARTISTS_FILE, names=artists.names, folds=artists.folds)


def read_artist_folds(folder: Path, name: str) -> ArtistFolds | None:
    """Those of version `name`; None for one that was trained before they were kept. Raises ModelBrokenError."""
    path = folder / ARTISTS_FILE
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return ArtistFolds(names=arrays["names"], folds=arrays["folds"])
    except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
        raise ModelBrokenError(f"{name} is damaged: {ARTISTS_FILE}: {error}. {ADVICE}") from error
