"""Decoders as bad as any: each does to its process what a bug in native code does. The file's name says which."""

import ctypes
import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from features.workers.extraction import Extraction, extract


def decode(path: str, **wanted: Any) -> Extraction:
    """What the pool has its processes do, but for files with these names."""
    if Path(path).name == "long.flac":
        return decode_at_length(path, **wanted)
    fault = FAULTS.get(Path(path).name)
    if fault:
        fault()
    return extract(path, **wanted)


def decode_at_length(path: str, **wanted: Any) -> Extraction:
    """Says in a file beside it which process has the song; answers once that is gone, with more than a pipe holds."""
    told = Path(path).with_suffix(".pid")
    extraction = extract(path, **wanted)
    told.write_text(str(os.getpid()))
    while told.exists():
        time.sleep(0.01)  # polled, as a process without a line to the test
    large = np.zeros((4, 2**20), dtype=np.float32)
    return replace(extraction, windows={1: large})


def read_from_nowhere() -> None:
    ctypes.string_at(0)


def hang() -> None:
    """Inside native code, with the interpreter's lock held and deaf to SIGTERM, for ever."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    ctypes.PyDLL(None).pause()


def eat() -> None:
    """More and more memory; writing to it would only take a loaded machine longer than the limit of time."""
    eaten = []
    while True:
        eaten.append(np.empty(2**22))


def eat_in_native_code() -> None:
    """The same, where nobody asks whether there was any: the process writes to address 0 in the end."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    while True:
        ctypes.memset(libc.malloc(ctypes.c_size_t(2**25)), 1, 1)


def abort() -> None:
    os.abort()


FAULTS = {
    "segfault.flac": read_from_nowhere,
    "abort.flac": abort,
    "hang.flac": hang,
    "eat.flac": eat,
    "eat_in_native_code.flac": eat_in_native_code,
}
