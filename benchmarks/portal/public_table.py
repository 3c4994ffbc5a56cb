"""The public FMA table at its real size: imported, and evaluated on, beside pandas that reads the same two files."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.support.big_database import big_database
from benchmarks.support.made_public_table import BEST_FILE
from benchmarks.support.peaks import peaks_of
from benchmarks.support.services import inference_service
from benchmarks.support.targets import at_most

SHARE = os.environ.get("BENCH_PUBLIC_SHARE", "1")
"""Of the real table's size."""
MOST_TIME, MOST_MEMORY = 3.0, 0.25
"""Of pandas', which only reads, and in C; ours also stores."""
# As the `load` of the data set's own utils.py reads the two, without what it makes of tags and dates afterwards.
PANDAS = """
import sys, pandas
tracks = pandas.read_csv(sys.argv[1] + "/tracks.csv", index_col=0, header=[0, 1])
features = pandas.read_csv(sys.argv[1] + "/features.csv", index_col=0, header=[0, 1, 2])
"""
SIZE = "SELECT count(*), pg_total_relation_size('public_publicsong') FROM public_publicsong"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a command took."""

    seconds: float
    processor_seconds: float
    mib: Mapping[str, float]
    """The most memory of each family of processes."""
    output: str

    @property
    def all_mib(self) -> float:
        """Of all who took part, as if each had its most at the same time."""
        return sum(self.mib.values())


def main() -> None:
    """Print time and memory of pandas, of an import, of an import again, and of both evaluations."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        _make(folder)
        print(f"{'':40}{'seconds':>9}{'CPU s':>8}  MiB of each process and its children")
        pandas = _measured("pandas reads both files", [sys.executable, "-c", PANDAS, str(folder)])
        server = stack.enter_context(big_database(0, vectors=False))
        roots = {"PostgreSQL": server.pid}
        command = [str(Path(sys.executable).with_name("reclass"))]
        first = _measured("import-fma", [*command, "import-fma", str(folder)], roots)
        _measured("import-fma again: nothing is new", [*command, "import-fma", str(folder)], roots)
        _print_size()
        # Without a Triton: an evaluation leaves no model.
        inference = stack.enter_context(inference_service(folder / "models"))
        roots["inference"] = inference.pid
        os.environ["PORTAL_INFERENCE_TARGET"] = inference.target
        for subset in ("small", "medium"):
            _evaluate(command, folder, subset, roots)
        print(at_most("time of an import by pandas'", first.seconds / pandas.seconds, MOST_TIME, "times"))
        print(at_most("its memory by pandas'", first.all_mib / pandas.all_mib, MOST_MEMORY, "times"))


def _make(folder: Path) -> None:
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "benchmarks.support.made_public_table", str(folder), SHARE], check=True
    )
    sizes = ", ".join(f"{path.name} {path.stat().st_size / 1e6:,.0f} MB" for path in folder.glob("*.csv"))
    print(f"{sizes}, made in {time.perf_counter() - started:.0f} s; load {os.getloadavg()[0]:.1f}\n")


def _measured(name: str, command: list[str], roots: Mapping[str, int] | None = None) -> Measured:
    """Run it to its end; what it says is kept."""
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT)
        with peaks_of({"itself": process.pid, **(roots or {})}) as peaks:
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
        said.seek(0)
        output = said.read()
    if process.returncode:
        raise SystemExit(f"{' '.join(command[:2])} ended with {process.returncode}: {output[-2000:]}")
    own = usage.ru_utime + usage.ru_stime
    each = ", ".join(f"{family} {mib:,.0f}" for family, mib in peaks.most.items())
    print(f"{name:40}{seconds:9.1f}{own:8.1f}  {each}", flush=True)
    return Measured(seconds=seconds, processor_seconds=own, mib=peaks.most, output=output)


def _print_size() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(SIZE)
        songs, size = cursor.fetchone()
    print(f"in the database: {songs:,} songs, {size / 1e6:,.0f} MB", flush=True)


def _evaluate(command: list[str], folder: Path, subset: str, roots: Mapping[str, int]) -> None:
    out = folder / subset
    asked = ["evaluate", "--fma", str(folder), "--subset", subset, "--out", str(out)]
    _measured(f"evaluate --fma --subset {subset}", [*command, *asked], roots)
    report = json.loads((out / "report.json").read_text())
    stage = report["stage"]
    best = json.loads((folder / BEST_FILE).read_text())[subset]
    print(
        f"    {report['training_songs']:,} + {report['validation_songs']:,} + {report['test_songs']:,} songs; "
        f"accuracy {stage['held_out_accuracy']:.3f} ({stage['held_out_accuracy_low']:.3f} to "
        f"{stage['held_out_accuracy_high']:.3f}), the true posterior's {best:.3f}, "
        f"ECE {stage['calibration_error_after']:.3f}; learned in {report['seconds']:.0f} s",
        flush=True,
    )
