"""Learning in a process of its own: its progress comes as lines, its refusals as errors of this service."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from inference import errors
from inference.jobs.worker_files import FAILURE_FILE

REFUSALS = {
    error.reason: error
    for error in (errors.TooFewSongsError, errors.TooFewGenresError, errors.VectorInvalidError)
}
"""What such a process may refuse for."""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Of each product of matrices: numpy and scipy have a pool each, and these would keep each other from the processor."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """Where the learning is."""

    step: str
    fraction: float
    """0 to 1."""


class LearningProcess:
    """Runs `module` with a folder and this process's number: it ends when this one does."""

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

    def run(self) -> Iterator[Step]:
        """Wait for the end; raises TooFewSongsError, TooFewGenresError, VectorInvalidError, TrainingCrashedError."""
        command = [
            sys.executable,
            "-m",
            self._module,
            str(self._folder),
            str(os.getpid()),
            str(self._threads),
        ]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=os.environ | ONE_THREAD
        ) as self._process:
            if self.cancelled:
                self._process.kill()
            try:
                for line in self._process.stdout or ():
                    yield Step(**json.loads(line))
            except GeneratorExit:
                # The caller went away; nobody waits for the result.
                self._process.kill()
                raise
        self._check_end(self._process.returncode)

    def _check_end(self, returncode: int) -> None:
        failure = self._folder / FAILURE_FILE
        if failure.exists():
            said = json.loads(failure.read_text())
            raise REFUSALS.get(said["reason"], errors.TrainingCrashedError)(said["message"])
        if returncode != 0:
            how = f"signal {-returncode}" if returncode < 0 else f"status {returncode}"
            raise errors.TrainingCrashedError(
                f"the training process ended with {how}; its last words are in this service's log. "
                "The model in service stays. Signal 9 often means that memory ran out."
            )
