"""Settings come from the environment, secrets from files too, and nonsense is refused by name."""

from pathlib import Path
from typing import Self

import pytest
from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict
from runtime.rights import Role
from runtime.settings import ServiceSettings


class EarSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="EAR_")

    processes: int = Field(default=2, ge=1, le=64)
    """How many songs are analysed at once."""
    key: SecretStr | None = None
    """Opens the door."""


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EAR_PROCESSES", "5")
    assert EarSettings.load().processes == 5


def test_a_secret_is_read_from_the_file_that_the_environment_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("sesame\n")
    monkeypatch.setenv("EAR_KEY_FILE", str(tmp_path / "key"))
    key = EarSettings.load().key
    assert key is not None
    assert key.get_secret_value() == "sesame"


def test_a_value_wins_over_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("file")
    monkeypatch.setenv("EAR_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("EAR_KEY", "value")
    key = EarSettings.load().key
    assert key is not None
    assert key.get_secret_value() == "value"


def test_nonsense_is_refused_with_name_value_and_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EAR_PROCESSES", "many")
    with pytest.raises(SystemExit) as caught:
        EarSettings.load()
    assert caught.value.code == 2
    message = capsys.readouterr().err
    assert "EAR_PROCESSES is 'many'" in message
    assert "valid integer" in message
    assert "How many songs" in message


def test_a_value_out_of_range_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EAR_PROCESSES", "0")
    with pytest.raises(SystemExit):
        EarSettings.load()
    assert "greater than or equal to 1" in capsys.readouterr().err


def test_a_missing_secret_file_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EAR_KEY_FILE", "/nowhere/key")
    with pytest.raises(SystemExit):
        EarSettings.load()
    assert "/nowhere/key" in capsys.readouterr().err


class TwoKeys(EarSettings):
    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        raise ValueError("half of it is missing")


def test_a_fault_of_all_values_together_shows_none_of_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EAR_KEY", "sesame")
    with pytest.raises(SystemExit):
        TwoKeys.load()
    message = capsys.readouterr().err
    assert "half of it is missing" in message
    assert "sesame" not in message


class DoorSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="DOOR_")

    token_of_portal: SecretStr | None = None
    """What the portal sends."""
    token_of_features: SecretStr | None = None
    """What features sends."""
    other_target: str = "127.0.0.1:1"
    """A part that is called."""
    other_token: SecretStr | None = None
    """What is sent there."""


def refusal(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as caught:
        DoorSettings.load()
    assert caught.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("name", ["DOOR_TOKEN_OF_PORTAL", "DOOR_OTHER_TOKEN"])
@pytest.mark.parametrize("token", ["two words", "line\nbreak", "line\rbreak", "schl\u00fcssel", "a\x00b"])
def test_a_token_that_fits_in_no_header_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    name: str,
    token: str,
) -> None:
    (tmp_path / "token").write_text(token)
    monkeypatch.setenv(f"{name}_FILE", str(tmp_path / "token"))
    said = refusal(capsys)
    assert f"{name} is (hidden): it must be one word of plain characters" in said
    assert token not in said


def test_a_line_break_at_the_end_of_a_token_is_no_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOOR_TOKEN_OF_PORTAL", "sesame\n")
    assert DoorSettings.load().tokens() == {Role.PORTAL: "sesame"}


def test_an_empty_token_file_opens_nothing_and_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "token").touch()
    monkeypatch.setenv("DOOR_TOKEN_OF_PORTAL_FILE", str(tmp_path / "token"))
    assert "DOOR_TOKEN_OF_PORTAL is (hidden): it is empty" in refusal(capsys)


def test_one_token_for_two_callers_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOOR_TOKEN_OF_PORTAL", "sesame")
    monkeypatch.setenv("DOOR_TOKEN_OF_FEATURES", "sesame")
    said = refusal(capsys)
    assert "tell callers apart and must differ" in said
    assert "sesame" not in said


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "nas.local"])  # noqa: S104 # what is tested
def test_a_service_that_other_machines_reach_does_not_start_without_a_token(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], host: str
) -> None:
    monkeypatch.setenv("DOOR_HOST", host)
    said = refusal(capsys)
    assert "DOOR_TOKEN_OF_PORTAL and DOOR_TOKEN_OF_FEATURES" in said
    monkeypatch.setenv("DOOR_TOKEN_OF_PORTAL", "sesame")
    assert DoorSettings.load().host == host


def test_the_token_that_opened_everything_is_not_passed_over_in_silence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOOR_TOKEN_FILE", "/run/secrets/service-token")
    said = refusal(capsys)
    assert "DOOR_TOKEN_FILE is read no more" in said
    assert "DOOR_TOKEN_OF_PORTAL, DOOR_TOKEN_OF_FEATURES, DOOR_OTHER_TOKEN" in said
