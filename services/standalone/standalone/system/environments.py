"""The environment of each program: its own settings, whom it calls by which token, and nothing that is another's."""

import os
from collections.abc import Mapping

from standalone.host.ports import LOOPBACK
from standalone.processes.leftovers import MARK
from standalone.processes.readiness import Identity
from standalone.system import postgres
from standalone.system.mert_weights import checkpoint
from standalone.system.plan import Plan, PlexConnection

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
        **_calls(plan, "portal"),
        **({"PORTAL_PLEX_LIBRARY": plan.plex_library} if plan.plex_library else {}),
    }


def sync_environment(plan: Plan) -> dict[str, str]:
    """Where sync keeps its connection, and the Plex server, which in a demo is the stand-in."""
    plex = plan.plex
    if plan.stand_in:
        token = plan.folder.secret("stand-in-token")
        plex = PlexConnection(url=f"http://{target(plan.ports.stand_in)}", token=token)
    found = {"SYNC_FOLDER": str(plan.folder.sync)}
    if plex.url:
        found["SYNC_PLEX_URL"] = plex.url
    if plex.token:
        found["SYNC_PLEX_TOKEN_FILE"] = str(plan.folder.secret_file("plex-token", plex.token))
    return found


def features_environment(plan: Plan) -> dict[str, str]:
    """Whom features calls, and where it finds audio files."""
    return {
        **_calls(plan, "features"),
        **_triton_caller(plan, "features"),
        **({"FEATURES_MEDIA_FOLDERS": plan.media_folders} if plan.media_folders else {}),
        **({"FEATURES_PATH_MAP": plan.path_map} if plan.path_map else {}),
    }


def inference_environment(plan: Plan) -> dict[str, str]:
    """Whom inference calls, and where it keeps models and callers."""
    return {
        **_calls(plan, "inference"),
        "INFERENCE_TRITON_KEY_FILE": str(plan.folder.secret_file("triton-key")),
        **_triton_caller(plan, "inference"),
        "INFERENCE_FOLDER": str(plan.folder.inference),
        "INFERENCE_MODEL_REPOSITORY": str(plan.folder.models),
        "INFERENCE_MODEL_TEMPLATES": str(plan.triton_folder / "models"),
    }


def _calls(plan: Plan, caller: str) -> dict[str, str]:
    """Where the services are that it calls, and by which token each lets it in."""
    found = {}
    for name, called in ARROWS:
        if name == caller:
            prefix = f"{caller}_{called}".upper()
            found[f"{prefix}_TARGET"] = target(getattr(plan.ports, called))
            found[f"{prefix}_TOKEN_FILE"] = token_file(plan, caller, called)
    return found


def _triton_caller(plan: Plan, name: str) -> dict[str, str]:
    """Where Triton is, and by which a service shows it who it is."""
    prefix, own = f"{name.upper()}_TRITON", identity(plan, name)
    return {
        f"{prefix}_TARGET": target(plan.ports.triton_grpc),
        f"{prefix}_AUTHORITY_FILE": str(own.authority),
        f"{prefix}_CERTIFICATE_FILE": str(own.certificate),
        f"{prefix}_CERTIFICATE_KEY_FILE": str(own.key),
    }


def triton_environment(plan: Plan, base: Mapping[str, str]) -> dict[str, str]:
    """The checkpoint of MERT: that of the plan, else what `base` names, else what is in the folder."""
    if plan.mert_weights is None and base.get(MERT_WEIGHTS):
        return {}
    return {MERT_WEIGHTS: str(plan.mert_weights or checkpoint(plan.folder.weights))}


def identity(plan: Plan, name: str) -> Identity:
    """The files of a caller's certificate for Triton."""
    folder = plan.folder.certificates
    return Identity(
        authority=folder / "ca.crt", certificate=folder / f"{name}.crt", key=folder / f"{name}.key"
    )


def token_file(plan: Plan, caller: str, called: str) -> str:
    """The file of the token that opens one service to another, and nothing else."""
    return str(plan.folder.secret_file(f"{caller}-to-{called}-token"))


def target(port: int) -> str:
    """The address of a port of this machine."""
    return f"{LOOPBACK}:{port}"
