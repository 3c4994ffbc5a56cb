"""How a service is addressed: by settings and by the client alike, and what is wrong with any other word for it."""

import inspect
from collections.abc import Callable

import pytest
from features.settings import FeatureSettings
from inference.settings import InferenceSettings
from portal.configuration import PortalSettings
from pydantic import ValidationError
from reclass_client import AsyncClient, BadArgumentError, Client
from reclass_client.addresses import address
from runtime.addresses import checked_address
from runtime.settings import ServiceSettings
from sync.settings import SyncSettings

GOOD = [
    "127.0.0.1:50053",
    "localhost:1",
    "inference:50053",
    "my_inference:50053",
    "reclass.example.org:65535",
    "[::1]:50053",
    "[fe80::1%eth0]:50053",
    "dns:///inference:50053",
    "dns://10.0.0.1/inference:50053",
    "dns:inference:50053",
    "ipv4:10.0.0.1:50053,10.0.0.2:50053",
    "ipv6:[::1]:50053",
    "unix:/run/inference.sock",
]
BAD = {
    "": "is empty",
    " ": "blank",
    "127.0.0.1:50053\n": "line break",
    "127.0.0.1 :50053": "blank",
    "127.0.0.1": "no port",
    "127.0.0.1:": "no port",
    "inference": "no port",
    "[::1]": "no port",
    "dns:///inference": "no port",
    "ipv4:10.0.0.1:50053,10.0.0.2": "no port",
    ":50053": "no host",
    "::1:50053": "in brackets",
    "::1": "in brackets",
    "http://127.0.0.1:50053": "http://",
    "https://reclass.example.org": "https://",
    "grpc://127.0.0.1:50053": "grpc://",
    "127.0.0.1:50053/": "path",
    "127.0.0.1/inference:50053": "path",
    "127.0.0.1:0": "its port",
    "127.0.0.1:65536": "its port",
    "127.0.0.1:port": "its port",
    "127.0.0.1:-1": "its port",
    "127.0.0.1:٣": "its port",
    "127.0.0.1:" + "9" * 5000: "its port",
    "somebody@127.0.0.1:50053": "its host",
    "-host:50053": "its host",
    "host?:50053": "its host",
    "unix:": "no socket",
}
RULES = [checked_address, address]
SERVICES: list[type[ServiceSettings]] = [SyncSettings, FeatureSettings, InferenceSettings, PortalSettings]
TARGETS = [
    (settings, name) for settings in SERVICES for name in settings.model_fields if name.endswith("_target")
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__module__)
@pytest.mark.parametrize("text", GOOD)
def test_an_address_is_taken_as_it_is(rule: Callable[[str], str], text: str) -> None:
    assert rule(text) == text


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__module__)
@pytest.mark.parametrize("text", BAD)
def test_what_is_none_is_refused_with_what_is_wrong_and_how_it_is_written(
    rule: Callable[[str], str], text: str
) -> None:
    with pytest.raises(ValueError, match=f"(?s){BAD[text]}.*host:port, as 127.0.0.1:50053"):
        rule(text)


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("target", [*BAD, None, 50053, b"127.0.0.1:50053"])
def test_a_client_says_so_when_it_is_made(kind: type, target: object) -> None:
    with pytest.raises(BadArgumentError, match=r"the target is .*host:port"):
        kind(target)


@pytest.mark.parametrize("settings", SERVICES)
@pytest.mark.parametrize("host", ["", "127.0.0.1:50053", "http://127.0.0.1", "0.0.0.0 ", "a host"])
def test_a_service_listens_on_a_host_alone(settings: type[ServiceSettings], host: str) -> None:
    with pytest.raises(ValidationError, match="the port stands apart"):
        settings(host=host)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]"])
def test_a_host_is_a_name_or_an_ip_address(host: str) -> None:
    assert InferenceSettings(host=host).host == host


@pytest.mark.parametrize(("settings", "name"), TARGETS, ids=lambda each: getattr(each, "__name__", each))
def test_every_setting_that_is_an_address_is_held_to_the_rule(
    settings: type[ServiceSettings],
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    variable = settings.variable(name)
    monkeypatch.setenv(variable, "http://127.0.0.1")
    with pytest.raises(SystemExit) as ended:
        settings.load()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert f"{variable} is 'http://127.0.0.1'" in said
    assert "host:port, as" in said


@pytest.mark.parametrize(("settings", "name"), TARGETS, ids=lambda each: getattr(each, "__name__", each))
def test_an_address_may_be_left_out_where_its_page_says_so(
    settings: type[ServiceSettings], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(settings.variable(name), "")
    may_be_empty = "empty:" in inspect.cleandoc(settings.model_fields[name].description or "")
    if may_be_empty:
        assert getattr(settings(), name) == ""
    else:
        with pytest.raises(ValidationError, match="it is empty"):
            settings()
