"""What `reclass demo` shows while it makes its songs."""

import io
from pathlib import Path

from rich.console import Console
from standalone.commands.demo import make_library
from standalone.demo.folder import DemoFolder
from standalone.host.data_folder import DataFolder


def test_a_pipe_is_told_how_many_songs_of_the_demo_are_made(tmp_path: Path) -> None:
    pipe = Console(file=io.StringIO(), force_terminal=False, width=200)
    demo = DemoFolder(data=DataFolder(root=tmp_path))
    make_library(demo, 2, pipe)
    assert isinstance(pipe.file, io.StringIO)
    lines = pipe.file.getvalue().splitlines()
    assert lines[0] == "Making songs ..."
    assert lines[-1] == "Making songs: 32 of 32"
