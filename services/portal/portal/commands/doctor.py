"""`reclass doctor`: whether every part is well, and what to do about those that are not."""

import typer

from portal.commands.surroundings import DataOption, portal_at_hand


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(doctor)


def doctor(data: DataOption = None) -> None:
    """Check every part of the system; a line for each says ok, or what to do."""
    with portal_at_hand(data):
        from rich.console import Console
        from rich.markup import escape

        from portal.commands.checks import examine
        from portal.configuration import PortalSettings
        from portal.remote.services import connected

        console = Console(soft_wrap=True)
        settings = PortalSettings.load()
        unwell = 0
        with connected(settings) as services:
            for finding in examine(settings, services):
                unwell += not finding.well
                mark = "[green]ok[/green]   " if finding.well else "[red]wrong[/red]"
                console.print(f"{mark} {finding.what}: {escape(finding.message)}", highlight=False)
        if unwell:
            console.print(f"{unwell} of the checks failed.", highlight=False)
            raise typer.Exit(1)
