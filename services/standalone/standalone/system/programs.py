"""The programs that a system consists of, each with its command, and how to ask whether it is healthy."""

import sys
import time
from functools import partial
from pathlib import Path

from standalone.host.ports import LOOPBACK
from standalone.processes.program import Program, Tier
from standalone.processes.readiness import Probe, database_answers, grpc_serves, web_answers, worker_works
from standalone.system import postgres
from standalone.system.environments import (
    ARROWS,
    WATCHER,
    features_environment,
    identity,
    inference_environment,
    part_environment,
    portal_environment,
    postgres_environment,
    sync_environment,
    token_file,
    triton_environment,
)
from standalone.system.plan import Plan, StandIn


def programs(plan: Plan, binaries: Path) -> list[Program]:
    """All programs, the database first."""
    server = postgres.program(
        binaries, plan.folder, port=plan.ports.postgres, environment=postgres_environment(plan)
    )
    return [
        server,
        _triton(plan),
        _service("sync", plan.ports.sync, sync_environment(plan), plan),
        _service("features", plan.ports.features, features_environment(plan), plan),
        _service("inference", plan.ports.inference, inference_environment(plan), plan),
        *([_stand_in(plan, plan.stand_in)] if plan.stand_in else []),
        _portal("worker", plan),
        _portal("web", plan),
    ]


def probes(plan: Plan) -> dict[str, Probe]:
    """How to ask each part that starts after the database; the worker, which has no door, through the database."""
    ports = plan.ports
    tables = postgres.database_url(ports.postgres, password=plan.folder.secret("database"))
    return {
        "worker": partial(worker_works, tables, time.time()),
        "triton": partial(grpc_serves, ports.triton_grpc, identity(plan, WATCHER)),
        "sync": partial(grpc_serves, ports.sync),
        "features": partial(grpc_serves, ports.features),
        "inference": partial(grpc_serves, ports.inference),
        **({"stand-in": partial(web_answers, ports.stand_in, "/identity")} if plan.stand_in else {}),
        "web": partial(web_answers, ports.web, "/healthz"),
    }


def database_probe(plan: Plan) -> Probe:
    """How to ask the database, before the portal's own is in it."""
    url = postgres.database_url(
        plan.ports.postgres,
        user=postgres.ADMINISTRATOR,
        database="postgres",
        password=plan.folder.secret("database-administrator"),
    )
    return partial(database_answers, url)


def _triton(plan: Plan) -> Program:
    base = part_environment(plan, "triton")
    return Program(
        name="triton",
        command=(
            str(plan.triton_python),
            str(plan.triton_folder / "launch.py"),
            f"--model-repository={plan.folder.models}",
            # Those that the source brings; the heads that are trained here have their templates there too.
            f"--model-repository={plan.triton_folder / 'models'}",
            f"--state={plan.folder.triton}",
            f"--host={LOOPBACK}",
            f"--grpc-port={plan.ports.triton_grpc}",
            f"--tls={plan.folder.certificates}",
            # On the command line it is a secret for nobody, so it adds to the certificates and stands for none.
            f"--key-file={plan.folder.secret_file('triton-key')}",
        ),
        environment=base | triton_environment(plan, base),
        tier=Tier.SERVICES,
        stop_seconds=8,
    )


def _service(name: str, port: int, environment: dict[str, str], plan: Plan) -> Program:
    prefix = name.upper()
    own = {
        f"{prefix}_HOST": LOOPBACK,
        f"{prefix}_PORT": str(port),
        **{
            f"{prefix}_TOKEN_OF_{caller.upper()}_FILE": token_file(plan, caller, name)
            for caller, called in ARROWS
            if called == name
        },
        f"{prefix}_SHUTDOWN_GRACE_SECONDS": "5",
    }
    return Program(
        name=name,
        command=(sys.executable, "-m", name),
        environment=part_environment(plan, name) | environment | own,
        tier=Tier.SERVICES,
        stop_seconds=8,
    )


def _stand_in(plan: Plan, stand_in: StandIn) -> Program:
    return Program(
        name="stand-in",
        command=(
            sys.executable,
            "-m",
            "standalone.plex_stand_in",
            f"--catalogue={stand_in.catalogue}",
            f"--state={stand_in.state}",
            f"--host={LOOPBACK}",
            f"--port={plan.ports.stand_in}",
        ),
        environment=part_environment(plan) | {"STAND_IN_TOKEN": plan.folder.secret("stand-in-token")},
        tier=Tier.SERVICES,
    )


def _portal(name: str, plan: Plan) -> Program:
    return Program(
        name=name,
        command=(sys.executable, "-m", "portal", name),
        environment=part_environment(plan, "portal") | portal_environment(plan),
        tier=Tier.PORTAL,
    )
