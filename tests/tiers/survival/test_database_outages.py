"""The database away for a second and for half a minute in the middle of a run: nobody need do anything."""

from pathlib import Path

import pytest
from plex_stand_in import Control
from portal_processes import outlive_an_outage, portal_of_processes
from processes import free_port


@pytest.mark.parametrize("seconds", [1.0, 30.0])
def test_a_run_outlives_an_outage_of_the_database(plex: Control, tmp_path: Path, seconds: float) -> None:
    with portal_of_processes(plex, tmp_path, free_port()) as system:
        outlive_an_outage(system, seconds, kill=False)
