"""Processes that decode and compute, so that a broken file can crash, hang or bloat one of them and nothing else."""

import multiprocessing
import os
import resource
import signal
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import CancelledError, Future, TimeoutError
from dataclasses import dataclass
from typing import Any

from pebble import ProcessExpired, ProcessFuture, ProcessPool
from prometheus_client import CollectorRegistry
from runtime.process import die_with
from runtime.telemetry import get_logger

from features.audio.excerpts import Excerpt
from features.embeddings.embedding import Preprocessing
from features.errors import DecoderCrashedError, FeatureError, OutOfMemoryError, TimedOutError
from features.workers.extraction import Extraction, extract, warm_up
from features.workers.metrics import PoolMetrics

log = get_logger(__name__)

PRELOADED = ["features.workers.preload"]
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
# What a process has after its warm-up, the libraries' own tables and room for compiled code, is about 300 MB; a song of
# the usual kind needs 250 MB more.
MEMORY_LIMIT_BYTES = 2**30
# Decoders leak a little; a process that grew old would fall over a song that is not to blame.
SONGS_OF_A_PROCESS = 1000
# No signal's number, no status of Python's own.
OUT_OF_MEMORY_STATUS = 77


@dataclass(frozen=True, kw_only=True)
class TimedExtraction:
    """What a process hands back."""

    extraction: Extraction
    seconds: float
    """How long it was at work."""


class ExtractionPool:
    """Runs extractions with a limit of time and memory each; a process that dies or exceeds one is replaced.

    `work` is what a process does with a song; `preprocessings` are tried once by each process before its first one.
    """

    def __init__(
        self,
        *,
        processes: int,
        time_limit_seconds: float,
        memory_limit_bytes: int = MEMORY_LIMIT_BYTES,
        registry: CollectorRegistry | None = None,
        preprocessings: Collection[Preprocessing] = (),
        work: Callable[..., Extraction] = extract,
    ) -> None:
        self._processes = processes
        self._time_limit_seconds = time_limit_seconds
        self._memory_limit_bytes = memory_limit_bytes
        self._work = work
        # Read by numpy and libc when the processes start, from the environment that they inherit.
        os.environ.update({k: v for k, v in WORKER_ENVIRONMENT.items() if k not in os.environ})
        # Forking this process would copy gRPC's threads in whatever state they are; a server that does nothing
        # but fork has none, and ends by itself when this process is gone.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        starts = context.Value("L", 0)
        self._pool = ProcessPool(
            max_workers=processes,
            max_tasks=SONGS_OF_A_PROCESS,
            initializer=_start_process,
            initargs=(starts, memory_limit_bytes, tuple(preprocessings)),
            context=context,
        )
        self._unfinished: set[Future[TimedExtraction]] = set()
        self._metrics = PoolMetrics(
            registry if registry is not None else CollectorRegistry(),
            processes=processes,
            busy=lambda: sum(future.running() for future in tuple(self._unfinished)),
            waiting=lambda: sum(not future.running() for future in tuple(self._unfinished)),
            starts=lambda: starts.value,
        )

    def warm_up(self) -> None:
        """Return when every process is ready for its first song."""
        ready = [self._pool.schedule(_is_ready) for _ in range(self._processes)]
        for future in ready:
            future.result()

    @property
    def processes(self) -> int:
        """Songs that are at work at the same time."""
        return self._processes

    @property
    def unfinished(self) -> int:
        """Songs that are at work or wait for a process."""
        return len(self._unfinished)

    def schedule(
        self,
        path: str,
        *,
        with_fma: bool,
        with_fma_native: bool = False,
        preprocessings: Mapping[int, Preprocessing] | None = None,
        excerpt: Excerpt = Excerpt.MIDDLE,
        known_keys: frozenset[str] = frozenset(),
    ) -> "ProcessFuture[TimedExtraction]":
        """Queue an extraction. Cancelling the future ends the process that works on it."""
        wanted = {
            "with_fma": with_fma,
            "with_fma_native": with_fma_native,
            "preprocessings": preprocessings,
            "excerpt": excerpt,
            "known_keys": known_keys,
        }
        future = self._pool.schedule(
            _perform, args=(self._work, path), kwargs=wanted, timeout=self._time_limit_seconds
        )
        self._unfinished.add(future)
        future.add_done_callback(self._count)
        return future

    def wait(self, future: "ProcessFuture[TimedExtraction]", patience_seconds: float | None) -> Extraction:
        """The result of `schedule`.

        Raises what the extraction raised, TimedOutError, OutOfMemoryError or DecoderCrashedError.
        """
        try:
            return future.result(timeout=patience_seconds).extraction
        except TimeoutError as error:
            if future.done():
                limit = f"{self._time_limit_seconds:g} s"
                raise TimedOutError(
                    f"the analysis of the song took longer than {limit}; it was given up"
                ) from error
            future.cancel()  # type: ignore[no-untyped-call] # pebble types its methods in part
            raise TimedOutError("the caller's deadline passed before the song was analysed") from error
        except CancelledError as error:
            raise TimedOutError("the caller gave up before the song was analysed") from error
        except ProcessExpired as error:
            raise self._death(error) from error

    def close(self) -> None:
        """Give up what runs and end every process."""
        self._pool.stop()  # type: ignore[no-untyped-call] # pebble types its methods in part
        self._pool.join()

    def _death(self, error: ProcessExpired) -> FeatureError:
        if error.exitcode == OUT_OF_MEMORY_STATUS:
            return OutOfMemoryError(
                f"the song needs more than {self._memory_limit_bytes / 2**20:.0f} MiB of memory; "
                "FEATURES_MEMORY_LIMIT_BYTES allows more, or convert the file to an ordinary format"
            )
        return DecoderCrashedError(f"the decoder died of this song (exit code {error.exitcode})")

    def _count(self, future: "Future[TimedExtraction]") -> None:
        self._unfinished.discard(future)
        outcome = _outcome(future)
        self._metrics.songs.labels(outcome).inc()
        if outcome == EXTRACTED:
            self._metrics.seconds.observe(future.result().seconds)
            return
        error = None if future.cancelled() else future.exception()
        if isinstance(error, FeatureError) and error.detail:
            log.info("a song could not be analysed", reason=outcome, detail=error.detail)
        elif outcome in (DecoderCrashedError.reason, OutOfMemoryError.reason):
            log.warning("a process died over a song and was replaced", reason=outcome)


EXTRACTED = "extracted"


def _outcome(future: "Future[TimedExtraction]") -> str:
    if future.cancelled():
        return "cancelled"
    error = future.exception()
    if error is None:
        return EXTRACTED
    if isinstance(error, FeatureError):
        return error.reason
    if isinstance(error, ProcessExpired):
        died_of_memory = error.exitcode == OUT_OF_MEMORY_STATUS
        return OutOfMemoryError.reason if died_of_memory else DecoderCrashedError.reason
    return TimedOutError.reason if isinstance(error, TimeoutError) else FeatureError.reason


def _perform(work: Callable[..., Extraction], path: str, **wanted: Any) -> TimedExtraction:
    """In the process: a song at work."""
    started = time.monotonic()
    try:
        extraction = work(path, **wanted)
    except MemoryError:
        # Its heap is grown and in pieces by now: the next song is better off with a fresh process.
        os._exit(OUT_OF_MEMORY_STATUS)
    return TimedExtraction(extraction=extraction, seconds=time.monotonic() - started)


def _start_process(starts: Any, memory_limit_bytes: int, preprocessings: Collection[Preprocessing]) -> None:
    with starts.get_lock():
        starts.value += 1
    # Ctrl-C reaches the whole process group; the parent decides when its processes end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A decoder that hangs never returns to Python, where pebble's own handler would run.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # The parent is the fork server, which goes when the service is gone, however that ended.
    die_with(os.getppid())
    warm_up(preprocessings)
    # What can be written to counts, not all that is mapped: compiled code and libraries take addresses by the gigabyte.
    # A decoder that asks for more gets none, at once, before the machine swaps or kills somebody else.
    resource.setrlimit(resource.RLIMIT_DATA, (memory_limit_bytes, memory_limit_bytes))


def _is_ready() -> None:
    """Does nothing: that it ran shows that the process is up."""
