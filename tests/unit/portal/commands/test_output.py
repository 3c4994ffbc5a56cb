"""A command whose output cannot be written ends by a sentence, whatever the output leads to."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

TEXT = "Ø – „ı“ 𝄞 \\udcff"
PRINT = {
    "one": f"sys.stdout.write('{TEXT}\\n')",
    "many": f"sys.stdout.writelines(['{TEXT}\\n'] * 100_000)",
    "rich": f"from portal.commands.terminal import Terminal; Terminal().print('{TEXT}' * 10_000)",
}


def run(code: str, **options: object) -> subprocess.CompletedProcess[bytes]:
    program = f"import sys\nfrom portal.commands.output import printing\nwith printing():\n    {code}\n"
    return subprocess.run([sys.executable, "-c", program], check=False, stderr=subprocess.PIPE, **options)


@pytest.mark.parametrize("code", PRINT.values(), ids=PRINT)
def test_a_full_disk_is_told_and_is_a_failure(code: str) -> None:
    with Path("/dev/full").open("wb") as full:
        done = run(code, stdout=full)
    assert done.returncode == 1
    assert done.stderr.decode() == "reclass: the output could not be written: No space left on device\n"


@pytest.mark.parametrize("code", PRINT.values(), ids=PRINT)
def test_a_closed_output_is_nothing_to_complain_of(code: str) -> None:
    program = f"import sys\nfrom portal.commands.output import printing\nwith printing():\n    {code}\n"
    for words in ('exec "$0" -c "$1" >&-', 'exec "$0" -c "$1" | head -c 1'):
        done = subprocess.run(
            ["/bin/sh", "-c", words, sys.executable, program], check=False, capture_output=True
        )
        assert done.stderr == b"", words


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8", "cp1252"])
def test_a_letter_that_the_encoding_lacks_stays_json(encoding: str) -> None:
    """One that stands alone for half of another, as of a file's name that is no UTF-8, is in none."""
    code = f"import json; sys.stdout.write(json.dumps('{TEXT}', ensure_ascii=False))"
    done = run(code, stdout=subprocess.PIPE, env={"PYTHONIOENCODING": encoding, "PATH": "/usr/bin"})
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout.decode(encoding)) == "Ø – „ı“ 𝄞 \udcff"


@pytest.mark.parametrize("code", ["raise OSError(28, 'elsewhere')", "raise ZeroDivisionError"])
def test_another_fault_is_no_fault_of_the_output(code: str) -> None:
    done = run(code, stdout=subprocess.PIPE)
    assert b"Traceback" in done.stderr
    assert b"could not be written" not in done.stderr
