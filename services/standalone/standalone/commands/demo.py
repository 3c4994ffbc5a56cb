"""`reclass demo`: shows a person the whole job on a made library."""

import shlex
import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from standalone.commands.console import say, say_address
from standalone.commands.running import as_command, run
from standalone.demo.figures import Figures, GuessFigures
from standalone.demo.folder import DemoFolder, with_stand_in
from standalone.demo.judge import Judged, judge_songs
from standalone.demo.songs import make_songs
from standalone.demo.steps import (
    LEARNING,
    READING,
    TRIAL_ALONE,
    WRITING,
    look_at_guesses,
    measure,
    missing_tagger,
    run_steps,
)
from standalone.demo_library import GENRES, DemoLibrary
from standalone.demo_library.catalogue import catalogue
from standalone.demo_library.library import SEED
from standalone.host.data_folder import demo_root
from standalone.host.ports import check_ports
from standalone.settings import SystemSettings
from standalone.system.lifecycle import System, data_folder
from standalone.system.mert_weights import make_trial
from standalone.system.plan import Plan

# What a shell calls the end by Ctrl-C.
INTERRUPTED = 130
LINE_EVERY_SECONDS = 5.0
TRIAL_WEIGHTS = "trial weights: verdicts mean nothing"
TRIAL_WARNING = (
    "[yellow]MERT gets random weights, to see stage 2 at work: its verdicts mean nothing.[/yellow]"
)


def register(app: typer.Typer) -> None:
    """Add the demo to `reclass`."""
    app.command("demo")(demo)


def demo(
    data: Annotated[
        Path | None,
        typer.Option(help="Folder of all state; else RECLASS_DATA.", show_default=str(demo_root())),
    ] = None,
    leave: Annotated[bool, typer.Option("--exit", help="Stop everything at the end.")] = False,
    songs_per_genre: Annotated[int, typer.Option(min=2, max=50, help="Songs of each genre.")] = 10,
    tiny_models: Annotated[
        bool,
        typer.Option(
            "--tiny-models",
            help="Also make a MERT of random weights, to see stage 2 at work; its verdicts mean nothing. MusiCNN is "
            "switched off, so that MERT comes second, and there are no first guesses.",
        ),
    ] = False,
) -> None:
    """Make a small library, classify its songs, write the genres back, and show what came of it."""
    console = Console()
    settings = SystemSettings.load()
    with as_command():
        folder = data_folder(data or settings.data or demo_root())
        plan = with_stand_in(
            Plan(
                folder=folder,
                ports=settings.ports(),
                triton_python=settings.triton_python,
                triton_folder=settings.triton_folder,
                mert_weights=DemoFolder(data=folder).trial_weights if tiny_models else None,
            )
        )
        try:
            status = _show(plan, settings.start_timeout_seconds, songs_per_genre, leave, console)
        except KeyboardInterrupt:  # before there is a system to stop
            console.print("Stopped.")
            status = INTERRUPTED
    raise typer.Exit(status)


def _show(plan: Plan, timeout_seconds: float, songs_per_genre: int, leave: bool, console: Console) -> int:
    """The exit status: 0 when the job was done and its figures came out as they must."""
    started = time.monotonic()
    demo_folder = DemoFolder(data=plan.folder)
    demo_folder.clear()
    check_ports(plan.ports)  # before a minute is spent on songs
    console.print(Panel(welcome(songs_per_genre), title="Music ReClass", width=min(console.width, 100)))
    library = make_library(demo_folder, songs_per_genre, console)
    if plan.mert_weights is not None:
        console.print(TRIAL_WARNING)
        make_trial(plan.mert_weights, python=plan.triton_python, triton_folder=plan.triton_folder)
    result: Figures | None = None

    def work(system: System) -> None:
        nonlocal result
        result = _do_the_job(
            system,
            library,
            plan.folder.admin_password,
            started,
            console,
            with_trial=plan.mert_weights is not None,
        )
        if leave:
            _say_how_to_go_on(plan, console)
        else:
            _say_how_to_look(system, plan, console)
            system.wait()

    run(plan, timeout_seconds, console, work)
    if result is None:
        return INTERRUPTED
    return 1 if result.shortfalls() else 0


def welcome(songs_per_genre: int) -> str:
    """What is about to be made, in its true numbers."""
    songs = catalogue(seed=SEED, songs_per_genre=songs_per_genre)
    artists = {(song.genre, song.artist_number) for song in songs}
    tags = Counter(song.tag_state for song in songs)
    return (
        f"A library of {len(songs)} songs is made from a seed: {len(GENRES)} genres, {len(artists)} artists, six "
        f"codecs. {tags['wrong']} songs have a wrong genre tag, {tags['missing']} have none. A server that stands in "
        "for Plex serves it; everything else is real."
    )


def make_library(demo_folder: DemoFolder, songs_per_genre: int, console: Console) -> DemoLibrary:
    """Make the songs, and show how far they are."""
    if not console.is_terminal:
        return _make_in_lines(demo_folder, songs_per_genre, console)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as display:
        line = display.add_task("Making songs", total=len(GENRES) * songs_per_genre)
        return make_songs(
            demo_folder.root,
            songs_per_genre=songs_per_genre,
            progress=lambda done, total: display.update(line, completed=done, total=total),
        )


def _make_in_lines(demo_folder: DemoFolder, songs_per_genre: int, console: Console) -> DemoLibrary:
    """A line now and then, where no bar can be drawn."""
    said_at = time.monotonic()

    def progress(done: int, total: int) -> None:
        nonlocal said_at
        if done == total or time.monotonic() - said_at >= LINE_EVERY_SECONDS:
            said_at = time.monotonic()
            say(console, f"Making songs: {done} of {total}")

    say(console, "Making songs ...")
    return make_songs(demo_folder.root, songs_per_genre=songs_per_genre, progress=progress)


def _do_the_job(
    system: System,
    library: DemoLibrary,
    password_file: Path,
    started: float,
    console: Console,
    *,
    with_trial: bool,
) -> Figures:
    def announce(title: str, arguments: tuple[str, ...]) -> None:
        console.print(f"\n[bold]{title}[/bold]  [dim]$ reclass {' '.join(arguments)}[/dim]")
        console.file.flush()

    seconds = run_steps(system, TRIAL_ALONE, announce) if with_trial else {}
    seconds |= run_steps(system, READING, announce)
    if not with_trial:
        _say_what_is_guessed(look_at_guesses(system, library), missing_tagger(system), console)
    seconds |= run_steps(system, LEARNING, announce)
    began = time.monotonic()
    judged = judge_songs(system.address, password_file, library)
    _say_what_was_judged(judged, console)
    seconds["judge songs"] = time.monotonic() - began
    seconds |= run_steps(system, WRITING, announce)
    result = measure(system, library, with_trial=with_trial)
    console.print(_summary(result, judged, seconds, time.monotonic() - started))
    for sentence in result.shortfalls():
        console.print(f"[red]✗ {sentence}[/red]")
    return result


def _say_what_was_judged(judged: Judged, console: Console) -> None:
    console.print(f"\n[bold]Judge songs[/bold]  [dim]on the page of that name[/dim]\n{judged}.")
    console.file.flush()


def _say_what_is_guessed(guesses: GuessFigures, trouble: str, console: Console) -> None:
    """By genre, before anything is trained; the songs are synthetic, and so is the count of those that are right."""
    if trouble:
        say(console, f"\nNo first guesses: MusiCNN is not there ({trouble.rstrip('.')}). It goes on without.")
        return
    table = Table(
        "genre", "guessed", "made to be of it", title="First guesses, before training", title_justify="left"
    )
    for each in guesses.genres:
        table.add_row(each.genre, str(each.songs), str(each.right))
    console.print()
    console.print(table)
    say(
        console,
        f"Nothing was learned for them: {guesses.guessed} of {guesses.songs} songs have one, from the tags of their "
        f"sound, and {guesses.right} of the made songs are of the genre that is guessed. They were synthesised, so "
        "that says nothing of real music.",
    )
    if guesses.cannot_be_guessed:
        say(
            console, f"Cannot be guessed, for no tag speaks for them: {', '.join(guesses.cannot_be_guessed)}."
        )


def _summary(result: Figures, judged: Judged, seconds: dict[str, float], total_seconds: float) -> Table:
    table = Table(title="What came of it", show_header=False, title_justify="left")
    table.add_column(style="bold")
    table.add_column()
    rows = [
        (
            "Songs",
            f"{result.songs} in Plex, {result.extracted} with features, {result.classified} classified",
        ),
        (
            "Right genre in Plex",
            f"{result.right_before:.1%} before  →  [green]{result.right_after:.1%} now[/green], "
            f"{judged.wrong_tags} songs of these by the word of the person who judged",
        ),
        (
            "Held-out artists",
            f"{result.held_out_accuracy:.1%} right of {result.held_out_songs} songs, "
            "each classified by a model that was trained without its artist",
        ),
        ("Stages", _stages(result)),
        (
            "Wrong tags",
            f"{result.wrong_tags_found} of {result.wrong_tags} found "
            f"(recall {result.recall:.2f}, precision {result.precision:.2f})",
        ),
        ("Missing tags", f"{result.missing_tags_filled} of {result.missing_tags} filled with the true genre"),
        ("Written to Plex", f"{result.written} songs; every one can be taken back"),
        (
            "Time",
            f"{total_seconds:.0f} s in all; "
            + ", ".join(f"{name} {value:.0f} s" for name, value in seconds.items()),
        ),
    ]
    for name, text in rows:
        table.add_row(name, text)
    return table


def _stages(result: Figures) -> str:
    said = "; ".join(map(str, result.stages))
    if result.with_trial:
        return f"{said}; MERT has {TRIAL_WEIGHTS}"
    missing = ", ".join(sorted(result.missing_embeddings))
    return f"{said}. Not installed: {missing} (reclass status says how)" if missing else said


def _say_how_to_look(system: System, plan: Plan, console: Console) -> None:
    say_address(system, plan, console)
    data = shlex.quote(str(plan.folder.root))
    say(console, f"Take it all back: reclass rollback latest --data {data}")


def _say_how_to_go_on(plan: Plan, console: Console) -> None:
    data = shlex.quote(str(plan.folder.root))
    say(
        console,
        f"\nGo on with it:              reclass up --data {data}\n"
        f"then, in another shell:     reclass status --data {data}\n"
        f"and to take it all back:    reclass rollback latest --data {data}",
    )
