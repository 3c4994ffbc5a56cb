"""Becomes one program of the system, on a leash: the kernel signals it when its supervisor dies.

    python -m standalone.processes.leash PROGRAM.json

The file (mode 600, see `processes.program`) holds the command with its environment, so that no secret stands on a
command line or in supervisord's own configuration. In this order, because a change of user takes the leash off again:

1. open the program's folder, which its user may be unable to reach by name,
2. become the program's user,
3. ask for a signal at the death of the parent, and check that it still lives,
4. become the program.
"""

import ctypes
import json
import os
import pwd
import sys
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
FOLDER = "{folder}"


def main() -> None:
    program: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    command = list(program["command"])
    if program["folder"]:
        opened = open_folder(program["folder"])
        command = [part.replace(FOLDER, opened) for part in command]
    if program["user"]:
        become(program["user"])
    hold(program["death_signal"], adopt=program["adopts_orphans"])
    if os.getppid() != program["parent"]:
        sys.exit("the supervisor died while this program was being started")
    # supervisord sets a umask only where it goes to the background. Logs, and what programs write, are for their user.
    os.umask(0o077)
    os.chdir(program["directory"])
    os.execve(command[0], command, program["environment"])  # noqa: S606  a command of our own, no shell wanted


def open_folder(folder: str) -> str:
    """A name of the folder for this process and its children that needs no way through the folders above."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    os.set_inheritable(descriptor, True)
    return f"/proc/self/fd/{descriptor}"


def become(user: str) -> None:
    """Give up all rights but those of this account."""
    account = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)


def hold(death_signal: int, *, adopt: bool) -> None:
    """Get `death_signal` when the parent dies; with `adopt`, orphans below this process become its children."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, death_signal)
    if adopt:
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1)


if __name__ == "__main__":
    main()
