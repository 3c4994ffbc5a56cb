"""One program that the supervisor keeps running, and the file by which the leash learns of it."""

import json
import signal
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import IntEnum
from pathlib import Path

from runtime.private_files import write_private


class Tier(IntEnum):
    """Programs of one tier stop together; a higher tier stops before a lower one."""

    DATABASE = 1
    SERVICES = 2
    PORTAL = 3


@dataclass(frozen=True, kw_only=True)
class Program:
    """How one program is started and stopped."""

    name: str
    """Name of the program, its log and its file."""
    command: tuple[str, ...]
    """Absolute path of the executable, and its arguments."""
    environment: Mapping[str, str]
    """The whole environment; nothing is inherited."""
    tier: Tier
    """With which others it stops."""
    stop_signal: signal.Signals = signal.SIGTERM
    """What ends it in order; it also gets this when the supervisor dies."""
    stop_seconds: int = 5
    """How long it may take to end before it is killed."""
    user: str | None = None
    """The account that it runs as, where that is not ours."""
    folder: Path | None = None
    """A folder handed over as `{folder}` in the command, reachable whatever the folders above it allow."""
    directory: Path = Path("/")
    """Its working directory."""
    adopts_orphans: bool = False
    """Whether processes below it that lose their parent become its children."""


def write_program(program: Program, folder: Path, *, parent: int) -> Path:
    """The file for the leash, which `parent` will start; of mode 600, for the environment may hold secrets."""
    path = folder / f"{program.name}.json"
    description = asdict(program) | {
        "folder": str(program.folder) if program.folder else None,
        "directory": str(program.directory),
        "environment": dict(program.environment),
        "death_signal": int(program.stop_signal),
        "parent": parent,
    }
    write_private(path, json.dumps(description, indent=1))
    return path


def supervisor_file(programs: list[Program], *, socket: Path, as_root: bool) -> str:
    """The configuration of supervisord.

    It runs inside the run folder and all paths but one are relative to it, because its format has no way to write
    every character that a path may hold. Nothing starts by itself: `processes.supervision` starts one after another.
    """
    sections = [
        _section("unix_http_server", file=_literal(str(socket)), chmod="0700"),
        _section(
            "supervisord",
            logfile="../logs/supervisord.log",
            logfile_maxbytes="10MB",
            logfile_backups="2",
            pidfile="supervisord.pid",
            nodaemon="true",
            silent="true",
            nocleanup="true",
            # Without it supervisord warns that it keeps the rights of root.
            **({"user": "root"} if as_root else {}),
        ),
        _section(
            "rpcinterface:supervisor",
            **{"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"},
        ),
        *(_program_section(program) for program in programs),
        *(_group_section(tier, programs) for tier in Tier if any(p.tier is tier for p in programs)),
    ]
    return "\n".join(sections)


def group_name(tier: Tier) -> str:
    """What supervisord calls the programs of a tier."""
    return tier.name.lower()


def _program_section(program: Program) -> str:
    return _section(
        f"program:{program.name}",
        command=f'"%(ENV_RECLASS_PYTHON)s" -m standalone.processes.leash {program.name}.json',
        autostart="false",
        # Also after an exit with 0: the worker ends so when the database goes away.
        autorestart="true",
        startsecs="1",
        # Never give up; the wait between two tries grows by a second each.
        startretries="1000000",
        stopsignal=program.stop_signal.name.removeprefix("SIG"),
        stopwaitsecs=str(program.stop_seconds),
        killasgroup="true",
        redirect_stderr="true",
        stdout_logfile=f"../logs/{program.name}.log",
        stdout_logfile_maxbytes="10MB",
        stdout_logfile_backups="3",
    )


def _group_section(tier: Tier, programs: list[Program]) -> str:
    names = ",".join(program.name for program in programs if program.tier is tier)
    return _section(f"group:{group_name(tier)}", programs=names, priority=str(int(tier)))


def _section(title: str, **values: str) -> str:
    return "\n".join([f"[{title}]", *(f"{key}={value}" for key, value in values.items()), ""])


def _literal(value: str) -> str:
    return value.replace("%", "%%")
