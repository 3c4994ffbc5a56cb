"""What tests with real parts share."""

import socket

import pytest


@pytest.fixture
def unused_port() -> int:
    """A port of loopback that nobody had a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
