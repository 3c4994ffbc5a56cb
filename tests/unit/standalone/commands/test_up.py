"""What `reclass up` says to a person, and what it takes from the environment."""

import io
import os
import signal
from pathlib import Path

import pytest
import typer
from rich.console import Console
from standalone.commands.demo import make_library
from standalone.commands.up import (
    HOW_TO_GET_PLEX,
    plan_of,
    say_address,
    say_password,
    showing_start,
    signals_ignored,
    stop_signals,
)
from standalone.demo.folder import DemoFolder
from standalone.errors import MissingPartError
from standalone.host.data_folder import DataFolder
from standalone.processes.startup import Progress
from standalone.settings import PlexSettings, SystemSettings
from standalone.system.lifecycle import System, check_triton
from standalone.system.plan import Plan, PlexConnection


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    folder = DataFolder(root=tmp_path.resolve() / "data")
    folder.prepare()
    return folder


def console(*, terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=200)


def printed(target: Console) -> str:
    assert isinstance(target.file, io.StringIO)
    return target.file.getvalue()


def test_a_terminal_shows_the_password_once(folder: DataFolder) -> None:
    folder.admin_password.write_text("one-time\n")
    first, second = console(terminal=True), console(terminal=True)
    say_password(folder.admin_password, first)
    say_password(folder.admin_password, second)
    assert "one-time" in printed(first)
    assert printed(second) == ""


def test_a_log_gets_the_place_of_the_password_but_not_the_password(folder: DataFolder) -> None:
    folder.admin_password.write_text("one-time\n")
    log = console(terminal=False)
    say_password(folder.admin_password, log)
    assert str(folder.admin_password) in printed(log)
    assert "one-time" not in printed(log)
    assert folder.admin_password.exists()


def test_a_pipe_is_told_what_starts_and_what_is_late_as_it_happens() -> None:
    pipe = console(terminal=False)
    with showing_start(pipe) as observe:
        observe("features", Progress.STARTING)
        assert printed(pipe) == "Starting features ...\n"
        observe("features", Progress.LATE)
        assert "features is late: RECLASS_START_TIMEOUT_SECONDS is over" in printed(pipe)
        observe("features", Progress.READY)
        assert printed(pipe).endswith("features is ready (0 s)\n")


def test_a_pipe_is_told_how_many_songs_of_the_demo_are_made(tmp_path: Path) -> None:
    pipe = console(terminal=False)
    demo = DemoFolder(data=DataFolder(root=tmp_path))
    make_library(demo, 2, pipe)
    lines = printed(pipe).splitlines()
    assert lines[0] == "Making songs ..."
    assert lines[-1] == "Making songs: 32 of 32"


def test_a_terminal_is_told_of_what_is_late_too() -> None:
    terminal = console(terminal=True)
    with showing_start(terminal) as observe:
        observe("features", Progress.STARTING)
        observe("features", Progress.LATE)
        observe("features", Progress.READY)
    assert "RECLASS_START_TIMEOUT_SECONDS" in printed(terminal)


def test_without_a_server_it_says_how_to_get_address_and_token(folder: DataFolder) -> None:
    plan = Plan(folder=folder)
    said = console(terminal=False)
    say_address(System(plan), plan, said)
    assert HOW_TO_GET_PLEX in printed(said)
    assert "http://127.0.0.1:8000/" in printed(said)


def test_once_the_portal_was_told_of_a_server_it_does_not(folder: DataFolder) -> None:
    (folder.sync / "kept").write_text("{}")
    plan = Plan(folder=folder)
    said = console(terminal=False)
    say_address(System(plan), plan, said)
    assert "Plex is not configured" not in printed(said)


def test_with_a_server_it_does_not(folder: DataFolder) -> None:
    plan = Plan(folder=folder, plex=PlexConnection(url="http://plex.test", token="secret"))
    said = console(terminal=False)
    say_address(System(plan), plan, said)
    assert "PLEX_TOKEN" not in printed(said)
    assert "secret" not in printed(said)


def test_ports_and_the_server_come_from_the_environment(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECLASS_SYNC_PORT", "50151")
    monkeypatch.setenv("PLEX_URL", "http://plex.test:32400")
    token_file = folder.secrets / "given"
    token_file.write_text("from-a-file\n")
    monkeypatch.setenv("PLEX_TOKEN_FILE", str(token_file))
    plan = plan_of(SystemSettings.load(), PlexSettings.load(), folder.root)
    assert plan.ports.sync == 50151
    assert plan.plex == PlexConnection(url="http://plex.test:32400", token="from-a-file")


def test_a_port_that_is_none_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RECLASS_WEB_PORT", "70000")
    with pytest.raises(SystemExit) as refusal:
        SystemSettings.load()
    assert refusal.value.code == 2
    assert "RECLASS_WEB_PORT is '70000'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PLEX_URL", "192.168.1.10:32400", "PLEX_URL is '192.168.1.10:32400': it must begin with http://"),
        ("PLEX_URL", "http://", "PLEX_URL is 'http://': it must begin with http://"),
        ("PLEX_TOKEN", "two words", "PLEX_TOKEN is (hidden): it must be one word"),
    ],
)
def test_a_server_that_cannot_be_meant_is_refused_by_name_before_anything_starts(
    name: str, value: str, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as refusal:
        PlexSettings.load()
    assert refusal.value.code == 2
    said = capsys.readouterr().err
    assert f" {says}" in said
    assert "two words" not in said


def test_blanks_around_address_and_token_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLEX_URL", " http://plex.test:32400\n")
    monkeypatch.setenv("PLEX_TOKEN", " token ")
    settings = PlexSettings.load()
    assert settings.token is not None
    assert (settings.url, settings.token.get_secret_value()) == ("http://plex.test:32400", "token")
    monkeypatch.setenv("PLEX_URL", " ")
    monkeypatch.setenv("PLEX_TOKEN", " ")
    settings = PlexSettings.load()
    assert (settings.url, settings.token) == ("", None)


@pytest.mark.parametrize(
    ("name", "value", "missing"),
    [("PLEX_URL", "http://plex.test:32400", "PLEX_TOKEN"), ("PLEX_TOKEN", "my-token", "PLEX_URL")],
)
def test_an_address_without_its_token_and_the_reverse_are_refused_with_what_is_missing(
    name: str, value: str, missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as refusal:
        PlexSettings.load()
    assert refusal.value.code == 2
    said = capsys.readouterr().err
    assert f"settings: {name} is set and {missing} is not" in said
    assert value not in said


def test_the_folder_of_a_demo_goes_on_as_a_demo(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLEX_URL", "http://plex.test:32400")
    monkeypatch.setenv("PLEX_TOKEN", "real")
    catalogue = DemoFolder(data=folder).catalogue
    catalogue.parent.mkdir(parents=True)
    catalogue.write_text("{}")
    plan = plan_of(SystemSettings.load(), PlexSettings.load(), folder.root)
    assert plan.stand_in is not None
    assert plan.plex == PlexConnection()


def test_a_missing_environment_of_triton_is_said_with_the_command_that_makes_it(folder: DataFolder) -> None:
    with pytest.raises(MissingPartError, match=r"/nowhere/python is missing\. Run: make install"):
        check_triton(Plan(folder=folder, triton_python=Path("/nowhere/python")))


def test_a_stop_that_was_asked_for_is_not_disturbed_by_a_second_signal() -> None:
    with stop_signals():
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
        with signals_ignored():
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGINT)


def test_the_command_line_gets_both_commands() -> None:
    from importlib.metadata import entry_points

    app = typer.Typer()
    for point in entry_points(group="reclass.commands"):
        if point.module.startswith("standalone."):
            point.load()(app)
    assert {command.name for command in app.registered_commands} == {"up", "demo"}
