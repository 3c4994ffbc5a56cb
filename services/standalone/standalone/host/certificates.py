"""The certificates by which the parts of one system know each other at Triton, made at the first start.

Any local user reaches a port of loopback, so the port asks for a certificate, and the files are of mode 600. They are
made together, signed by an authority of this data folder whose own key is thrown away: nobody can add another.
"""

import os
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from runtime.private_files import write_private

from standalone.host.data_folder import PRIVATE
from standalone.host.ports import LOOPBACK

AUTHORITY, SERVER = "ca", "server"
# A system is started anew more often than this, and looks at every start.
VALID = timedelta(days=3650)
RENEWED_BEFORE_END = timedelta(days=1825)
# A machine whose clock is put right a little backwards must not refuse what it has just made.
CLOCK_SLACK = timedelta(days=1)


def ensure_certificates(folder: Path, clients: Iterable[str], now: datetime | None = None) -> None:
    """Make `ca.crt`, and `.crt` and `.key` of the server and each client, unless all are there and valid for long."""
    at = now or datetime.now(UTC)
    names = [SERVER, *clients]
    if all(_is_good(path, at) for path in _certificates(folder, names)) and _has_keys(folder, names):
        return
    fresh = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True, mode=PRIVATE)
    _make(fresh, names, at)
    # A start that is cut off between the two finds none, and makes them again.
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)


def _certificates(folder: Path, names: Iterable[str]) -> list[Path]:
    return [folder / f"{name}.crt" for name in (AUTHORITY, *names)]


def _has_keys(folder: Path, names: Iterable[str]) -> bool:
    return all((folder / f"{name}.key").exists() for name in names)


def _is_good(path: Path, at: datetime) -> bool:
    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        return False
    return found.not_valid_before_utc <= at <= found.not_valid_after_utc - RENEWED_BEFORE_END


def _make(folder: Path, names: Iterable[str], at: datetime) -> None:
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _name("Music ReClass on this machine")
    certificate = (
        _builder(authority, authority, authority_key.public_key(), at)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    _write_certificate(folder / f"{AUTHORITY}.crt", certificate)
    for name in names:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(name), authority, key.public_key(), at).add_extension(
            x509.BasicConstraints(ca=False, path_length=None), critical=True
        )
        for extension in _purpose(name):
            builder = builder.add_extension(extension, critical=False)
        _write_certificate(folder / f"{name}.crt", builder.sign(authority_key, hashes.SHA256()))
        _write_key(folder / f"{name}.key", key)


def _purpose(name: str) -> list[x509.ExtensionType]:
    if name != SERVER:
        return [x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])]
    return [
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
        x509.SubjectAlternativeName([x509.IPAddress(ip_address(LOOPBACK)), x509.DNSName("localhost")]),
    ]


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, at: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - CLOCK_SLACK)
        .not_valid_after(at + VALID)
    )


def _write_certificate(path: Path, certificate: x509.Certificate) -> None:
    write_private(path, certificate.public_bytes(serialization.Encoding.PEM).decode())


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_private(path, pem.decode())
