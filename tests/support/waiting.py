"""Waits for what is to come true, in tests."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE_SECONDS = 30.0


def until(condition: Callable[[], T], seconds: float = PATIENCE_SECONDS) -> T:
    """Look again and again; gives what `condition` gives once that is true."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.005)  # between two looks at the condition
    return found
