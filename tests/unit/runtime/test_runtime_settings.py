"""Settings come from the environment, secrets from files too, and nonsense is refused by name."""

from pathlib import Path
from typing import Self

import pytest
from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict
from runtime.settings import ServiceSettings


class EarSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="EAR_")

    processes: int = Field(default=2, ge=1, le=64)
    """How many songs are heard at once."""
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
