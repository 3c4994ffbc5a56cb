"""The plan of the system: who gets which secret, and that all stays on loopback."""

import dataclasses
import json
import stat
from pathlib import Path

import pytest
from standalone.host.data_folder import DataFolder
from standalone.processes.program import Program, Tier, supervisor_file, write_program
from standalone.system import plan as planning
from standalone.system.plan import Plan, PlexConnection, StandIn

TOKEN = "the-token-of-the-owner"


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    folder = DataFolder(root=tmp_path / "data")
    folder.prepare()
    return Plan(folder=folder, plex=PlexConnection(url="http://plex.test:32400", token=TOKEN))


def programs(plan: Plan) -> dict[str, Program]:
    return {program.name: program for program in planning.programs(plan, Path("/bin"))}


def test_the_plex_token_is_in_one_private_file_and_in_no_environment_or_command(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLEX_TOKEN", TOKEN)
    monkeypatch.setenv("SYNC_PLEX_TOKEN", TOKEN)
    for program in programs(plan).values():
        assert TOKEN not in json.dumps([program.command, dict(program.environment)])
    assert TOKEN not in repr(plan)
    file = Path(programs(plan)["sync"].environment["SYNC_PLEX_TOKEN_FILE"])
    assert file.read_text() == TOKEN
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_without_a_server_sync_is_told_of_none(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNC_PLEX_URL", "http://somewhere.test")
    lonely = dataclasses.replace(plan, plex=PlexConnection())
    assert not [name for name in programs(lonely)["sync"].environment if name.startswith("SYNC_PLEX")]


def test_the_demo_never_uses_the_real_server(plan: Plan, tmp_path: Path) -> None:
    demo = dataclasses.replace(plan, stand_in=StandIn(catalogue=tmp_path / "c.json", state=tmp_path))
    environment = programs(demo)["sync"].environment
    assert environment["SYNC_PLEX_URL"] == f"http://127.0.0.1:{demo.ports.stand_in}"
    assert Path(environment["SYNC_PLEX_TOKEN_FILE"]).read_text() != TOKEN
    assert "stand-in" in planning.probes(demo)


def test_settings_of_a_service_reach_it(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEATURES_LOG_LEVEL", "debug")
    assert programs(plan)["features"].environment["FEATURES_LOG_LEVEL"] == "debug"


def test_this_machine_is_never_asked_through_a_proxy(plan: Plan) -> None:
    kept = planning.part_environment(
        plan, "sync", {"no_proxy": "intranet", "http_proxy": "http://proxy:3128"}
    )
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
    got = planning.part_environment(plan, part, SHELL)
    assert got.keys() >= {"PATH", "LANG", "LC_TIME"}
    values = {value.removeprefix("http://user:").removesuffix("@proxy:3128") for value in got.values()}
    assert {letter for letter in "abcdefghij" if letter in values} == set(own)


def test_every_program_is_given_what_is_its_own_alone(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SHELL.items():
        monkeypatch.setenv(name, f"the shell's {value}")
    demo = dataclasses.replace(plan, stand_in=StandIn(catalogue=Path("/c"), state=Path("/s")))
    for program in programs(demo).values():
        held = {name for name in SHELL if program.environment.get(name, "").startswith("the shell's")}
        prefix = {"worker": "PORTAL_", "web": "PORTAL_"}.get(program.name, f"{program.name.upper()}_")
        assert {name for name in held if not name.startswith(prefix)} <= (
            {"PATH", "LANG", "LC_TIME"} | ({"https_proxy"} if program.name == "sync" else set())
        ), program.name


def test_every_part_is_asked_whether_it_is_healthy(plan: Plan) -> None:
    assert programs(plan).keys() == planning.probes(plan).keys() | {"postgres"}


def test_the_portal_stops_before_what_it_calls_and_the_database_last(plan: Plan) -> None:
    tiers = {name: program.tier for name, program in programs(plan).items()}
    assert tiers.pop("postgres") is Tier.DATABASE
    assert {name for name, tier in tiers.items() if tier is Tier.PORTAL} == {"web", "worker"}
    assert (
        max(
            sum(p.stop_seconds for p in [a, b, c])
            for a in programs(plan).values()
            if a.tier is Tier.PORTAL
            for b in programs(plan).values()
            if b.tier is Tier.SERVICES
            for c in programs(plan).values()
            if c.tier is Tier.DATABASE
        )
        <= 20
    )


def test_the_file_of_supervisord_holds_no_environment_and_survives_odd_paths(plan: Plan) -> None:
    text = supervisor_file(list(programs(plan).values()), socket=Path("/a %b/s"), as_root=False)
    assert "environment" not in text
    assert "file=/a %%b/s" in text
    assert str(plan.folder.root) not in text


def test_the_file_of_a_program_is_private(plan: Plan) -> None:
    path = write_program(programs(plan)["web"], plan.folder.run, parent=7)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text())["death_signal"] == 15


def test_sync_has_a_folder_of_its_own_for_what_the_portal_hands_to_it(plan: Plan) -> None:
    folder = Path(programs(plan)["sync"].environment["SYNC_FOLDER"])
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_triton_has_the_models_of_the_source_and_the_checkpoint_that_is_in_the_folder(plan: Plan) -> None:
    triton = programs(plan)["triton"]
    assert [part for part in triton.command if part.startswith("--model-repository=")] == [
        f"--model-repository={plan.folder.models}",
        f"--model-repository={plan.triton_folder / 'models'}",
    ]
    trial = plan.folder.weights / "trial"
    trial.mkdir()
    (trial / "config.json").touch()
    assert programs(plan)["triton"].environment["TRITON_MERT_WEIGHTS"] == str(trial)
    assert programs(plan)["features"].environment["FEATURES_TRITON_TARGET"] == (
        f"127.0.0.1:{plan.ports.triton_grpc}"
    )


def test_weights_that_the_environment_names_win_but_not_over_those_of_a_demo(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRITON_MERT_WEIGHTS", "/elsewhere")
    assert programs(plan)["triton"].environment["TRITON_MERT_WEIGHTS"] == "/elsewhere"
    demo = dataclasses.replace(plan, mert_weights=plan.folder.weights / "trial")
    assert programs(demo)["triton"].environment["TRITON_MERT_WEIGHTS"] == str(plan.folder.weights / "trial")


def test_inference_alone_has_the_key_of_triton_and_each_caller_a_certificate_of_its_own(plan: Plan) -> None:
    inference, features = (programs(plan)[name].environment for name in ("inference", "features"))
    key = plan.folder.secret_file("triton-key")
    assert inference["INFERENCE_TRITON_KEY_FILE"] == str(key)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert f"--key-file={key}" in programs(plan)["triton"].command
    assert str(key) not in json.dumps(dict(features))
    shown = [
        environment[f"{prefix}_TRITON_CERTIFICATE_KEY_FILE"]
        for prefix, environment in (("INFERENCE", inference), ("FEATURES", features))
    ]
    assert shown == [str(plan.folder.certificates / f"{name}.key") for name in ("inference", "features")]


def test_triton_is_reached_by_certificates_alone_and_shows_neither_http_nor_metrics(plan: Plan) -> None:
    command = programs(plan)["triton"].command
    assert f"--tls={plan.folder.certificates}" in command
    assert not [part for part in command if "http" in part or "metrics" in part]


def test_a_part_is_told_the_tokens_of_its_own_arrows_alone(plan: Plan) -> None:
    for program in programs(plan).values():
        part = "portal" if program.name in ("worker", "web") else program.name
        told = [Path(value).name for value in program.environment.values() if value.endswith("-token")]
        arrows = [name.removesuffix("-token").split("-to-") for name in told if "-to-" in name]
        assert all(part in arrow for arrow in arrows), program.name
        assert len(arrows) == {"sync": 2, "features": 3, "inference": 2, "portal": 3}.get(part, 0), (
            program.name
        )
