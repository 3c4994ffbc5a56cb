"""Prints models and their reports."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict

from django.utils.timezone import localtime
from rich.table import Table

from portal.commands.output import print_json
from portal.commands.terminal import Terminal
from portal.library.embeddings import kind_words, seconds_a_song
from portal.library.stages import TRIAL_WARNING
from portal.registry import report_sentences
from portal.registry.models import ModelGenre
from portal.remote.models import ModelDetails
from portal.remote.reports import CascadeReport, GenreReport, HeldOut, Model, StageReport
from portal.runs.models import Run
from portal.training.training_run import without_sentence


def show_models(models: Sequence[Model], *, as_json: bool) -> None:
    """The list."""
    if as_json:
        print_json([asdict(model) for model in models])
        return
    console = Terminal(soft_wrap=True)
    table = Table(
        "model",
        "state",
        "songs",
        "genres",
        "trained",
        "held-out-artist accuracy",
        "compared with the one in service then",
    )
    for model in models:
        said = model.comparison.verdict if model.comparison else "there was none"
        trained = f"{localtime(model.create_time):%Y-%m-%d %H:%M}"
        counted = (str(model.song_count), str(len(model.genres)))
        trial = f" ({TRIAL_WARNING})" if model.random_weights else ""
        table.add_row(
            model.name, model.state + trial, *counted, trained, held_out_words(model.held_out), said
        )
    console.print(table)
    if not models:
        console.print("There is no model: run `reclass train` first.")


def held_out_words(held_out: HeldOut | None) -> str:
    """How many held-out songs are right, and how sure that is."""
    if held_out is None:
        return "`reclass evaluate` says"
    between = f"{100 * held_out.accuracy_low:.0f} to {100 * held_out.accuracy_high:.0f} %"
    return f"{held_out.accuracy:.0%} of {held_out.songs} ({between})"


def show_report(details: ModelDetails) -> None:
    """How good a model is, stage by stage, and genre by genre of its last stage."""
    console = Terminal(soft_wrap=True)
    model = details.model
    console.print(
        f"{model.name} ({model.state}): {len(model.genres)} genres from {model.song_count} songs, "
        f"trained {localtime(model.create_time):%Y-%m-%d %H:%M}"
    )
    if model.random_weights:
        console.print(f"It has learned from vectors of random weights: {TRIAL_WARNING}.")
    console.print("All figures are of songs of artists that were not in training.")
    console.print(stages_table(details.report.stages))
    cascade = details.report.cascade
    if cascade.songs:
        for line in cascade_lines(cascade):
            console.print(line)
    words, seconds = kind_words(), seconds_a_song()
    for name, why in report_sentences.skipped_embeddings(details.report, words):
        console.print(f"Without {name}: {why}")
    training = Run.objects.filter(kind=Run.Kind.TRAIN, model__name=model.name).first()
    if without := without_sentence(training, words):
        console.print(without)
    for stage in details.report.stages:
        if added := report_sentences.added_sentence(stage, words, seconds):
            console.print(added)
        console.print(genres_table(stage.genres, title=f"Stage {stage.stage}"))
        for line in stage_lines(stage):
            console.print(line)
    if model.comparison:
        console.print(f"Compared: {model.comparison.verdict}")


def stages_table(stages: Sequence[StageReport]) -> Table:
    """A column for each stage: a line for each would be cut off in a terminal of 80 characters."""
    table = Table("", *(f"stage {stage.stage}" for stage in stages))
    figures: dict[str, Callable[[StageReport], str]] = {
        "model": lambda stage: str(stage.model_version),
        "right": lambda stage: f"{stage.held_out_accuracy:.1%} of {stage.held_out_songs}",
        "95 %": lambda stage: f"{stage.held_out_accuracy_low:.1%} to {stage.held_out_accuracy_high:.1%}",
        "macro F1": lambda stage: f"{stage.held_out_macro_f1:.3f}",
        "balanced": lambda stage: f"{stage.balanced_accuracy:.1%}",
        "top 3": lambda stage: f"{stage.top3_accuracy:.1%}",
        "top 5": lambda stage: f"{stage.top5_accuracy:.1%}",
        "largest genre": lambda stage: f"{stage.majority_baseline_accuracy:.1%}",
        "ECE before": lambda stage: f"{stage.calibration_error_before:.3f}",
        "ECE after": lambda stage: (
            f"{stage.calibration_error_after:.3f} ± {stage.calibration_error_sampling:.3f}"
        ),
    }
    for name, figure in figures.items():
        table.add_row(name, *map(figure, stages))
    return table


def genres_table(
    genres: Iterable[GenreReport | ModelGenre], *, songs: str = "songs", title: str | None = None
) -> Table:
    """Precision and recall of each genre; `songs` says which ones were counted."""
    table = Table("genre", songs, "precision", "recall", title=title)
    for genre in genres:
        table.add_row(genre.genre, str(genre.songs), f"{genre.precision:.0%}", f"{genre.recall:.0%}")
    return table


def cascade_lines(cascade: CascadeReport) -> Iterator[str]:
    """What all stages come to together."""
    yield (
        f"All stages together: {cascade.accuracy:.1%} of {cascade.songs} songs right "
        f"({cascade.accuracy_low:.1%} to {cascade.accuracy_high:.1%}), macro F1 {cascade.macro_f1:.3f}"
    )
    yield f"Decided by {report_sentences.decided_sentence(cascade)}"
    yield report_sentences.promise_sentence(cascade)
    if proposal := report_sentences.proposal_sentence(cascade):
        yield f"Thresholds proposed: {proposal}"


def stage_lines(stage: StageReport) -> Iterator[str]:
    """What is to be said of a stage beside its tables."""
    found = [
        f"{each.genre} for {each.said} ({each.songs})" for each in report_sentences.mistakes(stage.confusion)
    ]
    if found:
        yield f"Most frequent mistakes: {', '.join(found)}"
    if noise := report_sentences.noise_sentence(stage):
        yield f"Labels: {noise}"
    if stage.ood_threshold:
        yield f"Unlike the training: {stage.ood_rate:.1%} of songs whose artist was not in training"
