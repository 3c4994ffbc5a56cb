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

# Rooms and their modules with a `main`, in the order in which all of them run.
ROOMS = {
    "extraction": "features",
    "features_load": "features",
    "musicnn": "features",
    "tag_shares": "features",
    "mert_cpu": "features",
    "syncing": "portal",
    "storage": "portal",
    "public_table": "portal",
    "reclassifying": "portal",
    "deciding": "portal",
    "guessing": "portal",
    "admin_pages": "portal",
    "calling": "inference",
    "training": "inference",
    "noise": "inference",
    "imbalance": "inference",
    "split_leaks": "inference",
    "truth": "inference",
    "truth_short": "inference",
    "promise": "inference",
    "recipes": "inference",
    "embeddings": "inference",
}
# A shorter form of another one, and what makes a table: they run where they are named.
ONLY_WHERE_NAMED = {"truth_short", "tag_shares"}


def main() -> int:
    """Run what was asked for, each in a process of its own: most have a database, and Django is set up only once."""
    chosen = sys.argv[1:] or [name for name in ROOMS if name not in ONLY_WHERE_NAMED]
    for name in chosen:
        if name not in ROOMS:
            sys.exit(f"there is no benchmark {name!r}; there are {', '.join(ROOMS)}")
    if len(chosen) == 1:
        (name,) = chosen
        print(f"{name}, cores: {os.cpu_count()}\n", flush=True)
        importlib.import_module(f"benchmarks.{ROOMS[name]}.{name}").main()
        return 0
    return max(
        subprocess.run([sys.executable, "-m", "benchmarks", name], check=False).returncode for name in chosen
    )


if __name__ == "__main__":
    sys.exit(main())
