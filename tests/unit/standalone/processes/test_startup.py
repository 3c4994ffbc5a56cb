"""What a person reads of the log of a part that did not start."""

import json
from pathlib import Path

from standalone.processes.startup import LONGEST_LINE, readable, tail_of


def test_a_line_of_json_says_what_happened_and_the_exception_behind_it() -> None:
    line = json.dumps(
        {"event": "call failed", "level": "error", "exception": "Traceback (...)\n  x\nValueError: no"}
    )
    assert readable(line) == "error: call failed - ValueError: no"


def test_other_lines_stay_as_they_are_but_not_endless() -> None:
    for line in ["plain text", "7", "[]", '{"some": "json"}']:
        assert readable(line) == line
    assert len(readable("x" * 5000)) == LONGEST_LINE


def test_the_tail_is_of_this_start_alone(tmp_path: Path) -> None:
    log = tmp_path / "part.log"
    log.write_text("yesterday\n")
    begun = log.stat().st_size
    with log.open("a") as file:
        file.write("today\n")
    assert tail_of(log, begun) == "today"


def test_a_log_that_was_rotated_meanwhile_is_shown_from_its_beginning(tmp_path: Path) -> None:
    log = tmp_path / "part.log"
    log.write_text("fresh\n")
    assert tail_of(log, 4096) == "fresh"


def test_a_part_without_a_log_said_nothing(tmp_path: Path) -> None:
    assert tail_of(tmp_path / "none.log") == ""
