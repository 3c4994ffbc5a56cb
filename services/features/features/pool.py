"""Processes that decode and compute, so that a broken file can crash or hang one of them and nothing else."""

import ctypes
import multiprocessing
import os
import signal
from concurrent.futures import CancelledError, TimeoutError
from typing import Any

from pebble import ProcessExpired, ProcessFuture, ProcessPool
from runtime.telemetry import get_logger

from features.errors import DecoderCrashed, TimedOut
from features.extraction import Extraction, extract, warm_up

log = get_logger(__name__)

PR_SET_PDEATHSIG = 1
# Imported once, in the fork server: librosa's own modules come late and take seconds, and a process that replaces
# a crashed one should be ready at once.
PRELOADED = [
    "features.extraction",
    "librosa.core.audio",
    "librosa.core.constantq",
    "librosa.feature.spectral",
]
WORKER_ENVIRONMENT = {
    # One process a core: threads of their own would only fight for the same cores.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    # Spectrograms of a few MB are kept on the heap; mapping each one anew costs 45 ms a song.
    "MALLOC_MMAP_THRESHOLD_": "1000000000",
    "MALLOC_TRIM_THRESHOLD_": "1000000000",
    "MALLOC_TOP_PAD_": "100000000",
}


class ExtractionPool:
    """Runs extractions with a time limit each; a process that dies or is too slow is replaced."""

    def __init__(self, *, processes: int, time_limit_seconds: float) -> None:
        self._processes = processes
        self._time_limit_seconds = time_limit_seconds
        # Read by numpy and libc when the processes start, from the environment that they inherit.
        os.environ.update({k: v for k, v in WORKER_ENVIRONMENT.items() if k not in os.environ})
        # Forking this process would copy gRPC's threads in whatever state they are; a server that does nothing
        # but fork has none, and ends by itself when this process is gone.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        self._pool = ProcessPool(max_workers=processes, initializer=_start_process, context=context)

    def warm_up(self) -> None:
        """Return when every process is ready for its first song."""
        ready = [self._pool.schedule(_is_ready) for _ in range(self._processes)]
        for future in ready:
            future.result()

    @property
    def processes(self) -> int:
        """Songs that are heard at the same time."""
        return self._processes

    def schedule(
        self, path: str, *, with_fma: bool, known_keys: frozenset[str] = frozenset()
    ) -> "ProcessFuture[Extraction]":
        """Queue an extraction. Cancelling the future ends the process that works on it."""
        wanted = {"with_fma": with_fma, "known_keys": known_keys}
        return self._pool.schedule(extract, args=(path,), kwargs=wanted, timeout=self._time_limit_seconds)

    def wait(self, future: "ProcessFuture[Extraction]", patience_seconds: float | None) -> Extraction:
        """The result of `schedule`; raises what the extraction raised, TimedOut or DecoderCrashed."""
        try:
            return future.result(timeout=patience_seconds)
        except TimeoutError as error:
            if future.done():
                limit = f"{self._time_limit_seconds:g} s"
                raise TimedOut(f"listening to the song took longer than {limit}; it was given up") from error
            future.cancel()  # type: ignore[no-untyped-call] # pebble types its methods in part
            raise TimedOut("the caller's deadline passed before the song was heard") from error
        except CancelledError as error:
            raise TimedOut("the caller gave up before the song was heard") from error
        except ProcessExpired as error:
            log.warning("decoder crashed", exit_code=error.exitcode)
            raise DecoderCrashed(f"the decoder died of this song (exit code {error.exitcode})") from error

    def close(self) -> None:
        """Give up what runs and end every process."""
        self._pool.stop()  # type: ignore[no-untyped-call] # pebble types its methods in part
        self._pool.join()


def _start_process() -> None:
    # Ctrl-C reaches the whole process group; the parent decides when its processes end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A decoder that hangs never returns to Python, where pebble's own handler would run.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _die_with_parent()
    warm_up()


def _die_with_parent() -> None:
    """Be killed when the fork server goes, as it does when the service is gone, however that ended."""
    libc: Any = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")


def _is_ready() -> None:
    """Does nothing: that it ran shows that the process is up."""
