"""The figures of a report: confusion matrix, reliability diagram, accuracy by coverage, thresholds."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from inference.evaluation.calibration import CalibrationBin, CalibrationFigures
from inference.evaluation.coverage import MIN_SONGS, CoveragePoint
from inference.evaluation.metrics import HeldOutFigures
from inference.evaluation.thresholds import CascadeFigures

CONFUSION_FILE = "confusion.png"
RELIABILITY_FILE = "reliability.png"
COVERAGE_FILE = "coverage.png"
VOTE_FILE = "vote.png"
VOTE_COVERAGE_FILE = "vote-coverage.png"

DOTS_PER_INCH = 110
BLUE, ORANGE, GREY, DARK = "#2563a8", "#d9772b", "#9aa3ad", "#22303c"
STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.titlesize": 13,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 12,
    "axes.edgecolor": GREY,
    "axes.labelcolor": DARK,
    "text.color": DARK,
    "xtick.color": DARK,
    "ytick.color": DARK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e3e7ea",
    "axes.axisbelow": True,
}
MAX_NUMBERED_GENRES = 24
"""Beyond so many the counts in the cells could not be read."""


@contextmanager
def picture(path: Path, width: float, height: float) -> Iterator[Axes]:
    """Axes that are saved as a PNG; in inches."""
    with mpl.rc_context(STYLE):  # type: ignore[arg-type]  # its keys are spelled out as literals there
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure.add_subplot()
        figure.savefig(path, dpi=DOTS_PER_INCH, facecolor="white")


def draw_confusion(path: Path, figures: HeldOutFigures, title: str) -> None:
    """Songs by true genre (rows) and predicted genre (columns); a row's colours are shares of its songs."""
    names = [genre.genre for genre in figures.genres]
    counts = np.asarray(figures.confusion)
    fractions = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = max(4.5, 0.42 * len(names) + 2.4)
    with picture(path, side + 0.8, side) as axes:
        image = axes.imshow(fractions, cmap="Blues", vmin=0, vmax=1)
        axes.grid(visible=False)
        between_cells(axes, len(names))
        axes.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticks(
            range(len(names)), [f"{name} ({row.sum()})" for name, row in zip(names, counts, strict=True)]
        )
        axes.set_xlabel("Predicted genre")
        axes.set_ylabel("True genre (songs)")
        axes.set_title(f"{title}\n{figures.accuracy:.0%} of {figures.songs:,} songs right")
        if len(names) <= MAX_NUMBERED_GENRES:
            number_cells(axes, counts, fractions)
        bar = axes.figure.colorbar(image, ax=axes, shrink=0.7, format=lambda share, _: f"{share:.0%}")
        bar.set_label("Share of the true genre's songs")
        bar.outline.set_visible(False)


def between_cells(axes: Axes, genres: int) -> None:
    """Thin lines that lead the eye from a cell to its row and column."""
    axes.set_xticks(np.arange(genres + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(genres + 1) - 0.5, minor=True)
    axes.grid(visible=True, which="minor", color="#dfe5ea", linewidth=0.8)
    axes.tick_params(which="minor", length=0)


def number_cells(axes: Axes, counts: np.ndarray, fractions: np.ndarray) -> None:
    """The number of songs in each cell that has any."""
    for row, column in zip(*np.nonzero(counts), strict=True):
        color = "white" if fractions[row, column] > 0.55 else DARK
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=color, fontsize=9)


def draw_reliability(
    path: Path, figures: CalibrationFigures, songs: int, title: str, label_noise_rate: float = 0.0
) -> None:
    """Reliability diagram of predictions on so many songs: accuracy by confidence, before and after calibration.

    label_noise_rate : share of the tags that are taken for wrong; calibrated probabilities have it counted in.
    """
    with picture(path, 6.4, 6.0) as axes:
        axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="perfectly calibrated")
        draw_bins(axes, figures.bins_before, ORANGE, "s", f"before: error {figures.before:.3f}")
        draw_bins(axes, figures.bins_after, BLUE, "o", f"calibrated: error {figures.after:.3f}")
        axes.set(xlim=(0, 1.02), ylim=(0, 1.02), aspect="equal")
        percent(axes, "xy")
        axes.set_xlabel("Confidence")
        axes.set_ylabel("Accuracy, by the songs' labels")
        axes.set_title(title)
        axes.legend(loc="upper left", frameon=False)
        axes.text(
            0.99,
            0.02,
            f"{figures.songs:,} predictions of {songs:,} songs, by models that did not learn from\n"
            f"their artists. By chance alone the error would be {figures.sampling:.3f}.\n"
            "Larger marks stand for more songs."
            + (
                f"\n{label_noise_rate:.0%} of the tags are taken for wrong, and counted as such."
                if label_noise_rate >= 0.005
                else ""
            ),
            transform=axes.transAxes,
            ha="right",
            va="bottom",
            fontsize=9,
        )


def draw_bins(axes: Axes, bins: Sequence[CalibrationBin], color: str, marker: str, label: str) -> None:
    """One mark for each bin that has songs, its area by their number."""
    filled = [each for each in bins if each.songs]
    total = sum(each.songs for each in filled)
    confidence, accuracy = [each.confidence for each in filled], [each.accuracy for each in filled]
    axes.plot(confidence, accuracy, color=color, linewidth=1, alpha=0.6)
    axes.plot([], [], color=color, marker=marker, linewidth=1, label=label)
    sizes = [25 + 400 * each.songs / total for each in filled]
    axes.scatter(confidence, accuracy, s=sizes, color=color, marker=marker, alpha=0.85)


def draw_coverage(path: Path, points: Sequence[CoveragePoint], songs: int, title: str) -> None:
    """Accuracy by coverage of so many songs, a point for each threshold."""
    fewest = min(MIN_SONGS, songs)
    shown = [point for point in points if round(point.coverage * songs) >= fewest] or list(points[:1])
    coverage = [point.coverage for point in shown]
    accuracy = [point.accuracy for point in shown]
    low = [point.accuracy_low for point in shown]
    with picture(path, 7.2, 5.2) as axes:
        axes.fill_between(
            coverage,
            low,
            accuracy,
            color=BLUE,
            alpha=0.15,
            label="down to the lower end of its 95 % interval",
        )
        axes.plot(coverage, accuracy, color=BLUE, marker="o", markersize=4, label="accuracy")
        axes.axhline(0.95, color=ORANGE, linestyle="--", linewidth=1)
        axes.annotate(
            "95 %", (1.0, 0.95), xycoords=("axes fraction", "data"), va="bottom", ha="right", color=ORANGE
        )
        label_thresholds(axes, shown)
        axes.set(xlim=(0, 1.02), ylim=(max(0.0, min(low) - 0.05), 1.035))
        percent(axes, "xy")
        axes.set_xlabel("Coverage: share of the songs that are decided (beside the points: the threshold)")
        axes.set_ylabel("Accuracy of those, by their labels")
        axes.set_title(title)
        axes.legend(loc="lower left", frameon=False)


def label_thresholds(axes: Axes, points: Sequence[CoveragePoint]) -> None:
    """The threshold at points that are far enough apart to be told."""
    last = 2.0
    for point in points:
        if last - point.coverage >= 0.06:
            axes.annotate(
                f"{100 * point.threshold:.0f} %",
                (point.coverage, point.accuracy),
                xytext=(0, 8),
                textcoords="offset points",
                ha="center",
                fontsize=8,
            )
            last = point.coverage


def draw_vote(path: Path, figures: CascadeFigures) -> None:
    """Accuracy of the vote by the share of songs that go on to a later stage, and the proposed thresholds."""
    curve = figures.curve
    chosen = next((point for point in curve if point.thresholds == figures.proposed_thresholds), None)
    with picture(path, 7.2, 5.2) as axes:
        axes.plot(
            [point.escalation_rate for point in curve],
            [point.accuracy for point in curve],
            color=BLUE,
            marker="o",
            markersize=4,
            label="best thresholds for their cost",
        )
        if chosen is not None:
            said = ", ".join(f"{threshold:.2f}" for threshold in chosen.thresholds[:-1])
            axes.scatter(
                [chosen.escalation_rate],
                [chosen.accuracy],
                s=120,
                color=ORANGE,
                zorder=3,
                label=f"proposed: from {said} on, no later stage is asked",
            )
        axes.set_xlim(-0.02, 1.02)
        percent(axes, "xy")
        axes.set_xlabel("Share of the songs that go on to a later stage")
        axes.set_ylabel("Accuracy, out of fold")
        axes.set_title("What a later stage costs and brings")
        axes.legend(loc="lower right", frameon=False)


def percent(axes: Axes, which: str) -> None:
    """Ticks in per cent."""
    if "x" in which:
        axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    if "y" in which:
        axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
