"""Runs the benchmarks of this folder: all (`make bench`), or those that are named (`make bench NAMES="storage"`)."""

import importlib
import os
import subprocess
import sys

# Before numpy is imported anywhere: one thread, as in a process of the features service.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"
# As in Triton: threads that wait for each other do not spin.
os.environ["OMP_WAIT_POLICY"] = "passive"

# Modules with a `main`, in the order in which all of them run.
NAMES = (
    "hearing",
    "features_load",
    "mert_cpu",
    "syncing",
    "storage",
    "public_table",
    "reclassifying",
    "admin_pages",
    "calling",
    "training",
    "noise",
    "imbalance",
)


def main() -> int:
    """Run what was asked for, each in a process of its own: most have a database, and Django is set up only once."""
    chosen = sys.argv[1:] or list(NAMES)
    for name in chosen:
        if name not in NAMES:
            sys.exit(f"there is no benchmark {name!r}; there are {', '.join(NAMES)}")
    if len(chosen) == 1:
        print(f"{chosen[0]}, cores: {os.cpu_count()}\n", flush=True)
        importlib.import_module(f"benchmarks.{chosen[0]}").main()
        return 0
    return max(
        subprocess.run([sys.executable, "-m", "benchmarks", name], check=False).returncode for name in chosen
    )


if __name__ == "__main__":
    sys.exit(main())
