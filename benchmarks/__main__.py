"""Runs every benchmark of this folder, or those that are named: `make bench`, `python -m benchmarks syncing`."""

import os
import sys

# Before numpy is imported anywhere: one thread, as in a process of the features service.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = "1"

from benchmarks import hearing, syncing  # noqa: E402 # the threads must be set first

BENCHMARKS = {"hearing": hearing.main, "syncing": syncing.main}

if __name__ == "__main__":
    print(f"cores: {os.cpu_count()}\n")
    for name in sys.argv[1:] or BENCHMARKS:
        if name not in BENCHMARKS:
            sys.exit(f"there is no benchmark {name!r}; there are {', '.join(BENCHMARKS)}")
        BENCHMARKS[name]()
