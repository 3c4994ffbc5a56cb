"""The reclass command: which commands there are, what it prints of a run, and its exit status."""

import io

import pytest
import typer
from portal.command_line import make_app
from portal.commands.following import Snapshot, displayed, exit_status, line_of
from portal.commands.surroundings import stoppable
from portal.commands.terminal import Terminal
from portal.orchestration.kinds import work_of
from portal.runs.models import Run


def run_of(total=100, through=20, failed=1, **fields):
    return Run(song_count=total, done_count=through - failed, failed_count=failed, **fields)


def analysis(state=Run.State.RUNNING, **fields):
    return run_of(kind=Run.Kind.EXTRACT, state=state, **fields)


def test_every_promised_command_is_there():
    group = typer.main.get_command(make_app())
    promised = {"doctor", "sync", "extract", "classify", "train", "push", "rollback", "status", "export"}
    assert promised <= set(group.commands)


def test_a_line_has_count_rate_time_left_and_failures():
    assert line_of(Snapshot(run=analysis()), 10.0) == "Extract: 20 of 100 songs, 2.0/s, 40 s left, 1 failed"


def test_a_line_says_how_many_songs_wait_for_another_try_and_why():
    run = analysis(total=9, through=6, failed=0)
    seen_again = Snapshot(run=run, again=3, trouble="Plex restarts.")
    assert line_of(seen_again, 3.0).endswith("0 failed; 3 to be tried again: Plex restarts.")


def test_the_bar_stays_on_one_line_of_a_narrow_terminal_and_says_why_above_it():
    console = Terminal(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    step = "Listing a library with a long name: 12345 of 100000 songs"
    trouble = "Plex at http://192.168.1.10:32400 is starting or in maintenance [try again]"
    with displayed(Run(kind=Run.Kind.SYNC), console) as show:
        for through in (16, 17):
            run = run_of(kind=Run.Kind.SYNC, step=step, total=100_000, through=through, failed=12)
            show.show(Snapshot(run=run, again=3, trouble=trouble))
    printed = console.file.getvalue()
    assert " ".join(printed.split()).count(f"Trying again: {trouble}") == 1
    bars = [line for line in printed.replace("\r", "\n").splitlines() if "failed" in line]
    assert "12 failed, 3 again" in bars[-1]


@pytest.mark.parametrize(
    "command", typer.main.get_command(make_app()).commands.values(), ids=lambda c: c.name
)
def test_the_help_of_a_command_loses_nothing_to_markup(command):
    for described in (command, *command.params):
        text = described.help or ""
        assert "[" not in text, "rich takes what stands in brackets for markup and leaves it out"
        assert text.endswith("."), text


def test_a_run_that_counts_no_songs_shows_its_step():
    run = analysis(total=0, through=0, failed=0, step="Learning", progress=0.25)
    line = line_of(Snapshot(run=run), 10.0)
    assert line == "Extract: Learning (25%)"


@pytest.mark.parametrize(
    ("state", "failed", "status"),
    [
        (Run.State.DONE, 0, 0),
        (Run.State.DONE, 1, 1),
        (Run.State.FAILED, 0, 1),
        (Run.State.STOPPED, 0, 130),
        (Run.State.STOPPING, 0, 130),
    ],
)
def test_the_exit_status_is_0_only_when_all_that_was_asked_is_done(state, failed, status):
    assert exit_status(analysis(state=state, failed=failed)) == status


@pytest.mark.parametrize("kind", list(Run.Kind))
def test_every_kind_of_run_has_its_work(kind):
    assert work_of(kind)


def test_ctrl_c_says_what_has_become_of_the_work(capsys):
    with pytest.raises(KeyboardInterrupt), stoppable("Nothing was imported."):
        raise KeyboardInterrupt
    assert capsys.readouterr().err == "reclass: stopped by Ctrl-C. Nothing was imported.\n"
