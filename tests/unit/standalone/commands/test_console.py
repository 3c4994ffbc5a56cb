"""What a start shows on a terminal and in a pipe, and what it says of passwords and Plex."""

import io

from rich.console import Console
from standalone.commands.console import HOW_TO_GET_PLEX, say_address, say_password, showing_start
from standalone.host.data_folder import DataFolder
from standalone.processes.startup import Progress
from standalone.system.lifecycle import System
from standalone.system.plan import Plan, PlexConnection


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
