"""Processes that decode and compute, so that a broken file can crash, hang or bloat one of them and nothing else."""

import multiprocessing
import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import CancelledError, Future, TimeoutError
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from typing import Any

from pebble import ProcessExpired, ProcessFuture, ProcessPool
from prometheus_client import CollectorRegistry
from runtime.process import die_with
from runtime.telemetry import get_logger

from features.audio.excerpts import Excerpt
from features.embeddings.embedding import Preprocessing
from features.errors import (
    DecoderCrashedError,
    FeatureError,
    OutOfMemoryError,
    ProcessesLostError,
    TimedOutError,
)
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
COUNTED_WITHIN_SECONDS = 5.0
# However large it is: the windows of a song of an hour take a second.
ANSWERED_WITHIN_SECONDS = 10.0
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

    Where one dies that had no song (the kernel ended it for want of memory, say), pebble gives up for ever: every
    process is started anew with the next song. One that was killed in the middle of its answer keeps the lock of the
    pipe that all answers take, which pebble notices after two or three minutes: every process is started anew within
    seconds, and the songs at work with it.

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
        self._preprocessings = tuple(preprocessings)
        # Read by numpy and libc when the processes start, from the environment that they inherit.
        os.environ.update({k: v for k, v in WORKER_ENVIRONMENT.items() if k not in os.environ})
        # Forking this process would copy gRPC's threads in whatever state they are; a server that does nothing
        # but fork has none, and ends by itself when this process is gone.
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(PRELOADED)
        self._starts = self._context.Value("L", 0)
        self._renewal = threading.Lock()
        self._closed = False
        self._pool = self._new_pool()
        self._unfinished: set[Future[TimedExtraction]] = set()
        self._metrics = PoolMetrics(
            registry if registry is not None else CollectorRegistry(),
            processes=processes,
            busy=lambda: sum(future.running() for future in tuple(self._unfinished)),
            waiting=lambda: sum(not future.running() for future in tuple(self._unfinished)),
            starts=lambda: self._starts.value,
        )

    def _new_pool(self) -> ProcessPool:
        return ProcessPool(
            max_workers=self._processes,
            max_tasks=SONGS_OF_A_PROCESS,
            initializer=_start_process,
            initargs=(self._starts, self._memory_limit_bytes, self._preprocessings),
            context=self._context,
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
        """Queue an extraction. Cancelling the future ends the process that works on it.

        Raises ProcessesLostError as `wait` does.
        """
        wanted = {
            "with_fma": with_fma,
            "with_fma_native": with_fma_native,
            "preprocessings": preprocessings,
            "excerpt": excerpt,
            "known_keys": known_keys,
        }
        with self._renewal:  # a song that was queued as a pool ended would wait for ever
            pool = self._running_pool()
            try:
                future = pool.schedule(
                    _perform, args=(self._work, path), kwargs=wanted, timeout=self._time_limit_seconds
                )
            except RuntimeError as error:  # what pebble raises of a pool that is closed, or broke since then
                raise ProcessesLostError(LOST) from error
            self._unfinished.add(future)
        future.add_done_callback(partial(self._count, pool))
        return future

    def wait(self, future: "ProcessFuture[TimedExtraction]", patience_seconds: float | None) -> Extraction:
        """The result of `schedule`.

        Raises what the extraction raised, TimedOutError, OutOfMemoryError or DecoderCrashedError; ProcessesLostError
        where the processes went through no fault of this song: it can be scheduled again.
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
        except BrokenProcessPool as error:
            raise ProcessesLostError(LOST) from error

    def close(self) -> None:
        """Give up what runs and end every process."""
        with self._renewal:
            self._closed = True
            _end(self._pool)

    def _running_pool(self) -> ProcessPool:
        """Under the lock of renewal."""
        if not (self._closed or self._pool.active):
            log.warning("a process died that had no song; all are started anew", processes=self._processes)
            self._renew()
        return self._pool

    def _renew(self) -> None:
        left, broken, self._pool = tuple(self._unfinished), self._pool, self._new_pool()
        _end(broken)
        for future in left:  # queued as the pool broke, which pebble tells nobody
            if not future.done():
                future.set_exception(BrokenProcessPool(LOST))

    def _renew_if_held_up(self, pool: ProcessPool) -> None:
        """After a process died: where it held the lock of the pipes, nobody else will ever have it."""
        with self._renewal:
            if self._closed or self._pool is not pool or not pool.active:
                return
            # Private to pebble, as is what it does without: each process waits a minute for the lock, and then ends.
            channel: Any = pool._pool_manager.worker_manager.workers_channel
            with channel.lock(timeout=ANSWERED_WITHIN_SECONDS) as is_free:
                pass
            if not is_free:
                log.warning(
                    "a process was killed in the middle of its answer; all are started anew",
                    processes=self._processes,
                )
                self._renew()

    def _death(self, error: ProcessExpired) -> FeatureError:
        if error.exitcode == OUT_OF_MEMORY_STATUS:
            return OutOfMemoryError(
                f"the song needs more than {self._memory_limit_bytes / 2**20:.0f} MiB of memory; "
                "FEATURES_MEMORY_LIMIT_BYTES allows more, or convert the file to an ordinary format"
            )
        return DecoderCrashedError(f"the decoder died of this song (exit code {error.exitcode})")

    def _count(self, pool: ProcessPool, future: "Future[TimedExtraction]") -> None:
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
            # By a thread of its own: this one is pebble's, which a renewal waits for.
            threading.Thread(target=self._renew_if_held_up, args=(pool,), daemon=True).start()


def _end(pool: ProcessPool) -> None:
    pool.stop()  # type: ignore[no-untyped-call] # pebble types its methods in part
    pool.join()


EXTRACTED = "extracted"
LOST = "the processes that analyse songs died before this one was through; they are started anew, try again"


def _outcome(future: "Future[TimedExtraction]") -> str:
    if future.cancelled():
        return "cancelled"
    error = future.exception()
    if error is None:
        return EXTRACTED
    if isinstance(error, FeatureError):
        return error.reason
    if isinstance(error, BrokenProcessPool):
        return ProcessesLostError.reason
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
    # Whoever was killed as it held this lock keeps it for ever, and only the count would be wrong without it.
    if starts.get_lock().acquire(timeout=COUNTED_WITHIN_SECONDS):
        starts.value += 1
        starts.get_lock().release()
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
