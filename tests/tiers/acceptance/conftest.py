"""One demo system for all acceptance tests: making it is the first of them."""

from collections.abc import Iterator

import pytest
from running_demo import RunningDemo, running_demo


@pytest.fixture(scope="session")
def demo() -> Iterator[RunningDemo]:
    """The running demo. At its end it must stop with status 0 and leave no process."""
    with running_demo() as running:
        yield running
