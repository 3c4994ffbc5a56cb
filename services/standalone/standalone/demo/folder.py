"""The folder of a demo: what it has beside an ordinary system, and the plan that goes on with it."""

import shutil
from dataclasses import replace
from pathlib import Path

from standalone.demo.songs import CATALOGUE, MUSIC, PLEX_FOLDER
from standalone.errors import AlreadyRunningError, FolderError
from standalone.host.data_folder import DataFolder
from standalone.host.lock import holder
from standalone.system.mert_weights import TRIAL
from standalone.system.plan import Plan, PlexConnection, StandIn

LIBRARY = "Music"


class DemoFolder:
    """Where the demo keeps what an ordinary system has not."""

    def __init__(self, *, data: DataFolder) -> None:
        self.data = data
        self.root = self.data.root / "demo"
        """All that is the demo's alone."""
        self.music = self.root / MUSIC
        """The songs' files."""
        self.catalogue = self.root / CATALOGUE
        """What the stand-in for Plex serves."""
        self.plex = self.root / "plex"
        """What the stand-in for Plex keeps of edits."""
        self.trial_weights = self.data.weights / TRIAL
        """The checkpoint of random weights."""

    def is_demo(self) -> bool:
        """Whether a demo was made here before."""
        return self.catalogue.exists()

    def clear(self) -> None:
        """Forget everything but the songs, and weights that a person has put there.

        Raises when the folder is in use, or is not a demo's.
        """
        root = self.data.root
        if holder(self.data.lock) is not None:
            raise AlreadyRunningError(f"a system runs on {root}: stop it first, or name another --data DIR")
        if not root.exists():
            return
        try:
            self._clear(root)
        except OSError as error:
            raise FolderError(
                f"{error.filename or root} cannot be cleared away ({error.strerror}): name another with --data DIR"
            ) from error

    def _clear(self, root: Path) -> None:
        kept = ("demo", self.data.weights.name)
        entries = [entry for entry in root.iterdir() if entry.name not in kept]
        if entries and not self.is_demo():
            raise FolderError(f"{root} holds something else than a demo: name another --data DIR")
        for entry in [*entries, self.plex, self.catalogue, self.trial_weights]:
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink(missing_ok=True)


def with_stand_in(plan: Plan) -> Plan:
    """The plan for a folder that a demo was made in: its stand-in, its songs, and never a real Plex."""
    demo = DemoFolder(data=plan.folder)
    return replace(
        plan,
        plex=PlexConnection(),
        plex_library=LIBRARY,
        stand_in=StandIn(catalogue=demo.catalogue, state=demo.plex),
        media_folders=str(demo.music),
        path_map=f"{PLEX_FOLDER}={demo.music}",
    )
