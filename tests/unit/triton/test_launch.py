"""The launcher refuses early, with words, what would otherwise hang or give empty tensors."""

import importlib.util
import socket
from pathlib import Path
from types import ModuleType

import pytest

LAUNCHER = Path(__file__).parents[3] / "services" / "triton" / "launch.py"


@pytest.fixture(scope="module")
def launch() -> ModuleType:
    spec = importlib.util.spec_from_file_location("triton_launch", LAUNCHER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_an_old_glibc_is_refused(launch: ModuleType) -> None:
    with pytest.raises(launch.CannotStartError, match=r"needs glibc 2\.35 or newer .* here is glibc 2\.31"):
        launch.check_glibc(("glibc", "2.31"))


def test_a_libc_of_another_kind_is_refused(launch: ModuleType) -> None:
    with pytest.raises(launch.CannotStartError, match="here is none"):
        launch.check_glibc(("", ""))


def test_a_newer_glibc_is_taken(launch: ModuleType) -> None:
    launch.check_glibc(("glibc", "2.41"))


def test_numpy_2_is_refused(launch: ModuleType) -> None:
    """The environment of these tests has numpy 2 by design, and is not Triton's."""
    with pytest.raises(launch.CannotStartError, match="needs numpy<2"):
        launch.check_numpy()


def test_an_environment_without_the_wheel_is_refused(launch: ModuleType) -> None:
    with pytest.raises(launch.CannotStartError, match=r"install services/triton/requirements\.txt"):
        launch.check_wheel()


def test_a_taken_port_is_named(launch: ModuleType, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        options, _ = launch.parse_arguments(
            [
                f"--model-repository={tmp_path}",
                f"--state={tmp_path}",
                f"--metrics-port={port}",
                "--grpc-port=0",
            ]
        )
        with pytest.raises(
            launch.CannotStartError, match=f"metrics port {port} on 127.0.0.1 cannot be taken"
        ):
            launch.check_ports(options)


def test_unknown_arguments_are_for_the_server(launch: ModuleType, tmp_path: Path) -> None:
    options, extra = launch.parse_arguments(
        [f"--model-repository={tmp_path}", f"--state={tmp_path}", "--log-verbose=1"]
    )
    assert extra == ["--log-verbose=1"]
    arguments = launch.server_arguments(options, tmp_path / "backends", extra)
    assert arguments[-1] == "--log-verbose=1"
    assert "--model-control-mode=explicit" in arguments
    assert "--strict-readiness=false" in arguments
    assert "--grpc-address=127.0.0.1" in arguments


def test_every_door_but_grpc_is_closed_by_name(launch: ModuleType, tmp_path: Path) -> None:
    options, extra = launch.parse_arguments([f"--model-repository={tmp_path}", f"--state={tmp_path}"])
    arguments = launch.server_arguments(options, tmp_path / "backends", extra)
    for door in ("http", "metrics", "sagemaker", "vertex-ai"):
        assert f"--allow-{door}=false" in arguments
    assert not [each for each in arguments if each.startswith(("--http", "--metrics"))]


def test_with_a_key_nobody_else_gives_orders(launch: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("a-word\n")
    options, extra = launch.parse_arguments(
        [f"--model-repository={tmp_path}", f"--state={tmp_path}", f"--key-file={file}"]
    )
    arguments = launch.server_arguments(options, tmp_path, extra, launch.read_key(options.key_file))
    restricted = "model-repository,shared-memory,trace,logging"
    assert f"--grpc-restricted-protocol={restricted}:reclass-key=a-word" in arguments


@pytest.mark.parametrize("text", ["", "two words", "a,b=c"])
def test_a_key_that_would_restrict_nothing_or_something_else_is_refused(
    launch: ModuleType, tmp_path: Path, text: str
) -> None:
    (tmp_path / "key").write_text(text)
    with pytest.raises(launch.CannotStartError, match="must be a word"):
        launch.read_key(tmp_path / "key")


def test_a_key_that_cannot_be_read_is_named(launch: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(launch.CannotStartError, match="missing cannot be read: No such file"):
        launch.read_key(tmp_path / "missing")


def test_the_stubs_find_this_python_and_leave_the_cores_to_each_other(
    launch: ModuleType, tmp_path: Path
) -> None:
    environment = launch.server_environment(
        tmp_path, tmp_path / "state", {"PATH": "/bin", "LD_LIBRARY_PATH": "/x"}
    )
    assert environment["PATH"].endswith(":/bin")
    assert environment["LD_LIBRARY_PATH"].endswith(":/x")
    assert environment["OMP_NUM_THREADS"] == "1"
    assert Path(environment["TMPDIR"]).is_dir()


def test_what_an_installer_compiled_is_no_part_of_the_backend(launch: ModuleType, tmp_path: Path) -> None:
    server = tmp_path / "site" / "pytriton" / "tritonserver"
    stub = server / "python_backend_stubs" / launch.PYTHON / "triton_python_backend_stub"
    bytecode = server / "backends" / "python" / "__pycache__"
    bytecode.mkdir(parents=True)
    stub.parent.mkdir(parents=True)
    stub.touch()
    (server / "backends" / "python" / "libtriton_python.so").touch()
    backends = launch.assemble_backends(tmp_path / "site", tmp_path / "state")
    laid = {path.name for path in (backends / "python").iterdir()}
    assert laid == {"libtriton_python.so", stub.name, "embedding_model.py"}


def test_every_embedding_of_the_repositories_is_loaded_and_no_head(
    launch: ModuleType, tmp_path: Path
) -> None:
    models = LAUNCHER.parent / "models"
    head = tmp_path / "genre_fma"
    head.mkdir()
    (head / "config.pbtxt").write_text((models / "genre_head" / "config.pbtxt").read_text())
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    loaded = launch.loaded_at_start([tmp_path, models])
    folders = {folder.name for folder in models.iterdir() if (folder / "1").is_dir()}
    assert {f"--load-model={name}" for name in folders} == set(loaded)
    assert "genre_head" not in folders
