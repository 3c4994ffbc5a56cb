"""The programs of the system: who gets which secret, how each is asked for its health, who stops when."""

import dataclasses
import json
import stat
from pathlib import Path

import pytest
from standalone.processes.program import Program, Tier, supervisor_file, write_program
from standalone.system.plan import Plan, PlexConnection, StandIn
from standalone.system.programs import probes, programs


def programs_of(plan: Plan) -> dict[str, Program]:
    return {program.name: program for program in programs(plan, Path("/bin"))}


def test_the_plex_token_is_in_one_private_file_and_in_no_environment_or_command(
    plan: Plan, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLEX_TOKEN", token)
    monkeypatch.setenv("SYNC_PLEX_TOKEN", token)
    for program in programs_of(plan).values():
        assert token not in json.dumps([program.command, dict(program.environment)])
    assert token not in repr(plan)
    file = Path(programs_of(plan)["sync"].environment["SYNC_PLEX_TOKEN_FILE"])
    assert file.read_text() == token
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_without_a_server_sync_is_told_of_none(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNC_PLEX_URL", "http://somewhere.test")
    lonely = dataclasses.replace(plan, plex=PlexConnection())
    assert not [name for name in programs_of(lonely)["sync"].environment if name.startswith("SYNC_PLEX")]


def test_the_demo_never_uses_the_real_server(plan: Plan, token: str, tmp_path: Path) -> None:
    demo = dataclasses.replace(plan, stand_in=StandIn(catalogue=tmp_path / "c.json", state=tmp_path))
    environment = programs_of(demo)["sync"].environment
    assert environment["SYNC_PLEX_URL"] == f"http://127.0.0.1:{demo.ports.stand_in}"
    assert Path(environment["SYNC_PLEX_TOKEN_FILE"]).read_text() != token
    assert "stand-in" in probes(demo)


def test_settings_of_a_service_reach_it(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEATURES_LOG_LEVEL", "debug")
    assert programs_of(plan)["features"].environment["FEATURES_LOG_LEVEL"] == "debug"


def test_every_part_is_asked_whether_it_is_healthy(plan: Plan) -> None:
    assert programs_of(plan).keys() == probes(plan).keys() | {"postgres"}


def test_the_portal_stops_before_what_it_calls_and_the_database_last(plan: Plan) -> None:
    tiers = {name: program.tier for name, program in programs_of(plan).items()}
    assert tiers.pop("postgres") is Tier.DATABASE
    assert {name for name, tier in tiers.items() if tier is Tier.PORTAL} == {"web", "worker"}
    assert (
        max(
            sum(p.stop_seconds for p in [a, b, c])
            for a in programs_of(plan).values()
            if a.tier is Tier.PORTAL
            for b in programs_of(plan).values()
            if b.tier is Tier.SERVICES
            for c in programs_of(plan).values()
            if c.tier is Tier.DATABASE
        )
        <= 20
    )


def test_the_file_of_supervisord_holds_no_environment_and_survives_odd_paths(plan: Plan) -> None:
    text = supervisor_file(list(programs_of(plan).values()), socket=Path("/a %b/s"), as_root=False)
    assert "environment" not in text
    assert "file=/a %%b/s" in text
    assert str(plan.folder.root) not in text


def test_the_file_of_a_program_is_private(plan: Plan) -> None:
    path = write_program(programs_of(plan)["web"], plan.folder.run, parent=7)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text())["death_signal"] == 15


def test_sync_has_a_folder_of_its_own_for_what_the_portal_hands_to_it(plan: Plan) -> None:
    folder = Path(programs_of(plan)["sync"].environment["SYNC_FOLDER"])
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_triton_has_the_models_of_the_source_and_the_checkpoint_that_is_in_the_folder(plan: Plan) -> None:
    triton = programs_of(plan)["triton"]
    assert [part for part in triton.command if part.startswith("--model-repository=")] == [
        f"--model-repository={plan.folder.models}",
        f"--model-repository={plan.triton_folder / 'models'}",
    ]
    trial = plan.folder.weights / "trial"
    trial.mkdir()
    (trial / "config.json").touch()
    assert programs_of(plan)["triton"].environment["TRITON_MERT_WEIGHTS"] == str(trial)
    assert programs_of(plan)["features"].environment["FEATURES_TRITON_TARGET"] == (
        f"127.0.0.1:{plan.ports.triton_grpc}"
    )


def test_weights_that_the_environment_names_win_but_not_over_those_of_a_demo(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRITON_MERT_WEIGHTS", "/elsewhere")
    assert programs_of(plan)["triton"].environment["TRITON_MERT_WEIGHTS"] == "/elsewhere"
    demo = dataclasses.replace(plan, mert_weights=plan.folder.weights / "trial")
    assert programs_of(demo)["triton"].environment["TRITON_MERT_WEIGHTS"] == str(
        plan.folder.weights / "trial"
    )


def test_inference_alone_has_the_key_of_triton_and_each_caller_a_certificate_of_its_own(plan: Plan) -> None:
    inference, features = (programs_of(plan)[name].environment for name in ("inference", "features"))
    key = plan.folder.secret_file("triton-key")
    assert inference["INFERENCE_TRITON_KEY_FILE"] == str(key)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert f"--key-file={key}" in programs_of(plan)["triton"].command
    assert str(key) not in json.dumps(dict(features))
    shown = [
        environment[f"{prefix}_TRITON_CERTIFICATE_KEY_FILE"]
        for prefix, environment in (("INFERENCE", inference), ("FEATURES", features))
    ]
    assert shown == [str(plan.folder.certificates / f"{name}.key") for name in ("inference", "features")]


def test_triton_is_reached_by_certificates_alone_and_shows_neither_http_nor_metrics(plan: Plan) -> None:
    command = programs_of(plan)["triton"].command
    assert f"--tls={plan.folder.certificates}" in command
    assert not [part for part in command if "http" in part or "metrics" in part]


def test_a_part_is_told_the_tokens_of_its_own_arrows_alone(plan: Plan) -> None:
    for program in programs_of(plan).values():
        part = "portal" if program.name in ("worker", "web") else program.name
        told = [Path(value).name for value in program.environment.values() if value.endswith("-token")]
        arrows = [name.removesuffix("-token").split("-to-") for name in told if "-to-" in name]
        assert all(part in arrow for arrow in arrows), program.name
        assert len(arrows) == {"sync": 2, "features": 3, "inference": 2, "portal": 3}.get(part, 0), (
            program.name
        )
