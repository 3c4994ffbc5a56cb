"""`reclass up`: the system on one machine, from a person's side."""

import shlex
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress as Display
from rich.progress import SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from standalone.demo.folder import DemoFolder, with_stand_in
from standalone.errors import StandaloneError
from standalone.host.data_folder import default_root
from standalone.processes.startup import TIMEOUT_VARIABLE, Observe, Progress
from standalone.settings import PlexSettings, SystemSettings
from standalone.system.lifecycle import System, data_folder
from standalone.system.plan import Plan, PlexConnection

HOW_TO_GET_PLEX = """\
Plex is not configured yet. Open Settings in the portal, and set under "Plex connection":
  1. the address of your server, for example http://192.168.1.10:32400
  2. its token: open any song in Plex Web, choose "Get Info", then "View XML"; the address of that page ends in
     X-Plex-Token=...
Both can come from PLEX_URL and PLEX_TOKEN of `reclass up` instead; they win then.
To see all of it without a server: reclass demo"""


def register(app: typer.Typer) -> None:
    """Add the commands of this member to `reclass`."""
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
    plan = plan_of(settings, PlexSettings.load(), data)
    try:
        with stop_signals():
            run(plan, settings.start_timeout_seconds, console)
    except StandaloneError as error:
        sys.stderr.write(f"reclass: {error}\n")
        raise typer.Exit(1) from error


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


def run(plan: Plan, timeout_seconds: float, console: Console) -> None:
    """Start, say where it is, wait for a signal, stop."""
    system = System(plan, timeout_seconds=timeout_seconds)
    try:
        with showing_start(console) as observe:
            system.start(observe)
        say_address(system, plan, console)
        if plan.stand_in:
            console.print("This folder is a demo's: its own server stands in for Plex; PLEX_URL is not used.")
        system.wait()
    except KeyboardInterrupt:
        console.print("Stopping ...")
    finally:
        with signals_ignored():
            system.stop()
    console.print("Stopped.")


LATE = (
    f"{{part}} is late: {TIMEOUT_VARIABLE} is over. It is at work (a first start compiles, and this machine may be "
    "busy), so it is waited for."
)


@contextmanager
def showing_start(console: Console) -> Iterator[Observe]:
    """A line for each part, with a spinner until it is healthy; in a pipe or a file a line when that has come."""
    if not console.is_terminal:
        yield _Lines(console).observe
        return
    columns = (
        SpinnerColumn(finished_text="[green]✓[/green]"),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Display(*columns, console=console) as display:
        lines: dict[str, TaskID] = {}

        def observe(part: str, progress: Progress) -> None:
            match progress:
                case Progress.STARTING:
                    lines[part] = display.add_task(part, total=1)
                case Progress.LATE:
                    say(console, LATE.format(part=part))
                case Progress.READY:
                    display.advance(lines[part])

        yield observe


class _Lines:
    """The start of each part in lines, where nothing can be drawn."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began: dict[str, float] = {}

    def observe(self, part: str, progress: Progress) -> None:
        match progress:
            case Progress.STARTING:
                self._began[part] = time.monotonic()
                say(self._console, f"Starting {part} ...")
            case Progress.LATE:
                say(self._console, LATE.format(part=part))
            case Progress.READY:
                say(self._console, f"{part} is ready ({time.monotonic() - self._began[part]:.0f} s)")


def say(console: Console, sentence: str) -> None:
    """A line as it is."""
    console.print(sentence, highlight=False, markup=False, soft_wrap=True)


def say_address(system: System, plan: Plan, console: Console) -> None:
    console.print(f"\nMusic ReClass runs: [bold]{system.address}[/bold]", highlight=False, soft_wrap=True)
    say_password(plan.folder.admin_password, console)
    if not has_plex(plan):
        console.print(f"\n{HOW_TO_GET_PLEX}", highlight=False, markup=False, soft_wrap=True)
    data = shlex.quote(str(plan.folder.root))
    console.print(
        f"\nIn another shell: reclass doctor --data {data}\nLogs: {plan.folder.logs}\nStop with Ctrl-C.",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def has_plex(plan: Plan) -> bool:
    """Whether the environment names a Plex server, or the portal was told of one."""
    in_environment = bool(plan.plex.url and plan.plex.token)
    return bool(plan.stand_in) or in_environment or any(plan.folder.sync.iterdir())


def say_password(file: Path, console: Console) -> None:
    """On a terminal the password itself, once; elsewhere, where it would end in a log, only where it is."""
    if not file.exists():
        return
    if console.is_terminal:
        password = file.read_text().strip()
        console.print(
            f"Sign in as admin with: {password}  (shown once)", highlight=False, markup=False, soft_wrap=True
        )
        file.unlink()
    else:
        console.print(
            f"Sign in as admin; the password is in {file}", highlight=False, markup=False, soft_wrap=True
        )


@contextmanager
def stop_signals() -> Iterator[None]:
    """SIGTERM and the end of the terminal stop the system as Ctrl-C does."""
    with _handled(signal.default_int_handler):
        yield


@contextmanager
def signals_ignored() -> Iterator[None]:
    """A second Ctrl-C must not leave processes behind; a stop has a time limit of its own."""
    with _handled(signal.SIG_IGN):
        yield


@contextmanager
def _handled(handler: Any) -> Iterator[None]:
    numbers = [signal.SIGINT, signal.SIGTERM]
    # nohup has it ignored, and means it.
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
