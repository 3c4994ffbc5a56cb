"""What tests of every service share: the database, started once and only when a test asks for it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

# anyio loads it at its first use. In a server's thread that is deep in calls, where pytest's rewriting of it can fail
# inside CPython 3.11 ("AST constructor recursion depth mismatch"), and a download from the stand-in ends at once.
from anyio import open_file  # noqa: F401 # loading it is what is wanted
from postgres_server import PostgresServer, postgres_server
from xdist.scheduler import LoadScopeScheduling


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server for this test run."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def django_db_modify_db_settings(postgres: PostgresServer) -> None:
    """Points Django at the test run's own server (pytest-django asks for this before it makes the database)."""
    from django.conf import settings
    from django.core.management.commands import flush
    from django.db import connections

    # What migrations leave in them is the same ever after. To make it anew was most of the end of each such test.
    flush.sql_flush = flush_all_but({"django_content_type", "auth_permission"})
    flush.emit_post_migrate_signal = lambda *_: None

    # Passwords of test users need no protection, and the real hasher takes half a second each.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    connections["default"].settings_dict.update(
        HOST=str(postgres.socket_folder), PORT="", USER=postgres.user, PASSWORD="", NAME="reclass"
    )


MUCH_BYTES = 8 * 2**20
"""Of a table, dead rows included, from which on it is truncated with all others, which makes a file anew for each."""


def flush_all_but(kept: set[str]) -> Callable[..., list[str]]:
    """What Django asks for the SQL that empties the database after a test with transactions of its own.

    Of most such tests few tables have a row. To delete these takes a tenth of what it takes to truncate all tables.
    """

    def sql_flush(style: Any, connection: Any, **options: Any) -> list[str]:
        tables = set(connection.introspection.django_table_names(only_existing=True, include_views=False))
        emptied = sorted(tables - kept)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT max(pg_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND relname = ANY(%s)",
                [emptied],
            )
            if cursor.fetchone()[0] > MUCH_BYTES:
                statements: list[str] = connection.ops.sql_flush(style, emptied, **options)
                return statements
            rows = (f"(SELECT '{table}' FROM {table} LIMIT 1)" for table in emptied)  # noqa: S608 # Django's names
            cursor.execute(" UNION ALL ".join(rows))
            filled = [table for (table,) in cursor.fetchall()]
        # As a replica the server leaves foreign keys and triggers alone, as a truncation does.
        deletions = [f"DELETE FROM {table}" for table in filled]  # noqa: S608 # as above
        return ["SET LOCAL session_replication_role = replica", *deletions]

    return sql_flush


@pytest.fixture
def genres(db: None) -> dict[str, int]:
    """The genres that a new system begins with, by name; planted again where a test before has emptied the tables."""
    from portal.first_guess import seeds
    from portal.first_guess.models import TagVote
    from portal.genres.models import Alias, Genre
    from portal.genres.seeds import plant

    if not Alias.objects.exists():
        plant(Genre, Alias)
    if not TagVote.objects.exists():
        seeds.plant(TagVote, Genre)
    return dict(Genre.objects.values_list("name", "pk"))


class ByFile(LoadScopeScheduling):  # type: ignore[misc] # untyped
    """Keeps the tests of a file in one process, in their order."""

    def _split_scope(self, nodeid: str) -> str:
        return str(nodeid.partition("::")[0])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """Deal the tests to the processes of `pytest -n`."""
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that no process has it left for itself at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith("tests/integration/"))


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
