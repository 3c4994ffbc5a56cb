"""What another local user gets at: becomes one, tries every door and file, and prints what came of it as JSON.

    python stranger.py UID '{"services": ..., "triton": PORT, "postgres": PORT, "web": PORT, ...}'

It begins as root only to find its own modules; nothing is tried before it is the other user.
"""

import encodings.idna  # noqa: F401  a name is looked up by it, when it can be read no more
import http.client
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

import grpc
import psycopg
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from reclass.features.v1 import features_pb2
from reclass.inference.v1 import inference_pb2
from reclass.sync.v1 import sync_pb2
from tritonclient.grpc import service_pb2

MODULES = {"sync": sync_pb2, "features": features_pb2, "inference": inference_pb2}
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
PAGES = ("/", "/livez", "/healthz", "/metrics", "/admin/", "/admin/login/", "/admin/library/track/")


def main() -> None:
    uid, known = int(sys.argv[1]), json.loads(sys.argv[2])
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
    doors = {name: of_service(name, port) for name, port in known["services"].items()}
    found = {
        "services": doors,
        "triton": of_triton(known["triton"]),
        "postgres": [of_postgres(known["postgres"], user) for user in ("postgres", "reclass")],
        "web": {path: of_page(known["web"], path) for path in PAGES},
        "http": {port: speaks_http(port) for port in known["grpc"]},
        "readable": readable(Path(known["root"])),
        "environments": [pid for pid in known["pids"] if can_open(f"/proc/{pid}/environ")],
        "command_lines": [Path(f"/proc/{pid}/cmdline").read_text() for pid in known["pids"]],
    }
    sys.stdout.write(json.dumps(found))


def of_service(name: str, port: int) -> dict[str, dict[str, str]]:
    """The status of each method without a token, and with one that is invented."""
    methods = [
        f"/{service.full_name}/{method.name}"
        for service in MODULES[name].DESCRIPTOR.services_by_name.values()
        for method in service.methods
    ]
    options = [("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        health = asked(channel, "/grpc.health.v1.Health/Check", health_pb2.HealthCheckRequest())
        reflected = asked(
            channel, REFLECTION, reflection_pb2.ServerReflectionRequest(list_services=""), streams=True
        )
        return {
            "health": {"Check": health},
            "reflection": {"list": reflected},
            "without": {method: asked(channel, method) for method in methods},
            "invented": {method: asked(channel, method, token="x" * 43) for method in methods},
        }


def asked(
    channel: grpc.Channel, method: str, message: Any = None, *, token: str = "", streams: bool = False
) -> str:
    metadata = [("authorization", f"Bearer {token}")] if token else []
    data = message.SerializeToString() if message is not None else b""
    try:
        if streams:
            next(iter(channel.stream_stream(method)(iter([data]), timeout=10, metadata=metadata)))
        else:
            channel.unary_unary(method)(data, timeout=10, metadata=metadata)
    except grpc.RpcError as error:
        return str(error.code().name)  # type: ignore[attr-defined] # of every call's error
    return "OK"


def of_triton(port: int) -> dict[str, str]:
    """Without a certificate, in plain text and encrypted."""
    health, order = service_pb2.ServerLiveRequest(), service_pb2.RepositoryIndexRequest()
    tried = {}
    for name, channel in (
        ("plain", grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.enable_http_proxy", 0)])),
        ("encrypted", grpc.secure_channel(f"127.0.0.1:{port}", grpc.ssl_channel_credentials())),
    ):
        with channel:
            tried[f"{name} live"] = asked(channel, "/inference.GRPCInferenceService/ServerLive", health)
            tried[f"{name} index"] = asked(channel, "/inference.GRPCInferenceService/RepositoryIndex", order)
            tried[f"{name} health"] = asked(
                channel, "/grpc.health.v1.Health/Check", health_pb2.HealthCheckRequest()
            )
    return tried


def of_postgres(port: int, user: str) -> str:
    try:
        psycopg.connect(f"postgresql://{user}@127.0.0.1:{port}/postgres", connect_timeout=10).close()
    except psycopg.OperationalError as error:
        return str(error)
    return "connected"


def of_page(port: int, path: str) -> str:
    """Status, and where it leads."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    return f"{answer.status} {answer.getheader('Location') or ''}".strip()


def speaks_http(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        try:
            return connection.recv(64).startswith(b"HTTP/1.1 200")
        except OSError:
            return False


def readable(root: Path) -> list[str]:
    """Files of the data folder that can be opened, and folders that can be written to."""
    found = []
    for folder, _, files in os.walk(root):
        if os.access(folder, os.W_OK):
            found.append(f"{folder} (writable)")
        found += [str(Path(folder, name)) for name in files if can_open(str(Path(folder, name)))]
    return found


def can_open(path: str) -> bool:
    try:
        with Path(path).open("rb") as file:
            file.read(1)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
