"""The arrows between the members, and between the rooms of each, run one way, and each foreign thing has one door."""

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

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


@cache
def modules(member: str) -> list[Path]:
    return sorted((SERVICES / member / member).rglob("*.py"))


@cache
def nodes(path: Path) -> list[ast.AST]:
    """Of the tree of a module: what may be looked for in them."""
    kinds = (ast.Import, ast.ImportFrom, ast.ExceptHandler)
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, kinds)]


def imported(path: Path) -> Iterator[str]:
    for node in nodes(path):
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


@pytest.mark.parametrize("member", MEMBERS)
def test_a_room_imports_only_those_below_it(member: str) -> None:
    checked = rooms_checked(SERVICES / member)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("member", MEMBERS)
def test_every_room_of_a_member_has_its_place_and_no_import_is_excused(member: str) -> None:
    linter = linter_of(member)
    assert linter["root_package"] == member
    assert linter["contracts"][0]["containers"] == [member]
    for contract in linter["contracts"]:
        assert contract["type"] == "layers"
        assert contract["exhaustive"]
        assert contract.get("ignore_imports", []) == []


@pytest.mark.parametrize("member", MEMBERS)
def test_an_import_that_runs_back_is_refused(member: str, tmp_path: Path) -> None:
    folder = tmp_path / member
    shutil.copytree(SERVICES / member, folder, ignore=shutil.ignore_patterns("__pycache__"))
    layers = linter_of(member)["contracts"][0]["layers"]
    highest, lowest = (layer.split(" | ")[-1] for layer in (layers[0], layers[-1]))
    module = folder / member / f"{lowest}.py"
    module.write_text(f"{module.read_text()}\nimport {member}.{highest}\n")
    checked = rooms_checked(folder)
    assert checked.returncode == 1
    assert f"{member}.{lowest} is not allowed to import {member}.{highest}" in checked.stdout


def linter_of(member: str) -> dict[str, Any]:
    """What a member's pyproject.toml says to import-linter."""
    return dict(tomllib.loads((SERVICES / member / "pyproject.toml").read_text())["tool"]["importlinter"])


def rooms_checked(folder: Path) -> "subprocess.CompletedProcess[str]":
    """What import-linter says of the package in a member's folder."""
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo", "pyproject.toml"]
    return subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_broad_except_stands_in_one_place_of_the_repository() -> None:
    places = {
        str(path.relative_to(SERVICES))
        for member in MEMBERS
        for path in modules(member)
        for node in nodes(path)
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
