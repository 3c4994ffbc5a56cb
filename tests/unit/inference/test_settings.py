"""Settings from the environment, and what the serving process does without."""

import subprocess
import sys

import pytest
from inference.settings import InferenceSettings


def test_the_defaults_are_those_of_one_machine() -> None:
    settings = InferenceSettings()
    assert (settings.port, settings.features_target, settings.triton_target) == (
        50053,
        "127.0.0.1:50052",
        "127.0.0.1:8001",
    )
    assert (settings.model_templates / "genre_head" / "model.py").is_file()
    assert settings.threads_for_training() >= 1


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "many"), ("EXTRACT_TIMEOUT_SECONDS", "0"), ("TRAINING_THREADS", "-1")]
)
def test_nonsense_is_refused_by_name(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(f"INFERENCE_{name}", value)
    with pytest.raises(SystemExit, match="2"):
        InferenceSettings.load()
    assert f"INFERENCE_{name} is '{value}'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value"), [("MAX_CONTENT_BYTES", 80 * 2**20), ("MAX_MESSAGE_BYTES", 64 * 2**20)]
)
def test_a_file_that_would_not_fit_into_a_message_is_refused_at_the_start(
    name: str, value: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INFERENCE_TOKEN_OF_PORTAL", "a-secret")
    monkeypatch.setenv(f"INFERENCE_{name}", str(value))
    with pytest.raises(SystemExit, match="2"):
        InferenceSettings.load()
    said = capsys.readouterr().err
    assert "INFERENCE_MAX_CONTENT_BYTES is " in said
    assert "1 MiB less than INFERENCE_MAX_MESSAGE_BYTES" in said
    assert "a-secret" not in said


def test_the_serving_process_loads_no_training_library() -> None:
    """They take seconds to import and 100 MB to hold; only the training process needs them."""
    code = "import sys, inference.__main__; print(sorted({'scipy', 'matplotlib'} & set(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
