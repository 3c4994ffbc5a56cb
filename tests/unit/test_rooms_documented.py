"""docs/architecture.md has the rooms of each service as they are: their tables, pictures and the walk of one song."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import models
from portal.runs.models import Run
from reclass.features.v1 import features_pb2
from reclass.inference.v1 import inference_pb2
from reclass.sync.v1 import sync_pb2

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "architecture.md"
SERVICES = ("features", "inference", "portal", "standalone")
MEMBERS = (*SERVICES, "sync", "runtime")
CALLS = {
    "sync": sync_pb2.DESCRIPTOR.services_by_name["SyncService"].methods_by_name,
    "features": features_pb2.DESCRIPTOR.services_by_name["FeatureService"].methods_by_name,
    "inference": inference_pb2.DESCRIPTOR.services_by_name["InferenceService"].methods_by_name,
}
# What a picture of the tables calls the type of a field.
TYPES = {
    "BooleanField": "boolean",
    "CharField": "text",
    "TextField": "text",
    "DateTimeField": "time",
    "FloatField": "float",
    "JSONField": "json",
    "ArrayField": "list",
    "VectorField": "vector",
    "HalfVectorField": "halfvec",
    "BigIntegerField": "integer",
    "PositiveIntegerField": "integer",
    "PositiveSmallIntegerField": "integer",
    "ForeignKey": "reference",
}


def section(title: str) -> str:
    """The text under a heading, up to the next one of its level or of a higher one."""
    level = title.split()[0]
    following = PAGE.read_text().split(f"\n{title}\n")[1]
    return re.split(rf"^#{{1,{len(level)}}} ", following, maxsplit=1, flags=re.MULTILINE)[0]


def pictures(title: str, kind: str) -> list[list[str]]:
    """The Mermaid pictures of a kind under a heading, as lines without their indents."""
    blocks = re.findall(r"^```mermaid\n(.*?)^```$", section(title), re.MULTILINE | re.DOTALL)
    lines = [[line.strip() for line in block.splitlines()] for block in blocks]
    return [block[1:] for block in lines if block[0] == kind]


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
    assert dict(re.findall(r"^\| `([^`]+)` \| (.*) \|$", section(f"### {service}"), re.MULTILINE)) == rooms(
        service
    )


@pytest.mark.parametrize("service", SERVICES)
def test_every_room_says_what_it_is_for(service: str) -> None:
    assert rooms(service)
    assert not [room for room, said in rooms(service).items() if not said.endswith(".") or "TODO" in said]


def layers_of(picture: list[str]) -> list[set[str]]:
    """The layers of a picture from the top, each with its rooms; nothing else may be drawn."""
    found: dict[str, set[str]] = {}
    arrows: list[str] = []
    layer = ""
    for line in picture:
        if opened := re.fullmatch(r'subgraph (\w+)\[" "\]', line):
            layer = opened[1]
            found[layer] = set()
        elif line == "end":
            layer = ""
        elif layer and line != "direction LR":
            assert line not in found[layer]
            found[layer].add(line)
        elif not layer:
            arrows.append(line)
    assert arrows == [" --> ".join(found)], "each layer has one arrow, to the next one"
    return list(found.values())


@pytest.mark.parametrize("member", MEMBERS)
def test_the_picture_of_a_member_has_the_layers_that_its_contracts_allow(member: str) -> None:
    settings = tomllib.loads((ROOT / "services" / member / "pyproject.toml").read_text())
    contracts = settings["tool"]["importlinter"]["contracts"]
    allowed = [[set(layer.split(" | ")) for layer in contract["layers"]] for contract in contracts]
    drawn = [layers_of(picture) for picture in pictures(f"### {member}", "flowchart TB")]
    assert drawn == allowed


def tables() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if model.__module__.startswith("portal.")]


def table(model: type[models.Model]) -> str:
    return str(model._meta.db_table)


def references() -> Iterator[str]:
    """The lines that a picture has for the references between tables."""
    own = {table(model) for model in tables()}
    for model in tables():
        for field in model._meta.concrete_fields:
            target: Any = field.related_model
            if target is None or table(target) not in own:
                continue  # a person is a row of Django's own table
            many = "o|" if field.one_to_one else "o{"
            one = "|o" if field.null else "||"
            yield f"{table(target)} {one}--{many} {table(model)} : {field.name}"


def fields_drawn(picture: list[str]) -> dict[str, list[list[str]]]:
    """Type and name of the fields that a picture has of each table."""
    found: dict[str, list[list[str]]] = {}
    name = ""
    for line in picture:
        if opened := re.fullmatch(r"(\w+) \{", line):
            name = opened[1]
            assert name not in found
            found[name] = []
        elif line == "}":
            name = ""
        elif name:
            found[name].append(line.split())
    return found


def test_the_picture_of_the_tables_has_each_of_them_and_no_other_reference() -> None:
    (picture,) = pictures("## Tables", "erDiagram")
    assert sorted(line for line in picture if "--" in line) == sorted(references())
    drawn = fields_drawn(picture)
    assert drawn.keys() == {table(model) for model in tables()}
    for model in tables():
        kinds = {field.name: type(field).__name__ for field in model._meta.concrete_fields}
        assert drawn[table(model)], f"{table(model)} has no field"
        for kind, field in drawn[table(model)]:
            assert TYPES[kinds[field]] == kind, f"{table(model)}.{field}"


def test_the_picture_of_a_run_has_all_of_its_states() -> None:
    (picture,) = pictures("## The states of a run", "stateDiagram-v2")
    arrows = [re.fullmatch(r"(\S+) --> (\S+?)(?: ?: .+)?", line) for line in picture]
    assert all(arrows), picture
    drawn = [(arrow[1], arrow[2]) for arrow in arrows if arrow]
    outside = "[*]"
    assert {state for arrow in drawn for state in arrow} - {outside} == set(Run.State.values)
    assert [state for begin, state in drawn if begin == outside] == [Run._meta.get_field("state").default]
    ended = {state for state, end in drawn if end == outside}
    assert ended == set(Run.State.values) - set(Run.ACTIVE)
    assert not [arrow for arrow in drawn if arrow[0] in ended and arrow[1] != outside]


@pytest.mark.parametrize("title", ["## One song's way", "## A training's way"])
def test_the_picture_of_a_way_names_calls_of_the_contracts(title: str) -> None:
    (picture,) = pictures(title, "sequenceDiagram")
    messages = [re.fullmatch(r"(\w+)->>(\w+): (\w+)(?:, .*)?", line) for line in picture]
    called = [(message[2], message[3]) for message in messages if message and message[2] in CALLS]
    assert called
    assert not [call for service, call in called if call not in CALLS[service]]


def steps() -> list[tuple[str, str]]:
    """Module and function of each step of the walk."""
    return re.findall(
        r"^\| `([\w/]+\.py)` \| `([\w.]+)` \|", section("## The walk of one song"), re.MULTILINE
    )


def defined(path: Path) -> set[str]:
    """The functions, classes and methods of a module."""
    names = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{each.name}" for each in node.body if isinstance(each, ast.FunctionDef)}
    return names


def test_every_step_of_the_walk_is_there() -> None:
    assert len(steps()) > 50
    missing = [
        (module, function)
        for module, function in steps()
        if function not in defined(ROOT / "services" / module)
    ]
    assert missing == []


def test_the_walk_counts_its_modules_as_they_are() -> None:
    told = re.search(r"^\| modules \| \d+ \| (\d+) \|$", section("## The walk of one song"), re.MULTILINE)
    assert told
    assert int(told[1]) == len({module for module, _ in steps()})
