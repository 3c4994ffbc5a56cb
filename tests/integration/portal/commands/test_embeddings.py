"""`reclass embeddings` before a real database and a features service that speaks."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from features_stand_in import FeaturesStandIn
from portal.command_line import make_app
from portal.library.embeddings import enabled_kinds
from reclass.features.v1 import features_pb2
from runtime.testing import running_server
from typer.testing import CliRunner, Result

MERT, MUSICNN = features_pb2.VECTOR_KIND_MERT, features_pb2.VECTOR_KIND_MUSICNN
pytestmark = pytest.mark.django_db


@pytest.fixture
def reclass(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command, where MusiCNN and MERT are known and MERT is not installed."""
    features = FeaturesStandIn()
    features.versions[MUSICNN] = "musicnn/1"
    features.cards = {MUSICNN: {"cpu_seconds": 0.4, "name": "MusiCNN"}, MERT: {"cpu_seconds": 4.0}}
    app = make_app(["embeddings"])
    with running_server(features.services()) as server:
        monkeypatch.setenv("PORTAL_FEATURES_TARGET", f"127.0.0.1:{server.port}")
        monkeypatch.setenv("PORTAL_DATABASE_URL", "postgresql://is-not-asked-for")
        yield lambda *words: CliRunner(env={"COLUMNS": "160"}).invoke(app, ["embeddings", *words])


def as_data(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    data: dict[str, Any] = json.loads(result.stdout)
    return data


def test_it_prints_the_table_in_the_order_of_stages(reclass: Callable[..., Result]) -> None:
    data = as_data(reclass("--json"))
    assert [(row["kind"], row["available"], row["enabled"]) for row in data["embeddings"]] == [
        ("fma", True, True), ("musicnn", True, True), ("mert", False, True), ("jmla", False, True),
    ]  # fmt: skip
    assert (data["message"], data["proposed_order"]) == ("", [])
    shown = reclass().stdout
    assert "MusiCNN" in shown
    assert "about 400" in shown


def test_it_switches_and_orders(reclass: Callable[..., Result]) -> None:
    data = as_data(reclass("--off", "musicnn", "--order", "mert,musicnn", "--json"))
    assert [row["kind"] for row in data["embeddings"]] == ["fma", "mert", "musicnn", "jmla"]
    assert enabled_kinds() == ("fma", "mert", "jmla")
    reclass("--on", "musicnn")
    assert enabled_kinds() == ("fma", "mert", "musicnn", "jmla")


@pytest.mark.parametrize("words", [("--off", "fma"), ("--on", "vggish"), ("--order", "mert,vggish")])
def test_what_there_is_not_is_refused_and_nothing_is_changed(
    reclass: Callable[..., Result], words: tuple[str, str]
) -> None:
    refused = reclass("--off", "musicnn", *words)
    assert refused.exit_code == 1
    assert ("fma" in words) or "musicnn, mert, jmla" in refused.stderr
    assert "musicnn" in enabled_kinds()


def test_names_are_taken_as_they_are_printed_and_an_empty_order_is_refused(
    reclass: Callable[..., Result],
) -> None:
    assert "used no more" in reclass("--off", "MusiCNN", "--order", "MERT").stdout
    assert enabled_kinds() == ("fma", "mert", "jmla")
    for order in (",", ""):
        refused = reclass("--order", order)
        assert (refused.exit_code, "--order" in refused.stderr) == (1, True)
    assert reclass("--off", "FMA").exit_code == 1


def test_at_80_columns_no_heading_is_cut(
    reclass: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    reclass()
    result = CliRunner(env={"COLUMNS": "80"}).invoke(make_app(["embeddings"]), ["embeddings"])
    headings = result.stdout.splitlines()[0]
    wanted = ("embedding", "kind", "used", "values", "ms a song", "songs", "lacking", "adds")
    assert [each for each in wanted if each not in headings] == [], result.stdout
    assert max(map(len, result.stdout.splitlines()[:4])) <= 80


def test_while_features_is_silent_it_shows_what_is_known(
    reclass: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    reclass()
    monkeypatch.setenv("PORTAL_FEATURES_TARGET", "127.0.0.1:1")
    monkeypatch.setattr("portal.commands.embeddings.TIMEOUT_SECONDS", 0.3)
    data = as_data(reclass("--json"))
    assert len(data["embeddings"]) == 4
    assert data["message"]
