"""What the environment and the options of `reclass up` make of a system."""

import pytest
import typer
from standalone.commands.up import plan_of
from standalone.demo.folder import DemoFolder
from standalone.host.data_folder import DataFolder
from standalone.settings import PlexSettings, SystemSettings
from standalone.system.plan import PlexConnection


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


def test_the_folder_of_a_demo_goes_on_as_a_demo(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLEX_URL", "http://plex.test:32400")
    monkeypatch.setenv("PLEX_TOKEN", "real")
    catalogue = DemoFolder(data=folder).catalogue
    catalogue.parent.mkdir(parents=True)
    catalogue.write_text("{}")
    plan = plan_of(SystemSettings.load(), PlexSettings.load(), folder.root)
    assert plan.stand_in is not None
    assert plan.plex == PlexConnection()


def test_the_command_line_gets_both_commands() -> None:
    from importlib.metadata import entry_points

    app = typer.Typer()
    for point in entry_points(group="reclass.commands"):
        if point.module.startswith("standalone."):
            point.load()(app)
    assert {command.name for command in app.registered_commands} == {"up", "demo"}
