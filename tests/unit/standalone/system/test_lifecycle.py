"""What a start needs of the machine."""

from pathlib import Path

import pytest
from standalone.errors import MissingPartError
from standalone.host.data_folder import DataFolder
from standalone.system.lifecycle import check_triton
from standalone.system.plan import Plan


def test_a_missing_environment_of_triton_is_said_with_the_command_that_makes_it(folder: DataFolder) -> None:
    with pytest.raises(MissingPartError, match=r"/nowhere/python is missing\. Run: make install"):
        check_triton(Plan(folder=folder, triton_python=Path("/nowhere/python")))
