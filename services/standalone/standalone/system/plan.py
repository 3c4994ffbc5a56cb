"""What the system consists of: each program with its command and environment, and how to ask whether it is healthy."""

import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from standalone.host.data_folder import DataFolder
from standalone.host.ports import LOOPBACK, Ports
from standalone.processes.leftovers import MARK
from standalone.processes.program import Program, Tier
from standalone.processes.readiness import (
    Identity,
    Probe,
    database_answers,
    grpc_serves,
    web_answers,
    worker_works,
)
from standalone.settings import TRITON_FOLDER
from standalone.system import postgres
from standalone.system.mert_weights import checkpoint

# The connection to Plex comes by its own way alone.
WITHHELD = ("SYNC_PLEX_",)
# Of the environment of `reclass up`, what every part gets: where programs, homes and certificates are, language, time.
PLACES = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)
GENERAL = frozenset((*PLACES, "LANG", "LANGUAGE", "TZ", "MALLOC_ARENA_MAX"))
COMPUTING = ("OMP_", "OPENBLAS_", "MKL_", "NUMBA_", "NUMEXPR_")
PROXIES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
# What a part gets besides: how the names begin that are its own. Only sync talks to something outside.
OWN: Mapping[str, tuple[str, ...]] = {
    "sync": ("SYNC_", *PROXIES),
    "features": ("FEATURES_", *COMPUTING),
    "inference": ("INFERENCE_", *COMPUTING),
    "triton": ("TRITON_", "CUDA_", "NVIDIA_", "TORCH_", *COMPUTING),
    "portal": ("PORTAL_",),
}
# Who calls whom; each with a token of its own.
ARROWS = (
    ("portal", "sync"),
    ("portal", "features"),
    ("portal", "inference"),
    ("inference", "features"),
    ("features", "sync"),
)
MERT_WEIGHTS = "TRITON_MERT_WEIGHTS"
# Asks Triton whether it is healthy, from this process.
WATCHER = "up"
# Who has a certificate for Triton.
TRITON_CALLERS = ("inference", "features", WATCHER)


@dataclass(frozen=True, kw_only=True)
class PlexConnection:
    """What the environment says of the Plex server; a part that it does not say is set in the portal."""

    url: str = ""
    """Its address."""
    token: str = field(default="", repr=False)
    """The X-Plex-Token of its owner."""


@dataclass(frozen=True, kw_only=True)
class StandIn:
    """The demo's server that stands in for Plex."""

    catalogue: Path
    """The library that it serves, as `Catalogue.save` wrote it."""
    state: Path
    """Where it keeps what is edited."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that differs between one system and another."""

    folder: DataFolder
    """Where its state lies."""
    ports: Ports = field(default_factory=Ports)
    """Where its parts listen."""
    plex: PlexConnection = PlexConnection()
    """Its Plex server, as far as the environment says it."""
    plex_library: str = ""
    """Title of the music library; empty takes all."""
    stand_in: StandIn | None = None
    """Serves a made library in place of Plex; `plex` is not used then."""
    media_folders: str = ""
    """FEATURES_MEDIA_FOLDERS."""
    path_map: str = ""
    """FEATURES_PATH_MAP."""
    triton_python: Path = Path(f"{sys.prefix}-triton/bin/python")
    """Python of Triton's own environment."""
    triton_folder: Path = TRITON_FOLDER
    """Triton's launcher, and the models that the repository brings."""

    mert_weights: Path | None = None
    """The checkpoint of MERT; None takes what TRITON_MERT_WEIGHTS says, else what is in the folder."""

    def unused_ports(self) -> frozenset[str]:
        return frozenset() if self.stand_in else frozenset({"stand_in"})


def part_environment(
    plan: Plan, part: str | None = None, inherited: Mapping[str, str] | None = None
) -> dict[str, str]:
    """What a part gets of this process's environment: its own settings, the language and the like, and nothing else.

    Whatever other secrets a shell holds reach nobody; nor do a part's settings reach another.
    """
    ours = os.environ if inherited is None else inherited
    own = OWN.get(part or "", ())
    kept = {
        name: value
        for name, value in ours.items()
        if name in GENERAL or (name.startswith(("LC_", *own)) and not name.startswith(WITHHELD))
    }
    direct = ",".join(
        dict.fromkeys([*filter(None, ours.get("no_proxy", "").split(",")), LOOPBACK, "localhost"])
    )
    return kept | {
        MARK: str(plan.folder.root),
        "PYTHONSAFEPATH": "1",
        "PYTHONUNBUFFERED": "1",
        "no_proxy": direct,
        "NO_PROXY": direct,
    }


def postgres_environment(plan: Plan) -> dict[str, str]:
    """Little: the server runs as another account where we are root."""
    return {"PATH": os.defpath, "LC_ALL": "C.UTF-8", MARK: str(plan.folder.root)}


def portal_environment(plan: Plan) -> dict[str, str]:
    """What a process of the portal needs; also a `reclass` command in another shell."""
    secret_file = plan.folder.secret_file
    return {
        "PORTAL_HOST": LOOPBACK,
        "PORTAL_PORT": str(plan.ports.web),
        "PORTAL_DATABASE_URL": postgres.database_url(plan.ports.postgres),
        "PORTAL_DATABASE_PASSWORD_FILE": str(secret_file("database")),
        "PORTAL_SECRET_KEY_FILE": str(secret_file("django-secret-key")),
        "PORTAL_SYNC_TOKEN_FILE": _token(plan, "portal", "sync"),
        "PORTAL_FEATURES_TOKEN_FILE": _token(plan, "portal", "features"),
        "PORTAL_INFERENCE_TOKEN_FILE": _token(plan, "portal", "inference"),
        "PORTAL_SYNC_TARGET": _target(plan.ports.sync),
        "PORTAL_FEATURES_TARGET": _target(plan.ports.features),
        "PORTAL_INFERENCE_TARGET": _target(plan.ports.inference),
        **({"PORTAL_PLEX_LIBRARY": plan.plex_library} if plan.plex_library else {}),
    }


def programs(plan: Plan, binaries: Path) -> list[Program]:
    """All programs, the database first."""
    server = postgres.program(
        binaries, plan.folder, port=plan.ports.postgres, environment=postgres_environment(plan)
    )
    return [
        server,
        _triton(plan),
        _service("sync", plan.ports.sync, _sync_environment(plan), plan),
        _service("features", plan.ports.features, _features_environment(plan), plan),
        _service("inference", plan.ports.inference, _inference_environment(plan), plan),
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
        "triton": partial(grpc_serves, ports.triton_grpc, _identity(plan, WATCHER)),
        "sync": partial(grpc_serves, ports.sync),
        "features": partial(grpc_serves, ports.features),
        "inference": partial(grpc_serves, ports.inference),
        **({"stand-in": partial(web_answers, ports.stand_in, "/identity")} if plan.stand_in else {}),
        "web": partial(web_answers, ports.web, "/healthz"),
    }


def database_probe(plan: Plan) -> Probe:
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
        environment=base | _triton_environment(plan, base),
        tier=Tier.SERVICES,
        stop_seconds=8,
    )


def _triton_environment(plan: Plan, base: Mapping[str, str]) -> dict[str, str]:
    if plan.mert_weights is None and base.get(MERT_WEIGHTS):
        return {}
    return {MERT_WEIGHTS: str(plan.mert_weights or checkpoint(plan.folder.weights))}


def _service(name: str, port: int, environment: dict[str, str], plan: Plan) -> Program:
    prefix = name.upper()
    own = {
        f"{prefix}_HOST": LOOPBACK,
        f"{prefix}_PORT": str(port),
        **{
            f"{prefix}_TOKEN_OF_{caller.upper()}_FILE": _token(plan, caller, name)
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


def _sync_environment(plan: Plan) -> dict[str, str]:
    plex = plan.plex
    if plan.stand_in:
        token = plan.folder.secret("stand-in-token")
        plex = PlexConnection(url=f"http://{_target(plan.ports.stand_in)}", token=token)
    found = {"SYNC_FOLDER": str(plan.folder.sync)}
    if plex.url:
        found["SYNC_PLEX_URL"] = plex.url
    if plex.token:
        found["SYNC_PLEX_TOKEN_FILE"] = str(plan.folder.secret_file("plex-token", plex.token))
    return found


def _features_environment(plan: Plan) -> dict[str, str]:
    return {
        "FEATURES_SYNC_TARGET": _target(plan.ports.sync),
        "FEATURES_TRITON_TARGET": _target(plan.ports.triton_grpc),
        **_triton_caller(plan, "features"),
        "FEATURES_SYNC_TOKEN_FILE": _token(plan, "features", "sync"),
        **({"FEATURES_MEDIA_FOLDERS": plan.media_folders} if plan.media_folders else {}),
        **({"FEATURES_PATH_MAP": plan.path_map} if plan.path_map else {}),
    }


def _inference_environment(plan: Plan) -> dict[str, str]:
    return {
        "INFERENCE_FEATURES_TARGET": _target(plan.ports.features),
        "INFERENCE_FEATURES_TOKEN_FILE": _token(plan, "inference", "features"),
        "INFERENCE_TRITON_TARGET": _target(plan.ports.triton_grpc),
        "INFERENCE_TRITON_KEY_FILE": str(plan.folder.secret_file("triton-key")),
        **_triton_caller(plan, "inference"),
        "INFERENCE_FOLDER": str(plan.folder.inference),
        "INFERENCE_MODEL_REPOSITORY": str(plan.folder.models),
        "INFERENCE_MODEL_TEMPLATES": str(plan.triton_folder / "models"),
    }


def _triton_caller(plan: Plan, name: str) -> dict[str, str]:
    """By which a service shows Triton who it is."""
    prefix, identity = f"{name.upper()}_TRITON", _identity(plan, name)
    return {
        f"{prefix}_AUTHORITY_FILE": str(identity.authority),
        f"{prefix}_CERTIFICATE_FILE": str(identity.certificate),
        f"{prefix}_CERTIFICATE_KEY_FILE": str(identity.key),
    }


def _identity(plan: Plan, name: str) -> Identity:
    folder = plan.folder.certificates
    return Identity(
        authority=folder / "ca.crt", certificate=folder / f"{name}.crt", key=folder / f"{name}.key"
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


def _token(plan: Plan, caller: str, called: str) -> str:
    """The file of the token that opens one service to another, and nothing else."""
    return str(plan.folder.secret_file(f"{caller}-to-{called}-token"))


def _target(port: int) -> str:
    return f"{LOOPBACK}:{port}"
