"""docs/architecture.md lists the rooms of each service as they are, each with what its package says of itself."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = ("features", "inference", "portal", "standalone")


def rooms(service: str) -> dict[str, str]:
    """Folders of a service with the first sentence of their packages."""
    base = ROOT / "services" / service / service
    return {
        f"{package.parent.relative_to(base)}/": first_paragraph(package)
        for package in base.rglob("__init__.py")
        if package.parent != base and "migrations" not in package.parts
    }


def first_paragraph(package: Path) -> str:
    said = ast.get_docstring(ast.parse(package.read_text())) or ""
    return " ".join(said.split("\n\n")[0].split())


@pytest.mark.parametrize("service", SERVICES)
def test_the_rooms_of_a_service_are_documented_as_they_are(service: str) -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    section = page.split(f"### {service}\n")[1].split("\n#")[0]
    assert dict(re.findall(r"^\| `([^`]+)` \| (.*) \|$", section, re.MULTILINE)) == rooms(service)


@pytest.mark.parametrize("service", SERVICES)
def test_every_room_says_what_it_is_for(service: str) -> None:
    assert rooms(service)
    assert not [room for room, said in rooms(service).items() if not said.endswith(".") or "TODO" in said]
