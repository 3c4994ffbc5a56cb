"""How far the 518 values are from the reference's over a set of excerpts, family by family."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from features.fma.frame_features import CURVES, Curves
from features.fma.vector import COLUMNS, unfilled_features
from fma_reference import fma_reference, reference_tunings

FloatArray = npt.NDArray[np.floating]

# Same samples, but sums in another order, and librosa takes moments of its own single-precision curves in single
# precision: against librosa on float64 samples the largest of these differences fall to a sixth.
LARGEST_SCALED = 2e-5
LARGEST_SKEW = 2e-4
LARGEST_KURTOSIS = 2e-4


@dataclass(frozen=True, kw_only=True)
class Compared:
    """The values of one excerpt by both."""

    ours: FloatArray
    """[shape=(518,)], before anything is filled in."""
    reference: FloatArray
    tunings: tuple[float, float]
    reference_tunings: tuple[float, float]


def compare(y: FloatArray, curves: Curves, sr: int = 22_050, *, old_rmse: bool = False) -> Compared:
    reference = fma_reference(y, sr, old_rmse=old_rmse)
    assert set(reference) == set(COLUMNS)
    return Compared(
        ours=unfilled_features(curves),
        reference=np.array([reference[column] for column in COLUMNS]),
        tunings=(curves.cqt_tuning, curves.chroma_tuning),
        reference_tunings=reference_tunings(y, sr),
    )


@dataclass(frozen=True, kw_only=True)
class Worst:
    """The largest differences of a family over all excerpts."""

    family: str
    scaled: float
    """|difference| / max(|reference|, RMS of the family and statistic) of mean, std, median, min and max."""
    skew: float
    """|difference|"""
    kurtosis: float
    """|difference| / (1 + |reference|)"""

    @property
    def is_close(self) -> bool:
        return (
            self.scaled <= LARGEST_SCALED and self.skew <= LARGEST_SKEW and self.kurtosis <= LARGEST_KURTOSIS
        )

    def __str__(self) -> str:
        return f"{self.family:20}{self.scaled:10.1e}{self.skew:10.1e}{self.kurtosis:10.1e}"


HEADER = f"{'family':20}{'scaled':>10}{'skew':>10}{'kurtosis':>10}"


def worst_by_family(excerpts: Sequence[Compared]) -> list[Worst]:
    ours = np.array([each.ours for each in excerpts])
    reference = np.array([each.reference for each in excerpts])
    return [_worst(family, ours, reference) for family in CURVES]


def _worst(family: str, ours: FloatArray, reference: FloatArray) -> Worst:
    def both(statistic: str) -> tuple[FloatArray, FloatArray]:
        places = [i for i, (f, s, _) in enumerate(COLUMNS) if (f, s) == (family, statistic)]
        return np.nan_to_num(ours[:, places]), np.nan_to_num(reference[:, places])

    def scaled(statistic: str) -> float:
        a, b = both(statistic)
        scale = np.maximum(np.abs(b), np.sqrt(np.mean(b**2)))
        return float(np.max(np.abs(a - b) / np.where(scale > 0, scale, 1)))

    skews, kurtoses = both("skew"), both("kurtosis")
    return Worst(
        family=family,
        scaled=max(scaled(statistic) for statistic in ("mean", "std", "median", "min", "max")),
        skew=float(np.max(np.abs(skews[0] - skews[1]))),
        kurtosis=float(np.max(np.abs(kurtoses[0] - kurtoses[1]) / (1 + np.abs(kurtoses[1])))),
    )


def assert_close(compared: Sequence[Compared], capsys: pytest.CaptureFixture[str]) -> None:
    """Print the worst differences of each family, and fail where one is too large."""
    worst = worst_by_family(compared)
    with capsys.disabled():
        print("", HEADER, *worst, sep="\n")  # noqa: T201 # the table is wanted of every run
    assert [each.family for each in worst if not each.is_close] == []
