"""The client package stands alone: what it installs, what it imports, and values that make no sense."""

import ast
import sys
import tomllib
from pathlib import Path

import pytest
from google.protobuf.any_pb2 import Any
from google.rpc import error_details_pb2, status_pb2
from packaging.requirements import Requirement
from reclass.features.v1 import features_pb2
from reclass.inference.v1 import inference_pb2
from reclass_client import Options, Outcome, Song, Vector
from reclass_client.answers import OUTCOMES, classification_of
from reclass_client.errors import BY_CODE, BY_REASON, ReclassError
from reclass_client.rich_status import error_info
from reclass_client.songs import EXCERPTS, options_to, request_for, vector_to

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "clients" / "python"
MODULES = sorted((PACKAGE / "reclass_client").glob("*.py"))
EXAMPLES = sorted((ROOT / "examples").glob("*_client.py"))


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names)


def test_it_installs_grpc_protobuf_and_the_contract_and_imports_nothing_else() -> None:
    table = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]
    assert {Requirement(line).name for line in table["dependencies"]} == {
        "grpcio",
        "protobuf",
        "reclass-protos",
    }
    assert MODULES
    assert set().union(*map(imported, MODULES)) == {"grpc", "google", "reclass", "reclass_client"}


def test_it_knows_nothing_of_google_that_protobuf_does_not_bring() -> None:
    assert all("google.rpc import" not in path.read_text() for path in MODULES)
    assert all("grpc_status" not in path.read_text() for path in MODULES)


def test_the_examples_need_the_client_alone() -> None:
    assert len(EXAMPLES) == 3
    assert {path.name: imported(path) for path in EXAMPLES} == {
        path.name: {"reclass_client"} for path in EXAMPLES
    }


@pytest.mark.parametrize("path", [*MODULES, *EXAMPLES], ids=lambda path: path.name)
def test_its_syntax_is_that_of_python_3_10(path: Path) -> None:
    ast.parse(path.read_text(), feature_version=(3, 10))


def test_every_outcome_and_excerpt_of_the_contract_has_a_name() -> None:
    assert set(OUTCOMES) == {number for number in inference_pb2.Outcome.values() if number}
    assert set(OUTCOMES.values()) == set(Outcome)
    assert set(EXCERPTS.values()) == {number for number in features_pb2.Excerpt.values() if number}


def test_every_error_but_the_root_and_those_before_anything_is_sent_has_its_code_or_reason() -> None:
    known = {*BY_CODE.values(), *BY_REASON.values()}
    kinds: set[type] = set()
    waiting: list[type] = [ReclassError]
    while waiting:
        children = waiting.pop().__subclasses__()
        kinds.update(children)
        waiting += children
    assert {kind.__name__ for kind in kinds - known} == {"FileUnreadableError", "BadArgumentError"}


def test_the_details_of_a_status_are_read_as_google_writes_them() -> None:
    detail = Any()
    detail.Pack(
        error_details_pb2.ErrorInfo(
            reason="SILENT", domain="reclass.features", metadata={"permanent": "true"}
        )
    )
    status = status_pb2.Status(code=3, message="silence", details=[Any(type_url="x/other"), detail])
    assert error_info(status.SerializeToString()) == ("SILENT", "reclass.features", {"permanent": "true"})
    assert error_info(b"") is None


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "needs a path, a rating_key, content, a file or vectors"),
        ({"path": "/a", "content": b"x"}, "path and content"),
    ],
)
def test_a_song_is_named_once(fields: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Song(**fields)  # type: ignore[arg-type]  # nonsense on purpose


def test_nonsense_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(ValueError, match="there are FMA, MUSICNN"):
        vector_to(Vector(kind="FFT", version="1", values=[0.0]))
    with pytest.raises(ValueError, match="there are middle, first, whole"):
        options_to(Options(excerpt="last"))


def test_vectors_go_with_the_audio_that_gives_what_is_lacking() -> None:
    request = request_for(
        Song(path="/music/a.mp3", vectors=[Vector(kind="MERT", version="1", values=[0.5])]), Options()
    )
    assert request.audio.path == "/music/a.mp3"
    assert request.vectors[0].kind == features_pb2.VECTOR_KIND_MERT


def test_a_summary_never_shows_a_genre_of_random_weights_or_a_guess_without_saying_so() -> None:
    answer = inference_pb2.ClassifyTrackResponse(
        outcome=inference_pb2.OUTCOME_CLASSIFIED, genre="Jazz", confidence=0.9998, random_weights=True
    )
    assert classification_of(answer).summary == "Jazz  100%  (random weights: it means nothing)"
    answer.outcome = inference_pb2.OUTCOME_OUT_OF_DISTRIBUTION
    assert classification_of(answer).summary == "unlike the songs of the training; at a guess Jazz"
    answer.outcome, answer.random_weights = inference_pb2.OUTCOME_CLASSIFIED, False
    assert classification_of(answer).summary == "Jazz  100%"
