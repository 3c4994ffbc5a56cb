"""Who gets through to a Triton as it stands on one machine: our two services, each with its own right, nobody else."""

import base64
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import psutil
import pytest
from browser import open_page
from processes import free_port
from runtime.triton import ForbiddenError, Identity, Triton, TritonUnavailableError
from standalone.host.certificates import ensure_certificates
from trial_weights import write_trial
from triton_server import TritonServer, triton_server
from tritonclient.grpc import service_pb2, service_pb2_grpc

KEY = "a-key-that-only-inference_has"
SAMPLE = np.zeros((1, 1), dtype=np.int16)


@dataclass(frozen=True, kw_only=True)
class Guarded:
    """The server, and what lies about it."""

    server: TritonServer
    certificates: Path
    http_port: int
    """Where it was told to listen for HTTP."""
    marker: Path
    """Is written by the model that a stranger wants loaded."""

    def identity(self, name: str, folder: Path | None = None) -> Identity:
        folder = folder or self.certificates
        return Identity(
            authority=(self.certificates / "ca.crt").read_text(),
            certificate=(folder / f"{name}.crt").read_text(),
            key=(folder / f"{name}.key").read_text(),
        )

    def inference(self) -> Triton:
        return Triton(self.server.target, identity=self.identity("inference"), key=KEY)

    def order(self) -> dict[str, Any]:
        """A load that brings its own program, as Triton's HTTP and gRPC both take it."""
        program = f"open({str(self.marker)!r}, 'w').close()\nclass TritonPythonModel: pass\n"
        config = {"backend": "python", "max_batch_size": 0}
        return {
            "parameters": {
                "config": json.dumps(config),
                "file:1/model.py": base64.b64encode(program.encode()).decode(),
            }
        }


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("triton")
    ensure_certificates(folder / "tls", ["inference", "features"])
    key = folder / "key"
    key.write_text(KEY)
    http_port = free_port()
    identity = Identity(
        authority=(folder / "tls" / "ca.crt").read_text(),
        certificate=(folder / "tls" / "features.crt").read_text(),
        key=(folder / "tls" / "features.key").read_text(),
    )
    write_trial(folder / "weights", "tiny-95m")
    arguments = [f"--tls={folder / 'tls'}", f"--key-file={key}", f"--http-port={http_port}"]
    environment = {"TRITON_MERT_WEIGHTS": str(folder / "weights")}
    with triton_server(folder, environment, arguments=arguments, identity=identity, metrics=False) as server:
        yield Guarded(
            server=server, certificates=folder / "tls", http_port=http_port, marker=folder / "was-here"
        )


def test_inference_gives_orders(guarded: Guarded) -> None:
    triton = guarded.inference()
    assert {model["name"] for model in triton.index()} >= {"genre_head", "mert"}
    triton.unload("mert")
    triton.load("mert")
    triton.close()


def test_features_asks_and_gives_no_orders(guarded: Guarded) -> None:
    triton = Triton(guarded.server.target, identity=guarded.identity("features"))
    assert triton.ask("mert", {"windows": SAMPLE}, ["description"])["description"].shape == (1, 1)
    parameters = {"options": json.dumps({"window_seconds": "1", "dtype": "fp32"})}
    second = np.ones((1, 24_000), dtype=np.int16)
    answer = triton.ask("mert", {"windows": second}, ["embedding"], parameters=parameters)
    assert answer["embedding"].shape == (1, 1, 768)
    for order in (
        lambda: triton.load("mert", guarded.order()),
        lambda: triton.unload("mert"),
        triton.index,
    ):
        with pytest.raises(ForbiddenError, match="only inference has it"):
            order()
    triton.close()
    assert not guarded.marker.exists()


def test_the_key_opens_nothing_without_a_certificate(guarded: Guarded, tmp_path: Path) -> None:
    """Every local user can read it on the server's command line."""
    assert KEY in " ".join(server_process(guarded).cmdline())
    ensure_certificates(tmp_path / "own", ["inference"])
    for identity in (None, guarded.identity("inference", tmp_path / "own")):
        stranger = Triton(guarded.server.target, identity=identity, key=KEY)
        assert not stranger.is_live()
        with pytest.raises(TritonUnavailableError):
            stranger.load("mert")
        stranger.close()


def test_who_trusts_the_server_but_shows_no_certificate_is_sent_away(guarded: Guarded) -> None:
    authority = (guarded.certificates / "ca.crt").read_bytes()
    credentials = grpc.ssl_channel_credentials(root_certificates=authority)
    with grpc.secure_channel(guarded.server.target, credentials) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        with pytest.raises(grpc.RpcError) as refusal:
            stub.ServerLive(service_pb2.ServerLiveRequest(), timeout=5)
    assert refusal.value.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("protocol", ["SystemSharedMemoryStatus", "TraceSetting", "LogSettings"])
def test_what_nobody_needs_takes_the_key_too(guarded: Guarded, protocol: str) -> None:
    with grpc.secure_channel(guarded.server.target, guarded.identity("features").credentials()) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        request = getattr(service_pb2, f"{protocol}Request")()
        with pytest.raises(grpc.RpcError, match="protocol is restricted"):
            getattr(stub, protocol)(request, timeout=5)


def test_nothing_but_grpc_listens_whatever_port_http_was_given(guarded: Guarded) -> None:
    listening = {
        connection.laddr.port
        for connection in server_process(guarded).net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {int(guarded.server.target.rpartition(":")[2])}


def test_an_order_in_plain_http_to_the_port_of_grpc_is_no_order(guarded: Guarded) -> None:
    host, _, port = guarded.server.target.rpartition(":")
    body = json.dumps(guarded.order())
    head = f"POST /v2/repository/models/x/load HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(f"{head}{body}".encode())
        assert b"200" not in connection.recv(4096)[:20]
    assert not guarded.marker.exists()


def test_a_page_in_a_browser_has_no_model_loaded(guarded: Guarded) -> None:
    """Such a request needs no leave of the server: the browser sends it, and only keeps the answer from the page."""
    with page_of_a_stranger() as address, open_page() as page:
        page.goto(address)
        outcomes = page.evaluate(
            """async ([ports, order]) => Promise.all(ports.flatMap(port => ["http", "https"].map(scheme =>
                 fetch(`${scheme}://127.0.0.1:${port}/v2/repository/models/x/load`,
                       {method: "POST", mode: "no-cors", body: order})
                 .then(() => "sent", () => "refused"))))""",
            [
                [guarded.http_port, int(guarded.server.target.rpartition(":")[2])],
                json.dumps(guarded.order()),
            ],
        )
    assert outcomes == ["refused"] * 4
    assert not guarded.marker.exists()
    triton = guarded.inference()
    assert "x" not in {model["name"] for model in triton.index()}
    triton.close()


class page_of_a_stranger:  # noqa: N801  used as a context
    """An empty page of another origin."""

    def __enter__(self) -> str:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_port}/"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>a page</title>")

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""


def server_process(guarded: Guarded) -> psutil.Process:
    return psutil.Process(guarded.server.pid)
