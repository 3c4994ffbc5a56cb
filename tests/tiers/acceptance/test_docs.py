"""What the documents tell a person to type is typed here, and works."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from running_demo import BIN, ROOT, RunningDemo

pytestmark = pytest.mark.timeout(900)
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SHELL_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
MENTION = re.compile(r"`((?:make|reclass|\.ci/run) ?[^`\n]*)`")

# Typed by CI itself: they would run this very test, or make a system that this test has already.
ELSEWHERE = {
    "make demo ARGS=--exit": ".ci/run",
    "make test": ".ci/run",
    "make test-fast": ".ci/run",
}


def commands(page: Path) -> list[str]:
    blocks = SHELL_BLOCK.findall(page.read_text())
    return [line.strip() for block in blocks for line in block.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def typed() -> set[str]:
    """Commands that an earlier page has had typed already."""
    return set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_of_a_page_work(page: Path, demo: RunningDemo, typed: set[str]) -> None:
    for line in commands(page):
        command = line.split("#")[0].strip()
        if command in typed:
            continue
        typed.add(command)
        if command in ELSEWHERE:
            assert command.split(" ARGS")[0] in (ROOT / ELSEWHERE[command]).read_text(), command
            continue
        program, *arguments = shlex.split(command)
        assert program == "reclass", f"{page.name} names {command}, which no test types"
        done = demo.reclass(*arguments)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


def test_every_command_that_a_page_mentions_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    helped = subprocess.run([BIN / "reclass", "--help"], capture_output=True, text=True, check=True).stdout
    for page in PAGES:
        for mention in MENTION.findall(page.read_text()):
            program, *rest = mention.split()
            if program == "make" and rest:
                named = {word for word in rest if "=" not in word}  # the others are variables
                assert named, f"{page.name}: {mention}"
                assert named <= targets, f"{page.name}: {mention}"
            elif program == "reclass" and rest and not rest[0].startswith("-"):
                assert re.search(rf"\b{rest[0]}\b", helped), f"{page.name}: {mention}"


def test_every_link_of_a_page_leads_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
