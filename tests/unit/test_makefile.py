"""The first `make` of a newcomer: what goes wrong in it is said, and can be tried again."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKE = str(shutil.which("make"))
# Makes an environment as the real one does, without a network: its python has pip, and pip can install uv.
PYTHON = """#!/bin/sh
for folder; do :; done
mkdir -p "$folder/bin"
cat >"$folder/bin/python" <<'END'
#!/bin/sh
printf '#!/bin/sh\\n' >"$(dirname "$0")/uv"
chmod +x "$(dirname "$0")/uv"
END
chmod +x "$folder/bin/python"
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with the Makefile, and a Python that makes environments."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "protos").mkdir()
    for name in ("constraints", "requirements-dev", "requirements-members", "requirements-oracle"):
        (tmp_path / f"{name}.txt").touch()
    (tmp_path / "protos" / "pyproject.toml").touch()
    program(tmp_path / "python3.11", PYTHON)
    return tmp_path


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def made(clone: Path, python: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [MAKE, f"PYTHON={python}", ".venv/.installed"],
        cwd=clone,
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_environment_that_was_left_without_pip_is_made_anew(clone: Path) -> None:
    program(clone / ".venv/bin/python", "#!/bin/sh\necho No module named pip >&2\nexit 1\n")
    done = made(clone, f"{clone}/python3.11")
    assert (done.returncode, done.stderr) == (0, "")
    assert (clone / ".venv/.installed").exists()


def test_a_python_that_is_not_there_is_named_with_the_page_that_helps(clone: Path) -> None:
    done = made(clone, "python3.11-that-is-not-here")
    assert done.returncode != 0
    assert "There is no python3.11-that-is-not-here here. docs/install.md" in done.stdout
