"""Starts the Triton server that lies inside the nvidia-pytriton wheel on a model repository of our own.

Run it with the Python of Triton's environment; it needs nothing but the standard library and becomes the server
itself (exec), so that signals and the exit status are the server's own. Nothing of PyTriton's Python code is imported.

    .venv-triton/bin/python services/triton/launch.py --model-repository DIR --state DIR [--grpc-port 8001] ...

The server is reached by gRPC alone. Over HTTP any page that a browser shows could have it load a model, and a model is
a program; and a request in 700,000 pieces ends the server. Who loads, or uses what else an answer does not need, sends
the key of --key-file; with --tls only those come through whose certificate is signed by the same authority.

Arguments that it does not know are handed to tritonserver unchanged.
"""

import argparse
import ctypes
import os
import platform
import re
import shutil
import socket
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

DISTRIBUTION = "nvidia-pytriton"
OLDEST_GLIBC = (2, 35)
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
LIBPYTHON = f"libpython{PYTHON}.so.1.0"
SHARED = Path(__file__).resolve().parent / "embedding_model.py"
CONFIGURATION = "config.pbtxt"
# What an embedding's configuration has and a head's has not: the name of an output.
OF_EMBEDDINGS = '"description"'
# What a caller who only wants answers has no use for, and by which a server is made to run or to write something.
RESTRICTED = "model-repository,shared-memory,trace,logging"
KEY_NAME = "reclass-key"
KEY_VARIABLE = "TRITON_KEY_FILE"


class CannotStartError(Exception):
    """The server cannot run here; the message says what to do."""


def main() -> None:
    options, extra = parse_arguments(sys.argv[1:])
    try:
        check_environment()
        check_ports(options)
        key = read_key(options.key_file)
        site = Path(str(metadata.distribution(DISTRIBUTION).locate_file(""))).resolve()
        backends = assemble_backends(site, options.state)
    except CannotStartError as problem:
        sys.exit(f"Triton cannot start: {problem}")
    server = site / "pytriton" / "tritonserver" / "bin" / "tritonserver"
    os.execve(  # noqa: S606  a server of our own choice, no shell wanted
        server,
        server_arguments(options, backends, extra, key),
        server_environment(site, options.state, os.environ),
    )


def parse_arguments(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(description="Start the Triton server.", allow_abbrev=False)
    parser.add_argument(
        "--model-repository", type=Path, action="append", required=True, help="may be repeated"
    )
    parser.add_argument(
        "--state", type=Path, required=True, help="folder of this server's own: backends, tmp"
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--grpc-port", type=int, default=8001)
    parser.add_argument("--metrics-port", type=int, default=0, help="0 shows no metrics, the default")
    parser.add_argument(
        "--tls", type=Path, help="folder with ca.crt, server.crt, server.key: callers must have a certificate"
    )
    parser.add_argument(
        "--key-file",
        type=Path,
        default=os.environ.get(KEY_VARIABLE) or None,
        help=f"file with the key that a caller needs to load models; else the one that {KEY_VARIABLE} names",
    )
    return parser.parse_known_args(arguments)


def check_environment() -> None:
    """Refuse early what would otherwise show as a hang or as empty tensors."""
    check_glibc(platform.libc_ver())
    check_wheel()
    check_numpy()
    check_libpython()


def check_glibc(libc: tuple[str, str]) -> None:
    name, version = libc
    if name != "glibc" or tuple(int(part) for part in version.split(".")[:2]) < OLDEST_GLIBC:
        found = f"{name} {version}".strip() or "none"
        raise CannotStartError(f"it needs glibc 2.35 or newer (Debian 12, Ubuntu 22.04), and here is {found}")


def check_wheel() -> None:
    try:
        metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        raise CannotStartError(
            f"{DISTRIBUTION} is not installed in {sys.prefix}: install services/triton/requirements.txt there"
        ) from None


def check_numpy() -> None:
    """The wheel's Python stubs give empty tensors with numpy 2, without an error."""
    try:
        version = metadata.version("numpy")
    except metadata.PackageNotFoundError:
        raise CannotStartError(f"numpy is not installed in {sys.prefix}: install numpy<2 there") from None
    if int(version.split(".")[0]) >= 2:
        raise CannotStartError(f"numpy is {version} in {sys.prefix}; the Python backend needs numpy<2")


def check_libpython() -> None:
    """Without libpython the load of a model waits for ever."""
    if any((folder / LIBPYTHON).exists() for folder in libpython_folders()):
        return
    try:
        ctypes.CDLL(LIBPYTHON)
    except OSError:
        raise CannotStartError(
            f"{LIBPYTHON} is missing: install it (Debian: apt install libpython{PYTHON})"
        ) from None


def libpython_folders() -> list[Path]:
    """This interpreter's own library comes first: another of the system may be an older Python."""
    folders = [Path(sys.base_prefix) / "lib"]
    configured = sysconfig.get_config_var("LIBDIR")
    return folders + ([Path(configured)] if configured else [])


def check_ports(options: argparse.Namespace) -> None:
    ports = {"gRPC": options.grpc_port}
    if options.metrics_port:
        ports["metrics"] = options.metrics_port
    for name, port in ports.items():
        with socket.socket(socket.AF_INET6 if ":" in options.host else socket.AF_INET) as probe:
            # A socket in TIME_WAIT of a server that was just stopped is no reason to refuse.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((options.host, port))
            except OSError as error:
                reason = error.strerror or str(error)
                raise CannotStartError(
                    f"{name} port {port} on {options.host} cannot be taken: {reason}"
                ) from None


def read_key(file: Path | None) -> str | None:
    """The key of the restricted calls; an empty file would restrict nothing, so it is refused."""
    if file is None:
        return None
    try:
        key = Path(file).read_text().strip()
    except OSError as error:
        raise CannotStartError(f"the key in {file} cannot be read: {error.strerror}") from None
    if not re.fullmatch(r"[A-Za-z0-9_-]+", key):
        raise CannotStartError(f"the key in {file} must be a word of letters, digits, - and _")
    return key


def assemble_backends(site: Path, state: Path) -> Path:
    """Lay the Python backend and the stub for this Python side by side, as the server wants them.

    With them goes what the models of embeddings have in common: of all folders, a stub looks there for modules.
    """
    backends = state.resolve() / "backends"
    folder = backends / "python"
    folder.mkdir(parents=True, exist_ok=True)
    server = site / "pytriton" / "tritonserver"
    stub = server / "python_backend_stubs" / PYTHON / "triton_python_backend_stub"
    if not stub.exists():
        raise CannotStartError(f"{DISTRIBUTION} has no stub for Python {PYTHON}")
    # An installer that compiles has left a folder of bytecode between the files.
    parts = [path for path in (server / "backends" / "python").iterdir() if path.is_file()]
    for source in (*parts, stub, SHARED):
        replace_file(source, folder / source.name)
    (folder / stub.name).chmod(0o755)
    return backends


def replace_file(source: Path, target: Path) -> None:
    """Copy by rename: another server may be running from the old file."""
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.copy2(source, fresh)
    fresh.rename(target)


def server_arguments(
    options: argparse.Namespace, backends: Path, extra: Sequence[str], key: str | None = None
) -> list[str]:
    for repository in options.model_repository:
        repository.mkdir(parents=True, exist_ok=True)
    return [
        "tritonserver",
        *(f"--model-repository={repository.resolve()}" for repository in options.model_repository),
        f"--backend-directory={backends}",
        "--model-control-mode=explicit",
        # A failed load would make the whole server unready for good, although the other models serve.
        "--strict-readiness=false",
        "--exit-on-error=false",
        # Saves one start of a stub per load; every model here has a complete config.pbtxt.
        "--disable-auto-complete-config",
        # A model whose process died or whose load failed is never let go, and would hold up the end for 30 s.
        "--exit-timeout-secs=8",
        *loaded_at_start(options.model_repository),
        *doors(options, key),
        *([] if has_gpu() else ["--pinned-memory-pool-byte-size=0", "--allow-gpu-metrics=false"]),
        *extra,
    ]


def loaded_at_start(repositories: Sequence[Path]) -> list[str]:
    """The embeddings. They read their weights when they are asked, so that the service which asks for them needs no
    right to load. Heads are inference's, which loads them itself."""
    folders = [folder for repository in repositories for folder in sorted(repository.iterdir())]
    return [f"--load-model={folder.name}" for folder in folders if is_embedding(folder)]


def is_embedding(folder: Path) -> bool:
    configuration = folder / CONFIGURATION
    return configuration.is_file() and OF_EMBEDDINGS in configuration.read_text()


def doors(options: argparse.Namespace, key: str | None) -> list[str]:
    """Where the server listens and to whom. All that is not named here is closed by name, whatever its default is."""
    metrics = [f"--metrics-address={options.host}", f"--metrics-port={options.metrics_port}"]
    tls = [
        "--grpc-use-ssl=true",
        "--grpc-use-ssl-mutual=true",
        f"--grpc-root-cert={options.tls}/ca.crt",
        f"--grpc-server-cert={options.tls}/server.crt",
        f"--grpc-server-key={options.tls}/server.key",
    ]
    return [
        "--allow-http=false",
        "--allow-sagemaker=false",
        "--allow-vertex-ai=false",
        f"--grpc-address={options.host}",
        f"--grpc-port={options.grpc_port}",
        *(metrics if options.metrics_port else ["--allow-metrics=false"]),
        *(tls if options.tls else []),
        *([f"--grpc-restricted-protocol={RESTRICTED}:{KEY_NAME}={key}"] if key else []),
    ]


def has_gpu() -> bool:
    return Path("/dev/nvidiactl").exists()


def server_environment(site: Path, state: Path, inherited: Mapping[str, str]) -> dict[str, str]:
    """The stub takes its Python from PATH and its libraries from LD_LIBRARY_PATH; threads are one per stub."""
    scratch = state.resolve() / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    libraries = [str(site / "nvidia_pytriton.libs"), *map(str, libpython_folders())]
    if inherited.get("LD_LIBRARY_PATH"):
        libraries.append(inherited["LD_LIBRARY_PATH"])
    return {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        # Threads that wait for each other asleep leave the processor to the decoders, which are busy at the same time.
        "OMP_WAIT_POLICY": "passive",
        **inherited,
        "LD_LIBRARY_PATH": ":".join(libraries),
        "PATH": f"{Path(sys.executable).parent}:{inherited.get('PATH', '')}",
        "TMPDIR": str(scratch),
    }


if __name__ == "__main__":
    main()
