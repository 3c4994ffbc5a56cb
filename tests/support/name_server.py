"""A name server for tests: answers for one name with the addresses that a test sets, over UDP on loopback."""

import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address

HEADER = struct.Struct(">HHHHHH")
ANSWER = struct.Struct(">HHHIH4s")
RESPONSE_FLAGS = 0x8180  # an answer, recursion available, no error
TYPE_A, CLASS_IN, OF_THE_QUESTION = 1, 1, 0xC00C


class NameServer(socketserver.ThreadingUDPServer):
    """Whatever name is asked for stands for `addresses`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Question)
        self.addresses: list[str] = []

    def target(self, name: str, port: int) -> str:
        """What a channel is told so that it asks here."""
        return f"dns://127.0.0.1:{self.server_address[1]}/{name}:{port}"


class _Question(socketserver.BaseRequestHandler):
    server: NameServer

    def handle(self) -> None:
        packet, socket = self.request
        number, *_ = HEADER.unpack_from(packet)
        end = packet.index(b"\0", HEADER.size) + 5  # the name, its type and its class
        question = packet[HEADER.size : end]
        wanted = int.from_bytes(question[-4:-2], "big")
        addresses = self.server.addresses if wanted == TYPE_A else []
        answers = [
            ANSWER.pack(OF_THE_QUESTION, TYPE_A, CLASS_IN, 0, 4, IPv4Address(address).packed)
            for address in addresses
        ]
        header = HEADER.pack(number, RESPONSE_FLAGS, 1, len(answers), 0, 0)
        socket.sendto(header + question + b"".join(answers), self.client_address)


@contextmanager
def name_server() -> Iterator[NameServer]:
    """A running one."""
    with NameServer() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()
