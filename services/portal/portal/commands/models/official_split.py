"""`reclass evaluate --fma`: our heads on the official split of the FMA data set, beside the paper's figures."""

import json
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table

from portal.commands.models.reports import genres_table
from portal.commands.surroundings import RefusalError, stoppable
from portal.commands.terminal import Terminal
from portal.configuration import PortalSettings
from portal.public.fma_layout import FEATURES, TRACKS, VERSION
from portal.public.fma_tables import FmaTables, FmaTrack, tables_in
from portal.public.table_rows import TableError
from portal.remote.audio import VectorValues
from portal.remote.calls import channel_to
from portal.remote.inference import InferenceClient, SplitSong, TrainingSong
from portal.remote.messages import to_dict
from portal.remote.reports import EvaluationReport, Picture, StageReport

SEED = 20161206
PAPER: Mapping[str, Sequence[tuple[str, float]]] = {
    "medium": (
        ("SVM", 0.629),
        ("logistic regression", 0.611),
        ("MLP", 0.581),
        ("kNN", 0.518),
    ),
}
"""Accuracies of the paper (Defferrard et al., FMA, 2017) on the same split and the same 518 values."""
OFFICIAL: dict[str, tuple[int, int, int]] = {"medium": (19_922, 2_505, 2_573)}
"""Songs of the training, validation and test parts that the paper's figures are of."""


def evaluate_on_fma(folder: Path, subset: str, out: Path, console: Terminal) -> None:
    """Print our figures beside the paper's, and save report and pictures in `out`."""
    with stoppable("Nothing was saved, and the model in service is as it was."):
        try:
            tables = tables_in(folder)
            songs = songs_of(tables, subset, console)
        except TableError as error:
            raise RefusalError(str(error)) from error
        with channel_to(PortalSettings.load(), "inference") as channel:
            report = followed(InferenceClient(channel), songs, f"FMA {subset}", console)
    show(report, subset, console)
    save(to_dict(report) | {"pictures": []}, report.pictures, out)
    console.print(f"Saved in {out}: report.json and {len(report.pictures)} pictures")
    console.print("No model was made, and the one in service is as it was.")


def songs_of(tables: FmaTables, subset: str, console: Terminal) -> list[SplitSong]:
    """The songs of a subset, all at once: a row that is wrong must be found before anything is learned.

    Each is four bytes a value: those of medium are 52 MB.
    """
    songs = []
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=console
    ) as bar:
        task = bar.add_task(f"read {TRACKS}", total=None)
        found = tables.read_tracks(subset)
        bar.update(task, description=f"read {FEATURES}", total=len(found))
        for track, values in tables.read_values():
            songs.append(_song(track, values))
            bar.update(task, completed=len(songs))
    for passed_over in said_of(tables):
        console.print(passed_over)
    return songs


def _song(track: FmaTrack, values: "array[float]") -> SplitSong:
    song = TrainingSong(
        song_id=str(track.track_id),
        genre=track.genre,
        artist=track.artist,
        vectors=(VectorValues(kind="fma-native", version=VERSION, values=values),),
        source="public",
    )
    return song, track.split


def said_of(tables: FmaTables) -> list[str]:
    """Which rows were passed over, and why."""
    said = []
    if tables.without_genre:
        said.append(f"{tables.without_genre:,} tracks without a genre (genre_top) were passed over.")
    if tables.without_values:
        said.append(f"{tables.without_values:,} tracks with a genre have no row in features.csv.")
    if tables.unknown:
        said.append(
            f"{tables.unknown:,} rows of features.csv are about tracks that tracks.csv does not have."
        )
    if tables.not_finite:
        said.append(
            f"{tables.not_finite:,} tracks were passed over because a value of theirs is missing or not finite; "
            f"the first is {tables.first_not_finite}."
        )
    return said


def followed(
    inference: InferenceClient, songs: Sequence[SplitSong], title: str, console: Terminal
) -> EvaluationReport:
    """The report, with a bar while the evaluation goes on."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("send the songs", total=1.0)
        for event in inference.evaluate(songs, seed=SEED, title=title):
            if isinstance(event, EvaluationReport):
                bar.update(task, completed=1.0, description="done")
                return event
            bar.update(task, completed=event.fraction, description=event.step)
    raise AssertionError("inference ended without a report")


def show(report: EvaluationReport, subset: str, console: Terminal) -> None:
    """Our figures, the paper's, and those of each genre."""
    stage = report.stage
    console.print(
        f"FMA {subset}, official split: learned from {report.training_songs:,} songs, chosen on "
        f"{report.validation_songs:,}, evaluated on {report.test_songs:,}, in {report.seconds:.0f} s. "
        f"The head is {stage.algorithm}."
    )
    songs = report.training_songs, report.validation_songs, report.test_songs
    is_official = OFFICIAL.get(subset) == songs
    if subset in OFFICIAL and not is_official:
        official = "/".join(f"{each:,}" for each in OFFICIAL[subset])
        console.print(
            f"The paper's figures are of {official} songs, and these are others: they cannot stand side by side. The "
            "whole fma_metadata.zip has the official ones."
        )
    console.print(compared_with_the_paper(stage, subset if is_official else ""))
    table = Table("macro F1", "balanced", "top 3", "top 5", "ECE before → after")
    table.add_row(
        f"{stage.held_out_macro_f1:.3f}",
        f"{stage.balanced_accuracy:.1%}",
        f"{stage.top3_accuracy:.1%}",
        f"{stage.top5_accuracy:.1%}",
        f"{stage.calibration_error_before:.3f} → {stage.calibration_error_after:.3f}",
    )
    console.print(table)
    console.print(genres_table(stage.genres, songs="test songs"))


def compared_with_the_paper(stage: StageReport, subset: str) -> Table:
    """Accuracies on the same test songs; without a subset there are no figures to stand beside ours."""
    table = Table("", "accuracy", "95 %")
    interval = f"{stage.held_out_accuracy_low:.1%} to {stage.held_out_accuracy_high:.1%}"
    table.add_row("ours", f"{stage.held_out_accuracy:.1%}", interval)
    for name, accuracy in PAPER.get(subset, ()):
        table.add_row(f"the paper's {name}", f"{accuracy:.1%}", "")
    table.add_row("always the largest genre", f"{stage.majority_baseline_accuracy:.1%}", "")
    return table


def save(report: Mapping[str, Any], pictures: Sequence[Picture], folder: Path) -> None:
    """Write report and pictures; raises RefusalError where they cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(report, ensure_ascii=False, indent=2) + "\n"
        (folder / "report.json").write_text(text, encoding="utf-8")
        for picture in pictures:
            (folder / Path(picture.name).name).write_bytes(picture.content)
    except OSError as error:
        raise RefusalError(f"{error.filename}: {error.strerror}; name another folder with --out") from error
