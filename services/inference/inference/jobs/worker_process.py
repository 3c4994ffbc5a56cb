"""Trainings and evaluations in a process of their own: both of its ends.

The two ends talk by files in a folder, by progress as lines of JSON on stdout, and by a failure file, from which a
refusal becomes an error of this service.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from runtime.process import die_with

from inference import errors
from inference.training.parallel_fits import worker_threads

OPTIONS_FILE = "options.json"
FAILURE_FILE = "failure.json"
CHAMPION_FILE = "champion.json"
COMPARISON_FILE = "comparison.json"
PARTS_FILE = "parts.npy"
EVALUATION_FILE = "evaluation.json"

REFUSALS = {
    error.reason: error
    for error in (errors.TooFewSongsError, errors.TooFewGenresError, errors.VectorInvalidError)
}
"""What such a process may refuse for."""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Of each matrix product: numpy and scipy have a pool each, and these would keep each other from the processor."""
NICENESS = 10
"""Serving keeps its latency while such a process runs."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What the process does now."""

    step: str
    fraction: float
    """0 to 1."""


class WorkerProcess:
    """Runs `module` with a folder, this process's number and a number of threads: it ends when this process does."""

    def __init__(self, module: str, folder: Path, threads: int) -> None:
        self._module = module
        self._folder = folder
        self._threads = threads
        self._process: subprocess.Popen[str] | None = None
        self._cancelled = threading.Event()

    @property
    def cancelled(self) -> bool:
        """Nobody wants the result any more."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """End the process. May be called from another thread."""
        self._cancelled.set()
        if self._process is not None:
            self._process.kill()

    def run(self, options: Mapping[str, Any]) -> Iterator[Progress]:
        """Work by these options, and wait for the end.

        Raises TooFewSongsError, TooFewGenresError, VectorInvalidError, TrainingCrashedError.
        """
        (self._folder / OPTIONS_FILE).write_text(json.dumps(options))
        arguments = (str(self._folder), str(os.getpid()), str(self._threads))
        with subprocess.Popen(
            [sys.executable, "-m", self._module, *arguments],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | ONE_THREAD,
        ) as self._process:
            if self.cancelled:
                self._process.kill()
            try:
                for line in self._process.stdout or ():
                    yield Progress(**json.loads(line))
            except GeneratorExit:
                # The caller went away; nobody waits for the result.
                self._process.kill()
                raise
        self._check_end(self._process.returncode)

    def _check_end(self, returncode: int) -> None:
        failure = self._folder / FAILURE_FILE
        if failure.exists():
            refusal = json.loads(failure.read_text())
            raise REFUSALS.get(refusal["reason"], errors.TrainingCrashedError)(refusal["message"])
        if returncode != 0:
            how = f"signal {-returncode}" if returncode < 0 else f"status {returncode}"
            raise errors.TrainingCrashedError(
                f"the training process ended with {how}; its last words are in this service's log. "
                "The model in service stays. Signal 9 often means that memory ran out."
            )


def run_worker(work: Callable[[Path, dict[str, Any]], None]) -> None:
    """The other end: `work` on the folder and the options in it, in the process that `WorkerProcess` starts."""
    folder, parent, threads = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    die_with(parent)
    os.nice(NICENESS)
    try:
        with worker_threads(threads):
            work(folder, json.loads((folder / OPTIONS_FILE).read_text()))
    except errors.InferenceError as error:
        (folder / FAILURE_FILE).write_text(json.dumps({"reason": error.reason, "message": str(error)}))


def report_progress(step: str, fraction: float) -> None:
    """From the process to the service that waits for it."""
    sys.stdout.write(json.dumps(asdict(Progress(step=step, fraction=fraction))) + "\n")
    sys.stdout.flush()
