"""What tests of every service share: the database, started once and only when a test asks for it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from postgres_server import PostgresServer, postgres_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server for this test run."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def django_db_modify_db_settings(postgres: PostgresServer) -> None:
    """Points Django at the test run's own server (pytest-django asks for this before it makes the database)."""
    from django.conf import settings
    from django.db import connections

    # Passwords of test users need no protection, and the real hasher takes half a second each.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    connections["default"].settings_dict.update(
        HOST=str(postgres.socket_folder), PORT="", USER=postgres.user, PASSWORD="", NAME="reclass"
    )


@pytest.fixture
def genres(db: None) -> dict[str, int]:
    """The genres that a new system begins with, by name; planted again where a test before has emptied the tables."""
    from portal.genres.models import Genre
    from portal.genres.seeds import plant

    plant()
    return dict(Genre.objects.values_list("name", "pk"))


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a folder in one process, in their order: they share servers that take long to start."""
    here = Path(__file__).parent
    for item in items:
        folder = item.path.parent.relative_to(here).as_posix()
        item.add_marker(pytest.mark.xdist_group(folder))


@pytest.fixture
def say(record_property: Callable[[str, object], None]) -> Callable[[object], None]:
    """Keeps a figure for the end of the test run, where a reader sees it whether the test passes or not."""
    return lambda text: record_property("figure", str(text))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the figures that tests measured."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        figures = [value for name, value in report.user_properties if name == "figure"]
        if figures and report.when == "call":
            terminalreporter.section(report.nodeid.split("::")[-1].replace("_", " "), sep="-")
            for figure in figures:
                terminalreporter.line(figure)
