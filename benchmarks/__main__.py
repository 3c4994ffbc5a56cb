"""Runs every benchmark of this folder: `make bench`."""

import os

# Before numpy is imported anywhere: one thread, as in a process of the features service.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = "1"

from benchmarks import hearing  # noqa: E402 # the threads must be set first

if __name__ == "__main__":
    print(f"cores: {os.cpu_count()}\n")
    hearing.main()
