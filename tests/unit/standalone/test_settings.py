"""Settings of `reclass up`: nonsense is refused by name before anything starts."""

import pytest
from standalone.settings import PlexSettings, SystemSettings


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
