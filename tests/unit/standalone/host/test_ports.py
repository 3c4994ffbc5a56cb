"""Ports: taken ones are said by name, with the way out."""

import os
import socket
from collections.abc import Iterator

import pytest
from standalone.errors import PortTakenError
from standalone.host.ports import Ports, check_ports


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def ports_with(**given: int) -> Ports:
    return Ports(**{**dict(Ports.free().items()), **given})


def test_free_ports_pass_the_check() -> None:
    check_ports(Ports.free())


def test_a_taken_port_is_named_with_who_wants_it_who_has_it_and_what_changes_it(listening: int) -> None:
    with pytest.raises(PortTakenError) as refusal:
        check_ports(ports_with(features=listening))
    said = str(refusal.value)
    assert f"port {listening}" in said
    assert "features wants it" in said
    assert f"process {os.getpid()}" in said
    assert "RECLASS_FEATURES_PORT" in said


def test_the_port_of_the_pages_has_an_option_of_its_own(listening: int) -> None:
    with pytest.raises(PortTakenError, match=r"--port \(or RECLASS_WEB_PORT\)"):
        check_ports(ports_with(web=listening))


def test_two_parts_on_one_port_are_refused() -> None:
    free = Ports.free()
    with pytest.raises(PortTakenError, match="sync and inference both want port"):
        check_ports(ports_with(sync=free.sync, inference=free.sync))


def test_a_port_that_nobody_will_use_may_be_taken(listening: int) -> None:
    check_ports(ports_with(stand_in=listening), unused=frozenset({"stand_in"}))
