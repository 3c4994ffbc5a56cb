"""What tests of taught sets have in common."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from django.conf import settings
from plex_stand_in import TOKEN
from plexapi.server import PlexServer
from portal.configuration import PortalSettings


@pytest.fixture
def plex(portal, monkeypatch) -> Iterator[Any]:
    """plexapi before the portal's stand-in; the portal's pages reach sync as its worker does."""
    monkeypatch.setattr(settings, "RECLASS", PortalSettings(sync_target=portal.target))
    session = requests.Session()
    yield PlexServer(portal.plex.stand_in.url, TOKEN, session=session, timeout=5)
    session.close()
