"""The pages of the README, taken in Chromium from the running demo."""

import os
import shutil
from pathlib import Path

import pytest
from browser import PARTS, take_screenshots
from running_demo import ROOT, RunningDemo

pytestmark = pytest.mark.timeout(600)
PICTURES = ROOT / "docs" / "images"
LEAST_BYTES = 30_000  # an empty page is far smaller
LEAST_BYTES_OF_PART = 5_000


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
        "dashboard", "track-list", "settings", "embeddings", "readiness", "models", "track-page", "write-batch",
        "model-page", "judge-songs", "decision-parts", "both-readings",
    }  # fmt: skip
    parts = {name for of_page in PARTS.values() for name in of_page}
    for name, picture in pictures.items():
        least = LEAST_BYTES_OF_PART if name in parts else LEAST_BYTES
        assert picture.stat().st_size > least, f"{name} shows next to nothing"
        keep(picture, picture.name)


def test_the_manual_shows_the_figures_of_a_training(demo: RunningDemo, tmp_path: Path) -> None:
    done = demo.reclass("evaluate", "--out", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    for kind in ("confusion", "reliability", "coverage"):
        # Of the last stage: its head is made of the most kinds, which its name tells.
        picture = max(tmp_path.glob(f"genre_*-{kind}.png"), key=lambda path: len(path.name))
        assert picture.stat().st_size > LEAST_BYTES, f"{picture} shows next to nothing"
        keep(picture, f"training-{kind}.png")


def keep(picture: Path, name: str) -> None:
    """Renew the picture of the documents where that is asked for; see that there is one."""
    if os.environ.get("RECLASS_KEEP_PICTURES") == "1":
        shutil.copy(picture, PICTURES / name)
    assert (PICTURES / name).exists(), f"make pictures, then commit docs/images/{name}"
