"""Text from elsewhere on the terminal: it stands there as it is, whatever it holds."""

import ast
import io
from pathlib import Path

import portal.commands
import pytest
from portal.commands.following import displayed
from portal.commands.terminal import Terminal, without_controls
from portal.runs.models import Run
from rich.table import Table

COMMANDS = Path(portal.commands.__file__).parent
ODD = ("[/b]", "[live]", "[red]blood", "[link=http://x]", ":heart:", "\\[live]", "a [/music/Jazz] b")


def printed(*, line: str = "", cell: str = "") -> str:
    terminal = Terminal(file=io.StringIO(), width=200)
    if line:
        terminal.print(line)
    if cell:
        table = Table("song", title=cell)
        table.add_row(cell)
        terminal.print(table)
    assert isinstance(terminal.file, io.StringIO)
    return terminal.file.getvalue()


@pytest.mark.parametrize("text", ODD)
def test_a_title_that_reads_like_markup_is_printed_as_it_is(text: str) -> None:
    assert printed(line=text) == f"{text}\n"
    assert printed(cell=text).count(text) == 2


@pytest.mark.parametrize("text", ["\x1b[2J", "\x1b]0;x\x07", "\x9b2J", "a\rb", "\x7f", "a\bb"])
def test_no_text_gives_orders_to_the_terminal(text: str) -> None:
    assert not set(printed(line=text, cell=text)) & set("\x1b\x07\x9b\r\x7f\b")
    assert len(without_controls(text)) == len(text)


def test_tabs_and_line_breaks_stay() -> None:
    assert without_controls("a\tb\nc") == "a\tb\nc"


def test_a_step_of_a_run_that_reads_like_markup_is_shown_on_the_bar() -> None:
    from portal.commands.following import Snapshot

    terminal = Terminal(file=io.StringIO(), width=200, force_terminal=True, color_system=None)
    run = Run(kind=Run.Kind.SYNC, step="lists [/music] \x1b[2J", song_count=2, done_count=1)
    with displayed(run, terminal) as bar:
        bar.show(Snapshot(run=run))
    assert isinstance(terminal.file, io.StringIO)
    assert "lists [/music]" in terminal.file.getvalue()
    assert "\x1b[2J" not in terminal.file.getvalue()


def test_every_command_prints_to_this_terminal() -> None:
    """Another console would take titles for markup."""
    others = [
        f"{path.name}:{node.lineno}"
        for path in COMMANDS.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Console"
    ]
    assert others == []
