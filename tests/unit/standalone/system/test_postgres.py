"""Who listens on the database's port while the database is down learns no password."""

import socket
import struct
import threading
from collections.abc import Iterator

import pytest
from standalone.processes.readiness import database_answers
from standalone.system import postgres

SSL_REQUEST = 80877103
ASKS_FOR_PLAIN_TEXT = b"R" + struct.pack("!II", 8, 3)


@pytest.fixture
def squatter() -> Iterator[tuple[int, list[bytes]]]:
    """The port of another user's server, and what it was told."""
    told: list[bytes] = []

    def listen(door: socket.socket) -> None:
        with door.accept()[0] as caller:
            caller.settimeout(5)
            first = caller.recv(8)
            if struct.unpack("!II", first)[1] == SSL_REQUEST:
                caller.sendall(b"N")
                first = caller.recv(8)
            caller.recv(struct.unpack("!I", first[:4])[0] - 8)
            caller.sendall(ASKS_FOR_PLAIN_TEXT)
            told.append(caller.recv(1000))

    with socket.create_server(("127.0.0.1", 0)) as door:
        thread = threading.Thread(target=listen, args=(door,))
        thread.start()
        yield door.getsockname()[1], told
        thread.join()


def test_the_password_is_told_to_no_server_that_does_not_know_it(squatter: tuple[int, list[bytes]]) -> None:
    port, told = squatter
    said = database_answers(postgres.database_url(port, password="the-secret"))
    assert said is not None
    assert "authentication method requirement" in said
    assert b"the-secret" not in b"".join(told)
