"""The pages of the README, taken in Chromium from the running demo."""

import os
import shutil
from pathlib import Path

import pytest
from browser import take_screenshots
from running_demo import ROOT, RunningDemo

pytestmark = pytest.mark.timeout(600)
PICTURES = ROOT / "docs" / "images"
LEAST_BYTES = 30_000  # an empty page is far smaller


def test_the_pages_of_the_readme_are_what_the_portal_shows(demo: RunningDemo, tmp_path: Path) -> None:
    done = demo.reclass("push")  # the pages are about songs that were written
    assert done.returncode == 0, done.stdout + done.stderr
    pictures = take_screenshots(
        f"http://127.0.0.1:{demo.ports.web}",
        "admin",
        demo.folder.admin_password.read_text().strip(),
        tmp_path,
    )
    assert set(pictures) == {
        "dashboard", "track-list", "settings", "learnable", "models", "track-page", "write-batch", "model-page",
    }  # fmt: skip
    for name, picture in pictures.items():
        assert picture.stat().st_size > LEAST_BYTES, f"{name} shows next to nothing"
        if os.environ.get("RECLASS_KEEP_PICTURES") == "1":
            shutil.copy(picture, PICTURES)
        assert (PICTURES / picture.name).exists(), f"make pictures, then commit docs/images/{picture.name}"
