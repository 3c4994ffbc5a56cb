"""The arrows between the members run one way, and each foreign thing has one door."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = ROOT / "services"
MEMBERS = ("runtime", "sync", "features", "inference", "portal", "standalone")

# What a member may import of ours: runtime, and the contracts of those whom it calls or whom it is.
CONTRACTS = {
    "runtime": set(),
    "sync": {"sync"},
    "features": {"features", "sync"},
    "inference": {"inference", "features"},
    "portal": {"sync", "features", "inference"},
    "standalone": set(),
}

# Foreign packages that only one module of the services may know.
DOORS = {
    "plexapi": {"sync/sync/plex.py"},
    "tritonclient": {"runtime/runtime/triton.py"},
}


def modules(member: str) -> list[Path]:
    return sorted((SERVICES / member / member).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def foreign_members(member: str) -> set[str]:
    others = set(MEMBERS) - {member, "runtime"}
    return {
        f"{path.relative_to(SERVICES)}: {name}"
        for path in modules(member)
        for name in imported(path)
        if name.split(".")[0] in others
    }


@pytest.mark.parametrize("member", MEMBERS)
def test_no_service_imports_another(member: str) -> None:
    assert modules(member), f"services/{member} has no modules: the test would prove nothing"
    assert foreign_members(member) == set()


@pytest.mark.parametrize("member", MEMBERS)
def test_a_service_knows_only_the_contracts_of_those_it_calls(member: str) -> None:
    used = {
        name.split(".")[1]
        for path in modules(member)
        for name in imported(path)
        if name.startswith("reclass.") and len(name.split(".")) > 1
    }
    assert used <= CONTRACTS[member]


@pytest.mark.parametrize("package", DOORS)
def test_a_foreign_package_has_one_door(package: str) -> None:
    users = {
        str(path.relative_to(SERVICES))
        for member in MEMBERS
        for path in modules(member)
        if any(name.split(".")[0] == package for name in imported(path))
    }
    assert users == DOORS[package]


def test_a_broad_except_stands_in_one_place_of_the_repository() -> None:
    places = {
        str(path.relative_to(SERVICES))
        for member in MEMBERS
        for path in modules(member)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or getattr(node.type, "id", "") in ("Exception", "BaseException"))
    }
    assert places == {"runtime/runtime/interceptors.py"}


def test_a_member_declares_every_member_that_it_imports() -> None:
    for member in MEMBERS:
        declared = (SERVICES / member / "pyproject.toml").read_text()
        names = {name.split(".")[0] for path in modules(member) for name in imported(path)}
        for used, distribution in (("runtime", "reclass-runtime"), ("reclass", "reclass-protos")):
            if used in names and used != member:
                assert distribution in declared, f"{member} imports {used}"
