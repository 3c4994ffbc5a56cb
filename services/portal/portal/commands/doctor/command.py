"""`reclass doctor`: whether every part is well, and what to do about those that are not."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.text import Text

from portal.commands.output import print_json
from portal.commands.surroundings import DataOption, portal_at_hand
from portal.commands.terminal import Terminal, without_controls


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(doctor)


def doctor(
    write_test: Annotated[
        bool,
        typer.Option(
            "--write-test",
            help="Also add a genre to one track in Plex, read it back, and put back what was there.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
    data: DataOption = None,
) -> None:
    """Check every part of the system; a line for each says ok, or what to do."""
    with portal_at_hand(data):
        from portal.commands.doctor.checks import examine, writing
        from portal.configuration import PortalSettings
        from portal.remote.services import connected

        settings = PortalSettings.load()
        with connected(settings) as services:
            found = list(_as_found(examine(settings, services, data), quiet=as_json))
            if write_test:
                found += _as_found([writing(services)], quiet=as_json)
        unwell = sum(not each.well for each in found)
        if as_json:
            checks = [asdict(each) for each in found]
            print_json({"well": not unwell, "checks": checks})
        elif unwell:
            typer.echo(f"{unwell} of the checks failed.")
        if unwell:
            raise typer.Exit(1)


def _as_found(findings: Iterable[Any], *, quiet: bool) -> Iterable[Any]:
    """Each finding, printed as soon as it is known."""

    console = Terminal(soft_wrap=True)
    for finding in findings:
        if not quiet:
            mark, colour = ("ok   ", "green") if finding.well else ("wrong", "red")
            console.print(
                Text.assemble((mark, colour), without_controls(f" {finding.what}: {finding.message}"))
            )
        yield finding
