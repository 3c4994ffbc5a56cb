"""What tests of every service share: the database, started once and only when a test asks for it."""

from collections.abc import Iterator

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
