"""The plan of a system with a Plex server."""

import pytest
from standalone.host.data_folder import DataFolder
from standalone.system.plan import Plan, PlexConnection

TOKEN = "the-token-of-the-owner"


@pytest.fixture
def plan(folder: DataFolder) -> Plan:
    return Plan(folder=folder, plex=PlexConnection(url="http://plex.test:32400", token=TOKEN))


@pytest.fixture
def token() -> str:
    """The token of its Plex server."""
    return TOKEN
