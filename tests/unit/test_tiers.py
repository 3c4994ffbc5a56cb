"""Every folder of long tests has a command of its own, which CI gives and CONTRIBUTING tells."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TIERS = sorted(path.name for path in (ROOT / "tests" / "tiers").iterdir() if list(path.glob("test_*.py")))
IN_CI = {
    word
    for line in (ROOT / ".ci" / "run").read_text().splitlines()
    if line.startswith(("make ", "side_by_side "))
    for word in line.split()[1:]
}
# A part of `make test`, which is in CI.
PARTS = {"test-fast"}


def targets() -> dict[str, str]:
    """The targets of the Makefile that run tests, each with what it hands to pytest."""
    makefile = (ROOT / "Makefile").read_text()
    return dict(re.findall(r"^(test[a-z-]*):.*\n\t\$\(BIN\)/pytest ?(.*)$", makefile, re.MULTILINE))


@pytest.mark.parametrize("tier", TIERS)
def test_each_tier_has_a_target(tier: str) -> None:
    assert [name for name, words in targets().items() if words.split()[-1:] == [f"tests/tiers/{tier}"]]


@pytest.mark.parametrize("target", targets())
def test_each_target_is_told_and_is_in_ci(target: str) -> None:
    assert f"| `make {target}` |" in (ROOT / "CONTRIBUTING.md").read_text()
    assert target in IN_CI or target in PARTS
