"""Signals while a system runs, and while it stops."""

import os
import signal

import pytest
from standalone.commands.running import signals_ignored, stop_signals


def test_a_stop_that_was_asked_for_is_not_disturbed_by_a_second_signal() -> None:
    with stop_signals():
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
        with signals_ignored():
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGINT)
