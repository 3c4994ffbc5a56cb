"""A Triton for tests that serves a small stand-in for the MERT model, whose answers a test can work out."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from triton_server import TritonServer, triton_server

MODEL = Path(__file__).parent / "stand_in_models" / "mert"


class MertStandIn:
    """The server, and what its model is told beside its requests."""

    def __init__(self, server: TritonServer, folder: Path) -> None:
        self.server = server
        self.weights = folder
        self._test = 0
        self.begin()

    def begin(self) -> None:
        """A test of its own: the model forgets what it has read of its weights."""
        self._test += 1
        self.say()

    def say(self, **said: object) -> None:
        """What the model does: `fault`, `has_gpu`, and what its description says `instead`."""
        fresh = self.weights / "said.json.new"
        fresh.write_text(json.dumps({"test": self._test, **said}))
        fresh.rename(self.weights / "said.json")

    def uninstall(self) -> None:
        """As if the weights had never been downloaded, or were gone."""
        (self.weights / "said.json").unlink()


@contextmanager
def mert_stand_in(folder: Path) -> Iterator[MertStandIn]:
    """A started server with the model, which has read no weights yet."""
    models = folder / "brought"
    shutil.copytree(MODEL, models / "mert")
    weights = folder / "weights"
    weights.mkdir()
    with triton_server(folder, models=models) as server:
        yield MertStandIn(server, weights)
