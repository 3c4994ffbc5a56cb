"""`reclass up`: the system on one machine, until it is stopped."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from standalone.commands.console import say, say_address
from standalone.commands.running import as_command, run
from standalone.demo.folder import DemoFolder, with_stand_in
from standalone.host.data_folder import default_root
from standalone.settings import PlexSettings, SystemSettings
from standalone.system.lifecycle import System, data_folder
from standalone.system.plan import Plan, PlexConnection


def register(app: typer.Typer) -> None:
    """Add the command to `reclass`."""
    app.command("up")(up)


def up(
    data: Annotated[
        Path | None,
        typer.Option(help="Folder of all state; else RECLASS_DATA.", show_default=str(default_root())),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65535, help="Port of the web pages; else RECLASS_WEB_PORT.", show_default="8000"
        ),
    ] = None,
) -> None:
    """Start the whole system on this machine and stop it with Ctrl-C."""
    console = Console()
    settings = SystemSettings.load()
    if port is not None:
        settings = settings.model_copy(update={"web_port": port})
    plex = PlexSettings.load()

    with as_command():
        plan = plan_of(settings, plex, data)

        def wait(system: System) -> None:
            say_address(system, plan, console)
            if plan.stand_in:
                say(
                    console,
                    "This folder is a demo's: its own server stands in for Plex; PLEX_URL is not used.",
                )
            system.wait()

        run(plan, settings.start_timeout_seconds, console, wait)


def plan_of(settings: SystemSettings, plex: PlexSettings, data: Path | None) -> Plan:
    """The system that the environment and the options describe; on a demo's folder, the demo's."""
    token = plex.token.get_secret_value() if plex.token else ""
    plan = Plan(
        folder=data_folder(data or settings.data or default_root()),
        ports=settings.ports(),
        plex=PlexConnection(url=plex.url, token=token),
        plex_library=plex.library,
        media_folders=settings.media_folders,
        path_map=settings.path_map,
        triton_python=settings.triton_python,
        triton_folder=settings.triton_folder,
    )
    return with_stand_in(plan) if DemoFolder(data=plan.folder).is_demo() else plan
