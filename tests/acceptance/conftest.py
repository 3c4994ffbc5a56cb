"""One demo system for all acceptance tests: making it is the first of them."""

from collections.abc import Callable, Iterator

import pytest
from running_demo import RunningDemo, running_demo


@pytest.fixture(scope="session")
def demo() -> Iterator[RunningDemo]:
    """The running demo. At its end it must stop with status 0 and leave no process."""
    with running_demo() as running:
        yield running


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[object], None]:
    """Prints a figure that a reader of the test run wants to see, whether the test passes or not."""

    def print_through(text: object) -> None:
        with capsys.disabled():
            print(f"\n{text}", end="")  # noqa: T201 # that is what it is for

    return print_through
