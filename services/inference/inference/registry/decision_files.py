"""The decision model of a training, in one file beside the model's own."""

from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from inference.decision.album_messages import Strength
from inference.decision.decision_model import DecisionModel, Strengths
from inference.decision.evidence import AlbumKind
from inference.decision.tag_noise import Contradictions
from inference.errors import ModelBrokenError

DECISION_FILE = "decision.npz"


def write_decision_model(path: Path, model: DecisionModel) -> None:
    """Keep it."""
    np.savez(
        path,
        genres=np.array(model.genres),
        prior=model.prior,
        confusions=model.contradictions.confusions,
        rates=model.contradictions.rates,
        others=model.contradictions.others,
        rate=model.contradictions.rate,
        strengths_at=np.array([_table(each) for each in model.strengths_at]),
    )


def read_decision_model(path: Path) -> DecisionModel:
    """Raises ModelBrokenError where it is damaged or missing."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return DecisionModel(
                genres=tuple(map(str, arrays["genres"])),
                prior=arrays["prior"],
                contradictions=Contradictions(
                    confusions=arrays["confusions"],
                    rates=arrays["rates"],
                    others=arrays["others"],
                    rate=float(arrays["rate"]),
                ),
                strengths_at=tuple(map(_strengths, arrays["strengths_at"])),
            )
    except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
        raise ModelBrokenError(
            f"{path.name} is damaged, or was never written: {error}. Train again, or bring it back from a backup."
        ) from error


def _table(strengths: Strengths) -> NDArray[np.float64]:
    """[kinds + 1, 4] the artist's strength in the last row."""
    return np.vstack([strengths.of_kinds, strengths.artist])


def _strengths(table: NDArray[np.float64]) -> Strengths:
    rows = [Strength(*values) for values in table.tolist()]
    return Strengths(albums=dict(zip(AlbumKind, rows, strict=False)), artist=rows[-1])
