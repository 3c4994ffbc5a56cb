"""What the tests of inference share."""

from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Small products gain nothing from threads, and lose much where other tests hold the cores."""
    with threadpool_limits(limits=1):
        yield
