"""Prints models and their reports."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from portal.remote.models import Model, ShownModel


def show_models(models: Sequence[Model], *, as_json: bool) -> None:
    """The list."""
    if as_json:
        content = [asdict(model) for model in models]
        sys.stdout.write(json.dumps(content, ensure_ascii=False, indent=2, default=str) + "\n")
        return
    console = Console(soft_wrap=True)
    table = Table("model", "state", "songs", "genres", "trained", "compared with the one in service then")
    for model in models:
        said = model.comparison.verdict if model.comparison else "there was none"
        trained = f"{model.created_time:%Y-%m-%d %H:%M}"
        table.add_row(model.name, model.state, str(model.song_count), str(len(model.genres)), trained, said)
    console.print(table)
    if not models:
        console.print("There is no model: run `reclass train` first.")


def show_report(shown: ShownModel) -> None:
    """How good a model is, stage by stage, and genre by genre of its last stage."""
    console = Console(soft_wrap=True)
    model = shown.model
    console.print(
        f"{model.name} ({model.state}): {len(model.genres)} genres from {model.song_count} songs, "
        f"trained {model.created_time:%Y-%m-%d %H:%M} UTC",
        highlight=False,
    )
    console.print("All figures are of songs of artists that were not in training.")
    console.print(stages_table(shown.report))
    cascade = shown.report.get("cascade")
    if cascade and cascade["songs"]:
        console.print(_cascade_line(cascade), highlight=False)
    for stage in shown.report["stages"]:
        console.print(genres_table(stage))
    if model.comparison:
        console.print(f"Compared: {model.comparison.verdict}", highlight=False, markup=False)


def stages_table(report: dict[str, Any]) -> Table:
    """A line for each stage."""
    table = Table(
        "stage",
        "model",
        "right",
        "95 %",
        "macro F1",
        "balanced",
        "top 3",
        "top 5",
        "largest genre",
        "ECE before → after",
    )
    for stage in report["stages"]:
        table.add_row(
            str(stage["stage"]),
            stage["model_version"],
            f"{stage['held_out_accuracy']:.1%} of {stage['held_out_songs']}",
            f"{stage['held_out_accuracy_low']:.1%} to {stage['held_out_accuracy_high']:.1%}",
            f"{stage['held_out_macro_f1']:.3f}",
            f"{stage['balanced_accuracy']:.1%}",
            f"{stage['top3_accuracy']:.1%}",
            f"{stage['top5_accuracy']:.1%}",
            f"{stage['majority_baseline_accuracy']:.1%}",
            f"{stage['calibration_error_before']:.3f} → {stage['calibration_error_after']:.3f}",
        )
    return table


def genres_table(stage: dict[str, Any]) -> Table:
    """Precision and recall of each genre."""
    table = Table("genre", "songs", "precision", "recall", title=f"Stage {stage['stage']}")
    for genre in stage["genres"]:
        table.add_row(
            genre["genre"], str(genre["songs"]), f"{genre['precision']:.0%}", f"{genre['recall']:.0%}"
        )
    return table


def _cascade_line(cascade: dict[str, Any]) -> str:
    decided = ", ".join(f"stage {n} {share:.0%}" for n, share in enumerate(cascade["decided"], start=1))
    return (
        f"All stages together: {cascade['accuracy']:.1%} of {cascade['songs']} songs "
        f"({cascade['accuracy_low']:.1%} to {cascade['accuracy_high']:.1%}); decided by {decided}"
    )
