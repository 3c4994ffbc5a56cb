"""The portal's own settings: nonsense is refused with what to do."""

from pathlib import Path

import pytest
from portal.configuration import PortalSettings, listed, networks


@pytest.mark.parametrize("key", ["only for this test", "a" * 60, "x" * 49])
def test_a_key_that_can_be_guessed_is_refused_with_a_command_that_makes_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], key: str
) -> None:
    monkeypatch.setenv("PORTAL_SECRET_KEY", key)
    with pytest.raises(SystemExit) as ended:
        PortalSettings.load()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "PORTAL_SECRET_KEY is (hidden): " in said
    assert "secrets.token_urlsafe(48)" in said
    assert key not in said


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        (
            "PORTAL_TRUSTED_PROXIES",
            "10.0.0.0/8, the proxy",
            "'the proxy' does not appear to be an IPv4",
        ),
        ("PORTAL_TRUSTED_ORIGINS", "music.example.org", "is not http:// or https:// with a host"),
        ("PORTAL_TRUSTED_ORIGINS", "https://music.example.org/admin", "nothing behind it"),
        ("PORTAL_TIME_ZONE", "Berlin", "'Berlin' is no time zone, as Europe/Berlin is one"),
    ],
)
def test_what_is_no_network_and_no_origin_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str, value: str, words: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SystemExit):
        PortalSettings.load()
    said = capsys.readouterr().err
    assert variable in said
    assert words in said


def test_lists_and_networks_are_read_with_spaces_and_without() -> None:
    assert listed(" a, b,,") == ["a", "b"]
    assert [str(each) for each in networks("10.1.2.3/8,::1, 192.0.2.1")] == [
        "10.0.0.0/8",
        "::1/128",
        "192.0.2.1/32",
    ]


@pytest.mark.parametrize(
    ("named", "linked", "zone"),
    [
        ("Asia/Tokyo", "Europe/Berlin", "Asia/Tokyo"),
        (":Asia/Tokyo", "Europe/Berlin", "Asia/Tokyo"),
        ("", "Europe/Berlin", "Europe/Berlin"),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "Europe/Berlin", "Europe/Berlin"),
        ("", "", "UTC"),
    ],
)
def test_people_read_times_of_the_machines_zone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, named: str, linked: str, zone: str
) -> None:
    monkeypatch.setenv("TZ", named)
    monkeypatch.delenv("PORTAL_TIME_ZONE", raising=False)
    monkeypatch.setattr("portal.local_time.LOCALTIME", tmp_path / "localtime")
    if linked:
        (tmp_path / "localtime").symlink_to(f"/usr/share/zoneinfo/{linked}")
    assert PortalSettings.load().zone == zone
    monkeypatch.setenv("PORTAL_TIME_ZONE", "America/New_York")
    assert PortalSettings.load().zone == "America/New_York"
