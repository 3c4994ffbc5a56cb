"""A data folder of the standalone system."""

from pathlib import Path

import pytest
from standalone.host.data_folder import DataFolder


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    """Prepared, and empty."""
    folder = DataFolder(root=tmp_path.resolve() / "data")
    folder.prepare()
    return folder
