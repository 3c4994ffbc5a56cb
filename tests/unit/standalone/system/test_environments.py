"""What each part gets of the environment of `reclass up`."""

import dataclasses
from pathlib import Path

import pytest
from standalone.system.environments import part_environment
from standalone.system.plan import Plan, StandIn
from standalone.system.programs import programs


def test_this_machine_is_never_asked_through_a_proxy(plan: Plan) -> None:
    kept = part_environment(plan, "sync", {"no_proxy": "intranet", "http_proxy": "http://proxy:3128"})
    assert kept["no_proxy"] == "intranet,127.0.0.1,localhost"


SHELL = {
    "PATH": "/bin",
    "LANG": "de_DE.UTF-8",
    "LC_TIME": "C",
    "AWS_SECRET_ACCESS_KEY": "a",
    "PLEX_TOKEN": "b",
    "PGPASSWORD": "c",
    "https_proxy": "http://user:d@proxy:3128",
    "SYNC_PLEX_TOKEN": "e",
    "SYNC_LOG_LEVEL": "f",
    "FEATURES_SYNC_TOKEN": "g",
    "INFERENCE_TRITON_KEY": "h",
    "PORTAL_SECRET_KEY": "i",
    "TRITON_MERT_LAYERS": "j",
}


@pytest.mark.parametrize(
    ("part", "own"),
    [
        (None, ""),
        ("sync", "df"),
        ("features", "g"),
        ("inference", "h"),
        ("triton", "j"),
        ("portal", "i"),
    ],
)
def test_a_part_gets_its_own_settings_and_no_other_secret_of_the_shell(
    plan: Plan, part: str | None, own: str
) -> None:
    got = part_environment(plan, part, SHELL)
    assert got.keys() >= {"PATH", "LANG", "LC_TIME"}
    values = {value.removeprefix("http://user:").removesuffix("@proxy:3128") for value in got.values()}
    assert {letter for letter in "abcdefghij" if letter in values} == set(own)


def test_every_program_is_given_what_is_its_own_alone(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SHELL.items():
        monkeypatch.setenv(name, f"the shell's {value}")
    demo = dataclasses.replace(plan, stand_in=StandIn(catalogue=Path("/c"), state=Path("/s")))
    for program in programs(demo, Path("/bin")):
        held = {name for name in SHELL if program.environment.get(name, "").startswith("the shell's")}
        prefix = {"worker": "PORTAL_", "web": "PORTAL_"}.get(program.name, f"{program.name.upper()}_")
        assert {name for name in held if not name.startswith(prefix)} <= (
            {"PATH", "LANG", "LC_TIME"} | ({"https_proxy"} if program.name == "sync" else set())
        ), program.name
