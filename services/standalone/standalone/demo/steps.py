"""The whole job, done on the demo's library command by command, as a person would do it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from standalone.demo.figures import Figures, figures
from standalone.demo.songs import plex_path
from standalone.demo_library import SPELLINGS, DemoLibrary
from standalone.errors import StandaloneError
from standalone.system.lifecycle import System

Steps = Sequence[tuple[str, tuple[str, ...]]]
"""What each is for, and its command."""
EXTRACT_BOTH = ("extract", "--stage", "fma", "--stage", "mert")
LEARNING = (
    ("Read the library from Plex", ("sync",)),
    ("Extract every song's features", ("extract",)),
    ("Train on the tags", ("train",)),
    ("Classify every song", ("classify",)),
)
WRITING = (
    ("See what would be written", ("push", "--dry-run")),
    ("Write it", ("push",)),
)


class StepFailedError(StandaloneError):
    """A command of the demo ended with an error."""


def run_steps(
    system: System, steps: Steps, announce: Callable[[str, tuple[str, ...]], None], *, with_mert: bool = False
) -> dict[str, float]:
    """Do a part of the job, command by command, and return the seconds of each. `with_mert` does it with stage 2.

    Raises StepFailedError, and does not go on, when a command fails.
    """
    seconds = {}
    for title, step in steps:
        # Named, a stage that is not there is an error and not left out.
        arguments = EXTRACT_BOTH if with_mert and step == ("extract",) else step
        announce(title, arguments)
        started = time.monotonic()
        done = subprocess.run([reclass_command(), *arguments], env=_environment(system), check=False)
        if done.returncode:
            raise StepFailedError(f"reclass {' '.join(arguments)} ended with {done.returncode}; see above")
        seconds[" ".join(arguments)] = time.monotonic() - started
    return seconds


def measure(system: System, library: DemoLibrary, *, with_mert: bool = False) -> Figures:
    """Compare what the system says of its songs with the truth."""
    listed = subprocess.run(
        [reclass_command(), "export"], env=_environment(system), check=True, capture_output=True, text=True
    )
    rows: dict[str, Mapping[str, Any]] = {}
    for line in listed.stdout.splitlines():
        row = json.loads(line)
        rows[row["file"]] = row
    songs = [(song, rows[plex_path(song.path, library.folder)]) for song in library.songs]
    return figures(songs, SPELLINGS, with_mert=with_mert)


def reclass_command() -> str:
    """The `reclass` command of this environment."""
    return str(Path(sys.executable).with_name("reclass"))


def _environment(system: System) -> dict[str, str]:
    return {**os.environ, **system.environment}
