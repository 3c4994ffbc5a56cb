"""What the sync service takes from its environment, and what it refuses."""

from pathlib import Path

import pytest
from sync.__main__ import connection_of
from sync.settings import SyncSettings


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SYNC_PLEX_URL", "SYNC_PLEX_TOKEN", "SYNC_PLEX_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("http://nas:32400", "http://nas:32400"),
        ("https://plex.example/behind/proxy/", "https://plex.example/behind/proxy"),
        (" http://nas:32400/web/index.html#!/media?X-Plex-Token=abc ", "http://nas:32400"),
        ("http://nas:32400/?X-Plex-Token=abc", "http://nas:32400"),
        (
            "https://1-2.plex.direct:32400/library/metadata/7?X-Plex-Token=abc",
            "https://1-2.plex.direct:32400",
        ),
        ("", None),
    ],
)
def test_an_address_may_be_copied_from_a_browser(
    monkeypatch: pytest.MonkeyPatch, given: str, used: str | None
) -> None:
    monkeypatch.setenv("SYNC_PLEX_URL", given)

    assert SyncSettings.load().plex_url == used


@pytest.mark.parametrize(
    "given",
    [
        "192.168.1.5:32400",
        "nas",
        "ftp://nas",
        "http://",
        "http://me:pw@nas:32400",
        "http://nas..local:32400",
        f"http://{'a' * 64}.local",
    ],
)
def test_what_is_no_address_ends_the_start_with_the_variable_s_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], given: str
) -> None:
    monkeypatch.setenv("SYNC_PLEX_URL", given)

    with pytest.raises(SystemExit, match="2"):
        SyncSettings.load()
    assert "SYNC_PLEX_URL" in capsys.readouterr().err


def test_the_token_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("abc\n")
    monkeypatch.setenv("SYNC_PLEX_URL", "http://nas:32400")
    monkeypatch.setenv("SYNC_PLEX_TOKEN_FILE", str(tmp_path / "token"))

    address = connection_of(SyncSettings.load()).address()

    assert address is not None
    assert (address.url, address.token) == ("http://nas:32400", "abc")


@pytest.mark.parametrize(
    "given",
    [
        "X-Plex-Token=abc-1",
        " https://1-2.plex.direct:32400/library/metadata/7?checkFiles=1&X-Plex-Token=abc-1 ",
        "/library/metadata/7?X-Plex-Token=abc-1&includeExtras=1",
    ],
)
def test_a_token_may_be_copied_with_what_stands_around_it(
    monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("SYNC_PLEX_URL", "http://nas:32400")
    monkeypatch.setenv("SYNC_PLEX_TOKEN", given)

    address = connection_of(SyncSettings.load()).address()

    assert address is not None
    assert address.token == "abc-1"


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "schlüssel"])
def test_a_token_that_fits_in_no_header_is_refused_without_being_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], token: str
) -> None:
    monkeypatch.setenv("SYNC_PLEX_TOKEN", token)

    with pytest.raises(SystemExit, match="2"):
        SyncSettings.load()
    shown = capsys.readouterr().err
    assert "SYNC_PLEX_TOKEN" in shown
    assert token not in shown


@pytest.mark.parametrize("missing", ["SYNC_PLEX_URL", "SYNC_PLEX_TOKEN"])
def test_half_a_configuration_is_none(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setenv("SYNC_PLEX_URL", "http://nas:32400")
    monkeypatch.setenv("SYNC_PLEX_TOKEN", "abc")
    monkeypatch.delenv(missing)

    connection = connection_of(SyncSettings.load())
    assert connection.address() is None
    assert missing in connection.trouble()


def test_who_still_sets_the_old_token_is_sent_to_those_of_the_arrows_and_not_to_that_of_plex(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SYNC_TOKEN", "of before")
    with pytest.raises(SystemExit) as refused:
        SyncSettings.load()
    said = f"{refused.value} {capsys.readouterr()}"
    assert "set SYNC_TOKEN_OF_PORTAL, SYNC_TOKEN_OF_FEATURES (each" in said
