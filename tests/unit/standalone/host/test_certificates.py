"""The certificates of one machine: private, one for each caller, renewed long before they end."""

import shutil
import stat
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from standalone.host.certificates import RENEWED_BEFORE_END, VALID, ensure_certificates

NOW = datetime(2026, 3, 1, tzinfo=UTC)
CLIENTS = ["inference", "features"]


def texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_only_their_owner_reads_them_and_no_key_of_the_authority_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    ensure_certificates(folder, CLIENTS, NOW)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    names = {"server", *CLIENTS}
    assert texts(folder).keys() == {"ca.crt"} | {f"{name}.{end}" for name in names for end in ("crt", "key")}
    assert len(set(texts(folder).values())) == len(texts(folder))
    assert list(tmp_path.iterdir()) == [folder]


def test_the_server_is_this_machine_and_clients_are_no_servers(tmp_path: Path) -> None:
    ensure_certificates(tmp_path / "tls", CLIENTS, NOW)
    server = x509.load_pem_x509_certificate((tmp_path / "tls" / "server.crt").read_bytes())
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.IPAddress) == [ip_address("127.0.0.1")]
    client = x509.load_pem_x509_certificate((tmp_path / "tls" / "features.crt").read_bytes())
    usage = client.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [x509.ExtendedKeyUsageOID.CLIENT_AUTH]


def test_they_stay_until_half_of_their_time_is_over_and_are_then_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    ensure_certificates(folder, CLIENTS, NOW)
    first = texts(folder)
    ensure_certificates(folder, CLIENTS, NOW + VALID - RENEWED_BEFORE_END - timedelta(days=2))
    assert texts(folder) == first
    ensure_certificates(folder, CLIENTS, NOW + VALID - RENEWED_BEFORE_END + timedelta(days=2))
    assert all(text != first[name] for name, text in texts(folder).items())


def test_what_lacks_or_is_broken_or_is_of_a_clock_that_ran_ahead_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    for fault in ("a key lacks", "a certificate is broken", "they are of a time to come"):
        shutil.rmtree(folder, ignore_errors=True)
        ensure_certificates(folder, CLIENTS, NOW + timedelta(days=400 if "come" in fault else 0))
        before = texts(folder)
        if "lacks" in fault:
            (folder / "features.key").unlink()
        if "broken" in fault:
            (folder / "server.crt").write_text("nothing")
        ensure_certificates(folder, CLIENTS, NOW)
        assert texts(folder)["ca.crt"] != before["ca.crt"], fault
        assert (folder / "features.key").exists()


def test_a_caller_that_is_new_gets_one(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    ensure_certificates(folder, CLIENTS, NOW)
    ensure_certificates(folder, [*CLIENTS, "up"], NOW)
    assert (folder / "up.key").exists()
