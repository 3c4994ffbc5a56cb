"""The whole job, done on the demo's library command by command, as a person would do it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from standalone.demo.figures import Figures, GuessFigures, figures, guess_figures
from standalone.demo.songs import plex_path
from standalone.demo_library import SPELLINGS, DemoLibrary, Song
from standalone.errors import StandaloneError
from standalone.system.lifecycle import System

Steps = Sequence[tuple[str, tuple[str, ...]]]
"""What each is for, and its command."""
TAGGER = "musicnn"
"""The kind of vectors that end with tags."""
TRIAL_ALONE: Steps = (
    ("Leave MusiCNN out, so that what FMA is unsure of comes to MERT", ("embeddings", "--off", TAGGER)),
)
READING: Steps = (
    ("Read the library from Plex", ("sync",)),
    ("Extract every song's features", ("extract",)),
)
LEARNING: Steps = (
    ("Train on the tags", ("train",)),
    ("Classify every song", ("classify",)),
)
WRITING: Steps = (
    ("See what would be written", ("push", "--dry-run")),
    ("Write it", ("push",)),
)


class StepFailedError(StandaloneError):
    """A command of the demo ended with an error."""


def run_steps(
    system: System, steps: Steps, announce: Callable[[str, tuple[str, ...]], None]
) -> dict[str, float]:
    """Do a part of the job, command by command, and return the seconds of each.

    Raises StepFailedError, and does not go on, when a command fails.
    """
    seconds = {}
    for title, arguments in steps:
        announce(title, arguments)
        started = time.monotonic()
        done = subprocess.run([reclass_command(), *arguments], env=_environment(system), check=False)
        if done.returncode:
            raise StepFailedError(f"reclass {' '.join(arguments)} ended with {done.returncode}; see above")
        seconds[" ".join(arguments)] = time.monotonic() - started
    return seconds


def look_at_guesses(system: System, library: DemoLibrary) -> GuessFigures:
    """Compare the first guesses with the truth."""
    status = _asked(system, "status", "--json")
    return guess_figures(_songs(system, library), status["first_guesses"]["cannot_be_guessed"])


def measure(system: System, library: DemoLibrary, *, with_trial: bool = False) -> Figures:
    """Compare what the system says of its songs with the truth."""
    status = _asked(system, "status", "--json")
    names = {each["kind"]: each["name"] for each in _asked(system, "embeddings", "--json")["embeddings"]}
    stages = {each["stage"]: each["kinds"] for each in status["model"]["stages"] if each["ready"]}
    used = {kind for kinds in stages.values() for kind in kinds}
    installed = {each["stage"]: each for each in status["extraction"]["stages"]}
    return figures(
        _songs(system, library),
        SPELLINGS,
        stages={number: [names.get(kind, kind) for kind in kinds] for number, kinds in stages.items()},
        unused=[
            names.get(kind, kind)
            for kind, each in installed.items()
            if each["installed"] and kind not in used
        ],
        missing_embeddings={
            names.get(kind, kind): each["message"]
            for kind, each in installed.items()
            if not each["installed"]
        },
        with_trial=with_trial,
    )


def missing_tagger(system: System) -> str:
    """Why MusiCNN, whose tags make first guesses, is not there; empty where it is."""
    stages = {each["stage"]: each for each in _asked(system, "status", "--json")["extraction"]["stages"]}
    found = stages.get(TAGGER)
    if found is None:
        return "the features service does not know it"
    return "" if found["installed"] else str(found["message"])


def _songs(system: System, library: DemoLibrary) -> list[tuple[Song, Mapping[str, Any]]]:
    rows = [json.loads(line) for line in _output(system, "export").splitlines()]
    by_file: dict[str, Mapping[str, Any]] = {row["file"]: row for row in rows}
    return [(song, by_file[plex_path(song.path, library.folder)]) for song in library.songs]


def _asked(system: System, *arguments: str) -> dict[str, Any]:
    return dict(json.loads(_output(system, *arguments)))


def _output(system: System, *arguments: str) -> str:
    command = [reclass_command(), *arguments]
    done = subprocess.run(command, env=_environment(system), check=True, capture_output=True, text=True)
    return done.stdout


def reclass_command() -> str:
    """The `reclass` command of this environment."""
    return str(Path(sys.executable).with_name("reclass"))


def _environment(system: System) -> dict[str, str]:
    return {**os.environ, **system.environment}
