"""Log lines are JSON objects with service, level and the request that they belong to."""

import json
import logging
from collections.abc import Iterator

import pytest
from runtime.telemetry import bind_request_id, clear_request_id, configure_logging, get_logger


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    clear_request_id()


def test_a_line_names_service_level_event_and_request(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(service="features")
    bind_request_id("run-7")
    get_logger("features.audio").info("extracted", path="Björk.mp3", seconds=1.5)
    line = json.loads(capsys.readouterr().err)
    assert (
        line.items()
        >= {
            "service": "features",
            "level": "info",
            "event": "extracted",
            "request_id": "run-7",
            "path": "Björk.mp3",
            "seconds": 1.5,
        }.items()
    )


def test_the_log_of_a_library_has_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(service="features")
    logging.getLogger("plexapi").warning("slow %s", "server")
    assert json.loads(capsys.readouterr().err)["event"] == "slow server"


def test_a_traceback_stays_on_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(service="features")
    try:
        raise ValueError("bad frame")
    except ValueError:
        get_logger("features").exception("failed")
    (line,) = capsys.readouterr().err.splitlines()
    assert "ValueError: bad frame" in json.loads(line)["exception"]


def test_a_traceback_for_people_tells_no_values(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(service="features", log_format="text")
    token = "of-a-stranger-no-business"
    try:
        raise ValueError(len(token))
    except ValueError:
        get_logger("features").exception("failed")
    told = capsys.readouterr().err
    assert "ValueError: 25" in told
    assert token not in told


def test_less_urgent_messages_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(service="features", level="warning")
    get_logger("features").info("chatter")
    assert capsys.readouterr().err == ""
