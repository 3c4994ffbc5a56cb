"""`reclass status` on the model: which one answers, how old and how good it is, or why none does and what to do."""

import json
from collections.abc import Callable

import pytest
import typer
from models_stand_in import CANDIDATE, IN_SERVICE, RETIRED, made
from portal.commands import looking
from portal.first_guess.keeping import refresh
from songs import make_library, make_serving_model
from tagged_songs import make_tagged_song, make_tagger
from typer.testing import CliRunner

Status = Callable[..., str]


@pytest.fixture
def status(portal, monkeypatch: pytest.MonkeyPatch) -> Status:
    """What `reclass status` prints."""
    monkeypatch.setenv("PORTAL_DATABASE_URL", "postgresql://is-not-asked-for")
    monkeypatch.setenv("PORTAL_FEATURES_TARGET", portal.target)
    monkeypatch.setenv("PORTAL_INFERENCE_TARGET", portal.target)

    def run(*words: str) -> str:
        app = typer.Typer()
        looking.register(app)
        done = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["status", *words])
        assert done.exit_code == 0, done.output
        return done.stdout

    return run


def model(status: Status) -> dict[str, object]:
    return dict(json.loads(status("--json"))["model"])


def test_it_names_the_model_in_service_with_its_date_and_accuracy(portal, status: Status) -> None:
    portal.inference.models = [made(8, CANDIDATE), made(7, IN_SERVICE), made(6, RETIRED)]
    portal.inference.models[1].promote_time.FromSeconds(1_700_090_000)
    said = status()
    assert (
        "Model in service: model-7, trained 2023-11-14 22:13 UTC, in service since 2023-11-15 23:13" in said
    )
    assert "Held-out-artist accuracy: 75% of 8 (50 to 88 %)" in said
    assert "Stage 1: genre_test/1" in said
    told = model(status)
    assert (told["state"], told["ready"], told["message"]) == ("IN_SERVICE", True, "")
    assert told["in_service"] == {
        "name": "model-7",
        "heads": ["genre_test/7"],
        "trained_time": "2023-11-14T22:13:27+00:00",
        "promoted_time": "2023-11-15T23:13:20+00:00",
        "songs": 12,
        "genres": ["Jazz", "Rap"],
        "feature_versions": ["test/1"],
        "training_digest": "d1",
        "held_out": {"songs": 8, "accuracy": 0.75, "accuracy_low": 0.5, "accuracy_high": 0.875},
    }


def test_without_a_model_it_says_no_model_and_what_to_do(portal, status: Status) -> None:
    portal.inference.ready = False
    said = status()
    assert "NO_MODEL: songs get vectors and no genre." in said
    assert "run `reclass train` first." in said
    assert "reclass models promote" not in said
    portal.inference.models = [made(3, CANDIDATE)]
    assert "`reclass models promote model-3`" in status()
    told = model(status)
    assert (told["state"], told["ready"], told["in_service"]) == ("NO_MODEL", False, None)
    assert "reclass train" in str(told["message"])


def test_a_damaged_model_and_a_silent_service_are_not_called_no_model(
    portal, status: Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    portal.inference.models = [made(7, IN_SERVICE)]
    portal.inference.ready, portal.inference.trouble = False, "genre_test/7 is damaged. Train again."
    told = model(status)
    assert (told["state"], told["ready"]) == ("BROKEN", False)
    assert str(told["message"]).endswith(portal.inference.trouble)
    monkeypatch.setenv("PORTAL_INFERENCE_TARGET", "127.0.0.1:9")
    told = model(status)
    assert (told["state"], told["in_service"]) == ("UNKNOWN", None)
    assert "inference service" in str(told["message"])


def test_it_counts_first_guesses_by_genre_and_names_genres_that_cannot_be_guessed(
    portal, status: Status
) -> None:
    make_tagger()
    library = make_library()
    make_tagged_song(library, 1, jazz=0.8)
    make_tagged_song(library, 2, jazz=0.8)
    refresh()
    told = json.loads(status("--json"))
    assert told["songs"]["first_guesses"] == 2
    assert told["first_guesses"]["by_genre"] == {"Jazz": 2}
    assert "Reggae" in told["first_guesses"]["cannot_be_guessed"]
    assert "first guesses" in status()
    make_serving_model("genre_fma/3", ["Jazz"])
    refresh()
    assert "first guesses" not in status()
