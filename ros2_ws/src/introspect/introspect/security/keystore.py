"""Keys, certificates and signed permissions of every process, as SROS2 keeps them.

The layout is that of ``ros2 security create_keystore``, so that its tools work on it, too. Private
keys can be read by their owner alone.

Source: SROS2 (sros2/keystore), DDS Security 1.1, section 9.3.1 (prime256v1, X.509).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from introspect.errors import UsageError
from introspect.security.access import Access
from introspect.security.permissions import dds_topics, governance_xml, permissions_xml
from introspect.security.processes import PROCESSES
from introspect.security.switch import ENCLAVES

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate

    from introspect_description import ArmDescription

AUTHORITY = "introspect"  # common name of who signs
VALID = timedelta(days=3650)
EXTRA = "pip install 'introspect[security]' (or: apt install python3-cryptography)"


def create_keystore(
    folder: Path,
    arms: Sequence[ArmDescription],
    namespace: str = "",
    processes: Sequence[Access] = PROCESSES,
) -> None:
    """Make a keystore with an enclave for every process.

    Args:
        folder: that does not exist yet.
        arms: whose topics are allowed.
        namespace: of all nodes.
        processes: that get enclaves.

    Raises:
        UsageError: The folder exists or cannot be made, or ``cryptography`` is not installed.
    """
    if folder.exists() or folder.is_symlink():
        raise UsageError(f"--out {folder} exists already; name a folder that does not")
    aside = folder.with_name(f".{folder.name}.tmp-{os.getpid()}")
    try:
        begins = datetime.now(timezone.utc) - timedelta(days=1)  # clocks differ
        authority = _Authority.new(begins)
        folder.parent.mkdir(parents=True, exist_ok=True)
        aside.mkdir(mode=0o700)
        _write_authority(aside, authority)
        for process in processes:
            topics = dds_topics(process.rights(arms), process.node, namespace)
            _write_enclave(aside, authority, process.enclave, topics)
        os.rename(aside, folder)
    except ModuleNotFoundError as error:
        if error.name != "cryptography":
            raise
        raise UsageError(f"cryptography is needed and not installed; run: {EXTRA}") from error
    except OSError as error:
        raise UsageError(f"--out {folder} cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


@dataclass(frozen=True)
class _Authority:
    """Who signs: identities and permissions."""

    key: EllipticCurvePrivateKey
    certificate: Certificate
    begins: datetime

    @property
    def ends(self) -> datetime:
        """Of the time for which it signs."""
        return self.begins + VALID

    @classmethod
    def new(cls, begins: datetime) -> _Authority:
        """One with a key of its own, whose certificate it signs itself."""
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        return cls(key, _certificate(AUTHORITY, key, AUTHORITY, key, begins, True), begins)

    def identify(self, enclave: str, key: EllipticCurvePrivateKey) -> Certificate:
        """A certificate for an enclave."""
        return _certificate(enclave, key, AUTHORITY, self.key, self.begins, False)

    def sign(self, document: bytes) -> bytes:
        """A document with its signature, as S/MIME."""
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.serialization import pkcs7

        builder = pkcs7.PKCS7SignatureBuilder().set_data(document)
        builder = builder.add_signer(self.certificate, self.key, hashes.SHA256())
        options = [pkcs7.PKCS7Options.Text, pkcs7.PKCS7Options.DetachedSignature]
        return builder.sign(serialization.Encoding.SMIME, options)


def _certificate(
    subject: str,
    key: EllipticCurvePrivateKey,
    issuer: str,
    signer: EllipticCurvePrivateKey,
    begins: datetime,
    authority: bool,
) -> Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import NameOID

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + VALID)
        .public_key(key.public_key())
        .add_extension(
            x509.BasicConstraints(ca=authority, path_length=1 if authority else None),
            critical=authority,
        )
    )
    return builder.sign(signer, hashes.SHA256())


def _write_authority(folder: Path, authority: _Authority) -> None:
    public, private, enclaves = folder / "public", folder / "private", folder / ENCLAVES
    public.mkdir()
    private.mkdir(mode=0o700)
    enclaves.mkdir()
    (public / "ca.cert.pem").write_bytes(_certificate_text(authority.certificate))
    _write_key(private / "ca.key.pem", authority.key)
    for of in ("identity", "permissions"):
        (public / f"{of}_ca.cert.pem").symlink_to("ca.cert.pem")
        (private / f"{of}_ca.key.pem").symlink_to("ca.key.pem")
    (enclaves / "governance.xml").write_bytes(governance_xml())
    (enclaves / "governance.p7s").write_bytes(authority.sign(governance_xml()))


def _write_enclave(
    keystore: Path, authority: _Authority, enclave: str, topics: tuple[list[str], list[str]]
) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    folder = keystore / ENCLAVES / enclave.lstrip("/")
    folder.mkdir(parents=True)
    up = Path(*[".."] * len(folder.relative_to(keystore).parts))
    for of in ("identity", "permissions"):
        (folder / f"{of}_ca.cert.pem").symlink_to(up / "public" / f"{of}_ca.cert.pem")
    (folder / "governance.p7s").symlink_to(up / ENCLAVES / "governance.p7s")
    key = ec.generate_private_key(ec.SECP256R1())
    _write_key(folder / "key.pem", key)
    (folder / "cert.pem").write_bytes(_certificate_text(authority.identify(enclave, key)))
    document = permissions_xml(enclave, topics, authority.begins, authority.ends)
    (folder / "permissions.xml").write_bytes(document)
    (folder / "permissions.p7s").write_bytes(authority.sign(document))


def _certificate_text(certificate: Certificate) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return certificate.public_bytes(serialization.Encoding.PEM)


def _write_key(path: Path, key: EllipticCurvePrivateKey) -> None:
    from cryptography.hazmat.primitives import serialization

    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text)
