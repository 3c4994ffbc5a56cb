"""What the address of the database says is what is done."""

from portal.configuration import PortalSettings
from portal.django_settings import database
from pydantic import PostgresDsn


def test_the_parameters_of_the_address_reach_the_database() -> None:
    """Without them a connection that was to be encrypted, or to a server that is checked, would be neither."""
    address = PostgresDsn("postgresql://me@db:5432/reclass?sslmode=verify-full&require_auth=scram-sha-256")
    entry = database(PortalSettings(database_url=address))
    options = entry["OPTIONS"]
    assert (options["sslmode"], options["require_auth"]) == ("verify-full", "scram-sha-256")
    assert options["connect_timeout"] == 5
    assert entry["NAME"] == "reclass"


def test_a_socket_in_the_address_is_the_host() -> None:
    entry = database(
        PortalSettings(database_url=PostgresDsn("postgresql://me@localhost/reclass?host=/run/pg"))
    )
    assert entry["HOST"] == "/run/pg"
    assert "host" not in entry["OPTIONS"]
