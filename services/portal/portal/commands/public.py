"""`reclass import-fma`: songs of the public FMA table to learn from."""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from portal.commands.surroundings import DataOption, RefusalError, portal_at_hand, stoppable
from portal.commands.terminal import Terminal


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command("import-fma")(import_fma)


def import_fma(
    folder: Annotated[
        Path | None, typer.Argument(help="fma_metadata, with its tracks.csv and features.csv.")
    ] = None,
    forget: Annotated[bool, typer.Option("--forget", help="Take the imported songs out again.")] = False,
    data: DataOption = None,
) -> None:
    """Import the songs of the public FMA table, to be learned from by train with --public-table."""
    with portal_at_hand(data):
        from portal.public import importing

        console = Terminal(soft_wrap=True)
        if (folder is None) != forget:
            raise RefusalError("Name the folder fma_metadata, or --forget, and not both.")
        if folder is None:
            console.print(f"{importing.forget():,} songs of public tables were taken out.")
            return
        _import(folder, console)


def _import(folder: Path, console: Terminal) -> None:
    from portal.commands.models.official_split import said_of
    from portal.public.fma_layout import FEATURES, TRACKS
    from portal.public.fma_tables import tables_in
    from portal.public.importing import import_fma as run_import
    from portal.public.table_rows import TableError

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        tables = tables_in(folder)
        with stoppable("Nothing was imported."), Progress(*columns, console=console) as bar:
            task = bar.add_task(f"read {TRACKS}", total=None)
            found = len(tables.read_tracks())
            bar.update(task, description=f"read {FEATURES}", total=found)
            imported = run_import(tables, lambda count: bar.update(task, completed=count))
    except TableError as error:
        raise RefusalError(f"{error} Nothing was imported.") from error
    console.print(
        f"{imported.new:,} songs were imported, {imported.changed:,} changed, {imported.unchanged:,} were there."
    )
    for passed_over in said_of(tables):
        console.print(passed_over)
    _show_genres(console)


def _show_genres(console: Terminal) -> None:
    from portal.public.songs import tag_counts

    table = Table("genre in the table", "songs", "artists", "counts for")
    unmapped = []
    for each in tag_counts():
        table.add_row(each.tag, f"{each.songs:,}", f"{each.artists:,}", ", ".join(each.genres) or "nothing")
        if not each.genres:
            unmapped.append(each.tag)
    console.print(table)
    if unmapped:
        console.print(
            f"{', '.join(unmapped)}: no alias knows these. Their songs are kept and not learned from; they count "
            "as soon as an alias in the admin says which genre they stand for."
        )
    console.print("Learn from them with: reclass train --public-table")
