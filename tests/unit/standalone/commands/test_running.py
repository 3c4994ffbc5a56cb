"""Signals while a system runs, and while it stops."""

import os
import signal
from collections.abc import Iterator

import pytest
from standalone.commands.running import signals_ignored, stop_signals

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def own_signals() -> Iterator[None]:
    """The test runner gets its signals back."""
    before = {number: signal.getsignal(number) for number in NUMBERS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_signals_are_given_back_where_none_came() -> None:
    before = [signal.getsignal(number) for number in NUMBERS]
    with stop_signals(), signals_ignored():
        os.kill(os.getpid(), signal.SIGTERM)
    assert [signal.getsignal(number) for number in NUMBERS] == before


def test_a_stop_that_was_asked_for_is_not_disturbed_by_a_second_signal() -> None:
    with stop_signals():
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)  # between the first and the stop, too
        with signals_ignored():
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGINT)  # and up to the end of the process
