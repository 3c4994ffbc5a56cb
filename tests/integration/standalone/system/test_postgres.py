"""The embedded database: durable, private, and alive again after it was killed."""

import grp
import os
import pwd
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from standalone.errors import MissingPartError
from standalone.host.data_folder import DataFolder
from standalone.host.ports import Ports
from standalone.processes.leftovers import end_leftovers, postmaster_of
from standalone.processes.startup import Startup
from standalone.processes.supervision import Supervision
from standalone.system import postgres
from standalone.system.environments import part_environment, postgres_environment
from standalone.system.plan import Plan
from standalone.system.programs import database_probe

pytestmark = pytest.mark.outages


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """On a folder that as root only root may enter: pytest makes it so."""
    folder = DataFolder(root=tmp_path.resolve() / "with space % and ; sign" / "data")
    folder.prepare()
    return Plan(folder=folder, ports=Ports.free())


@contextmanager
def running(plan: Plan) -> Iterator[str]:
    """The address of the portal's database while the server runs."""
    folder, port = plan.folder, plan.ports.postgres
    binaries = postgres.usable_binaries(postgres.prepare_account(folder.postgres))
    environment = postgres_environment(plan)
    program = postgres.program(binaries, folder, port=port, environment=environment)
    supervision = Supervision(folder, [program], part_environment(plan))
    try:
        supervision.start()
        postgres.initialise(binaries, folder, environment=environment)
        startup = Startup(supervision, folder, timeout_seconds=60, observe=lambda part, progress: None)
        startup.bring_up(["postgres"], {"postgres": database_probe(plan)})
        password = folder.secret("database")
        administrator = folder.secret("database-administrator")
        postgres.prepare_database(port, administrator_password=administrator, password=password)
        yield postgres.database_url(port, password=password)
    finally:
        supervision.stop()


def rows(url: str) -> list[tuple[int]]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT value FROM kept").fetchall()


def test_what_was_committed_outlives_a_stop_and_a_kill_of_everything(plan: Plan) -> None:
    with running(plan) as url:
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS value")
        assert setting(url, "fsync") == "on"
        assert setting(url, "synchronous_commit") == "on"
        assert refused(plan)
    assert postmaster_of(plan.folder.postgres) is None
    with running(plan) as url:
        with psycopg.connect(url) as connection:
            connection.execute("INSERT INTO kept VALUES (2)")
        kill_everything(plan)
        end_leftovers(plan.folder)
    with running(plan) as url:
        assert rows(url) == [(1,), (2,)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts it as somebody else")
def test_as_root_it_runs_as_an_account_that_nothing_else_uses(plan: Plan) -> None:
    with running(plan):
        server = postmaster_of(plan.folder.postgres)
        assert server is not None
        assert server.username() == "reclass-postgres"
    ours = pwd.getpwnam("reclass-postgres")
    assert ours.pw_shell == "/usr/sbin/nologin"
    assert grp.getgrgid(ours.pw_gid).gr_name == "reclass-postgres"
    assert plan.folder.postgres.stat().st_uid == ours.pw_uid


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs the account")
def test_without_useradd_it_is_said_what_to_do(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "ACCOUNT", "reclass-that-is-not")
    monkeypatch.setattr(postgres, "USERADD_PATH", "/nowhere")
    with pytest.raises(
        MissingPartError, match=r"useradd cannot be run.*useradd --system reclass-that-is-not"
    ):
        postgres.prepare_account(plan.folder.postgres)


def test_the_number_of_a_dead_server_in_its_lock_file_is_no_obstacle(plan: Plan) -> None:
    plan.folder.postgres.mkdir()
    stale = plan.folder.postgres / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{plan.folder.postgres}\n")
    end_leftovers(plan.folder)
    assert not stale.exists()


def setting(url: str, name: str) -> str:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    assert row is not None
    return str(row[0])


def refused(plan: Plan) -> bool:
    """Whether the database asks for a password, on loopback too."""
    try:
        psycopg.connect(postgres.database_url(plan.ports.postgres, password="wrong")).close()
    except psycopg.OperationalError as error:
        return "password authentication failed" in str(error)
    return False


def kill_everything(plan: Plan) -> None:
    os.kill(int((plan.folder.run / "supervisord.pid").read_text()), signal.SIGKILL)
    server = postmaster_of(plan.folder.postgres)
    if server:
        server.kill()
        server.wait()
