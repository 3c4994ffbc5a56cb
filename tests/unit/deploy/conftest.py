"""The manifests as a cluster would get them, and the settings that the services really have."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
Document = dict[str, Any]


@pytest.fixture(scope="session")
def kubectl() -> str:
    """kubectl, of the machine or of the repository's environment; `scripts/kubectl` puts one there."""
    places = f"{os.environ.get('PATH', os.defpath)}:{ROOT / '.venv' / 'bin'}"
    found = shutil.which("kubectl", path=places)
    if found is None:
        reason = "kubectl is not here, so no manifest was built: run scripts/kubectl"
        if os.environ.get("RECLASS_REQUIRE_KUBECTL"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture(scope="session")
def built(kubectl: str) -> Callable[[Path], list[Document]]:
    """What `kubectl kustomize` makes of a folder."""

    def build(folder: Path) -> list[Document]:
        command = [kubectl, "kustomize", "--load-restrictor=LoadRestrictionsNone", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return [document for document in yaml.safe_load_all(done.stdout) if document]

    return build
