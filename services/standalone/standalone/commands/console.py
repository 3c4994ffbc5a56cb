"""What a start shows and says: each part as it becomes healthy, then where the pages are and how to sign in."""

import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import Progress as Display
from rich.progress import SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from standalone.processes.startup import TIMEOUT_VARIABLE, Observe, Progress
from standalone.system.lifecycle import System
from standalone.system.plan import Plan

HOW_TO_GET_PLEX = """\
Plex is not configured yet. Open Settings in the portal, and set under "Plex connection":
  1. the address of your server, for example http://192.168.1.10:32400
  2. its token: open any song in Plex Web, choose "Get Info", then "View XML"; the address of that page ends in
     X-Plex-Token=...
Both can come from PLEX_URL and PLEX_TOKEN of `reclass up` instead; they win then.
To see all of it without a server: reclass demo"""
LATE = (
    f"{{part}} is late: {TIMEOUT_VARIABLE} is over. It is at work (a first start compiles, and this machine may be "
    "busy), so it is waited for."
)


def say(console: Console, sentence: str) -> None:
    """A line as it is."""
    console.print(sentence, highlight=False, markup=False, soft_wrap=True)


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


def say_address(system: System, plan: Plan, console: Console) -> None:
    """Where the pages and the logs are, how to sign in, and how to connect Plex where it is not."""
    console.print(f"\nMusic ReClass runs: [bold]{system.address}[/bold]", highlight=False, soft_wrap=True)
    say_password(plan.folder.admin_password, console)
    if not has_plex(plan):
        say(console, f"\n{HOW_TO_GET_PLEX}")
    data = shlex.quote(str(plan.folder.root))
    say(
        console,
        f"\nIn another shell: reclass doctor --data {data}\nLogs: {plan.folder.logs}\nStop with Ctrl-C.",
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
        say(console, f"Sign in as admin with: {file.read_text().strip()}  (shown once)")
        file.unlink()
    else:
        say(console, f"Sign in as admin; the password is in {file}")
