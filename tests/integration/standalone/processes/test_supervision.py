"""The real supervisord with small programs: what dies comes back, and nothing is left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from standalone.errors import PartFailedError
from standalone.host.data_folder import DataFolder
from standalone.processes.leftovers import MARK, end_leftovers
from standalone.processes.program import Program, Tier
from standalone.processes.startup import Progress, Startup
from standalone.processes.supervision import Supervision

pytestmark = pytest.mark.outages


# Starts a supervisor with one sleeper, and stays: the process that the test kills.
STARTER = """
import sys, time
from pathlib import Path
from standalone.host.data_folder import DataFolder
from standalone.processes.program import Program, Tier
from standalone.processes.supervision import Supervision
folder = DataFolder(root=Path(sys.argv[1]))
mark = {"RECLASS_RUN": sys.argv[1], "PATH": "/usr/bin:/bin"}
command = ("/bin/sh", "-c", sys.argv[2])
supervision = Supervision(
    folder, [Program(name="part", command=command, environment=mark, directory=folder.root, tier=Tier.SERVICES)], mark)
supervision.start()
supervision.start_program("part")
time.sleep(600)
"""


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    folder = DataFolder(root=tmp_path.resolve() / "data")
    folder.prepare()
    return folder


@pytest.fixture
def supervised(folder: DataFolder) -> Iterator[Callable[..., Supervision]]:
    """Starts a supervisor of shell lines, given by name."""
    started: list[Supervision] = []

    def start(**lines: str) -> Supervision:
        programs = [shell(folder, name, line) for name, line in lines.items()]
        supervision = Supervision(folder, programs, environment(folder))
        started.append(supervision)
        supervision.start()
        return supervision

    yield start
    for supervision in started:
        supervision.stop()


def environment(folder: DataFolder) -> dict[str, str]:
    return {MARK: str(folder.root), "PATH": "/usr/bin:/bin"}


def shell(folder: DataFolder, name: str, line: str) -> Program:
    tier = Tier.PORTAL if name.startswith("portal") else Tier.SERVICES
    return Program(
        name=name,
        command=("/bin/sh", "-c", line),
        environment=environment(folder),
        tier=tier,
        directory=folder.root,
    )


def marked(folder: DataFolder) -> list[psutil.Process]:
    """What runs on the folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(folder.root) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def eventually(condition: Callable[[], object], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_what_is_killed_comes_back(supervised: Callable[..., Supervision], folder: DataFolder) -> None:
    pid_file = folder.root / "pid"
    supervision = supervised(part="echo $$ > pid; exec sleep 600")
    supervision.start_program("part")
    eventually(lambda: supervision.states()["part"].running)
    first = int(pid_file.read_text())
    os.kill(first, signal.SIGKILL)
    eventually(lambda: int(pid_file.read_text() or first) != first and supervision.states()["part"].running)


def test_a_stop_ends_the_portal_first_and_leaves_no_orphan(
    supervised: Callable[..., Supervision], folder: DataFolder
) -> None:
    line = "trap 'sleep 0.2; echo {0} >> order; exit 0' TERM; echo > {0}; while :; do sleep 0.05; done"
    orphan = "(sleep 600 &) ; echo > orphan; exec sleep 600"
    supervision = supervised(service=line.format("service"), portal=line.format("portal"), parent=orphan)
    for name in ("service", "portal", "parent"):
        supervision.start_program(name)
    eventually(lambda: all((folder.root / name).exists() for name in ("service", "portal", "orphan")))
    supervision.stop()
    assert (folder.root / "order").read_text().split() == ["portal", "service"]
    assert marked(folder) == []


def test_a_part_that_keeps_dying_is_named_with_its_last_words(
    supervised: Callable[..., Supervision], folder: DataFolder
) -> None:
    (folder.logs / "part.log").write_text("of an earlier run\n")
    supervision = supervised(part="echo out of luck; exit 3")
    startup = Startup(supervision, folder, timeout_seconds=60, observe=lambda part, progress: None)
    with pytest.raises(
        PartFailedError, match=r"(?s)part did not start: it ended 3 times.*out of luck"
    ) as failure:
        startup.bring_up(["part"], {})
    assert "of an earlier run" not in str(failure.value)
    assert str(folder.logs / "part.log") in str(failure.value)


def test_a_part_that_never_gets_healthy_is_named_with_what_it_lacks(
    supervised: Callable[..., Supervision], folder: DataFolder
) -> None:
    supervision = supervised(part="exec sleep 600")
    seen: list[Progress] = []
    startup = Startup(
        supervision,
        folder,
        timeout_seconds=0.5,
        idle_seconds=2.0,
        observe=lambda part, progress: seen.append(progress),
    )
    said = r"s still: its health is unknown\. .*RECLASS_START_TIMEOUT_SECONDS \(now 0\) gives it more time"
    with pytest.raises(PartFailedError, match=said):
        startup.bring_up(["part"], {"part": lambda: "its health is unknown"})
    assert seen == [Progress.STARTING, Progress.LATE]


@pytest.mark.parametrize("work", ["while :; do :; done", "while :; do echo working; sleep 0.2; done"])
def test_a_part_that_is_late_and_at_work_is_waited_for(
    supervised: Callable[..., Supervision], folder: DataFolder, work: str
) -> None:
    supervision = supervised(part=work)
    began = time.monotonic()
    seen: list[Progress] = []

    def healthy_later() -> str | None:
        return "it compiles" if time.monotonic() - began < 9 else None

    startup = Startup(
        supervision,
        folder,
        timeout_seconds=2.0,
        # A machine under load gives it a processor only now and then.
        idle_seconds=6.0,
        observe=lambda part, progress: seen.append(progress),
    )
    startup.bring_up(["part"], {"part": healthy_later})
    assert seen == [Progress.STARTING, Progress.LATE, Progress.READY]


def test_what_programs_log_is_for_their_owner_alone(
    supervised: Callable[..., Supervision], folder: DataFolder
) -> None:
    supervision = supervised(part="echo something; exec sleep 600")
    supervision.start_program("part")
    eventually(lambda: (folder.logs / "part.log").read_text() == "something\n")
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in folder.logs.iterdir()}
    assert modes == {"part.log": "0o600", "supervisord.log": "0o600", "supervisord.out": "0o600"}


def test_a_killed_start_takes_everything_along(folder: DataFolder) -> None:
    with starter(folder, "exec sleep 600") as process:
        eventually(lambda: len(marked(folder)) == 2)
        process.kill()
        process.wait()
    eventually(lambda: marked(folder) == [])


def test_a_killed_supervisor_takes_its_programs_along(folder: DataFolder) -> None:
    with starter(folder, "exec sleep 600") as process:
        eventually(lambda: len(marked(folder)) == 2)
        os.kill(int((folder.run / "supervisord.pid").read_text()), signal.SIGKILL)
        eventually(lambda: marked(folder) == [])
        process.kill()


def test_the_next_start_ends_what_did_not_listen(folder: DataFolder) -> None:
    with starter(folder, "trap '' TERM; echo > deaf; while :; do sleep 0.1; done"):
        eventually((folder.root / "deaf").exists)
        os.kill(int((folder.run / "supervisord.pid").read_text()), signal.SIGKILL)
    assert marked(folder) != []
    end_leftovers(folder)
    assert marked(folder) == []


class starter:  # noqa: N801 - used as a function
    """A process that runs STARTER, killed at the end."""

    def __init__(self, folder: DataFolder, line: str) -> None:
        self._process = subprocess.Popen([sys.executable, "-c", STARTER, str(folder.root), line])

    def __enter__(self) -> "subprocess.Popen[bytes]":
        return self._process

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
