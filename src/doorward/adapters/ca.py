"""doorward's own certificate authorities: X.509 (RFC 5280) on P-256.

Three authorities keep three kinds of trust apart: the server CA is what browsers and gateways
trust, the gateway CA admits gateways to the control plane, the device CA names devices. None can
stand in for another, and the server CA's certificate is constrained to the estate's own names, so
that whoever trusts it in a browser trusts it for nothing else.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from doorward.model.ids import UnixSeconds

AUTHORITY_DAYS = 3650
LEAF_DAYS = 397
RENEW_BEFORE_DAYS = 30
_BACKDATE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A private key (PKCS #8) and its certificate, both PEM."""

    key: bytes
    certificate: bytes

    @property
    def thumbprint(self) -> str:
        """The hex SHA-256 of the certificate's DER."""
        der = x509.load_pem_x509_certificate(self.certificate).public_bytes(
            serialization.Encoding.DER
        )
        return hashlib.sha256(der).hexdigest()


def create_authority(name: str, at: UnixSeconds, *, domains: Sequence[str] = ()) -> KeyPair:
    """A self-signed authority; with `domains` it can sign for these names and those below only."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        _builder(subject, subject, key.public_key(), at, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if domains:
        builder = builder.add_extension(
            x509.NameConstraints(
                permitted_subtrees=[x509.DNSName(domain) for domain in domains],
                excluded_subtrees=[
                    x509.IPAddress(ipaddress.ip_network("0.0.0.0/0")),
                    x509.IPAddress(ipaddress.ip_network("::/0")),
                ],
            ),
            critical=True,
        )
    return _pair(key, builder.sign(key, hashes.SHA256()))


def issue_server(authority: KeyPair, names: Sequence[str], at: UnixSeconds) -> KeyPair:
    """A server certificate for DNS `names`, the first of which is the common name."""
    return _issue(
        authority, names[0], [x509.DNSName(name) for name in names], at, server=True, days=LEAF_DAYS
    )


def issue_gateway(authority: KeyPair, gateway: str, at: UnixSeconds) -> KeyPair:
    """A client certificate that admits gateway `gateway`, its common name, to the control plane."""
    uri = x509.UniformResourceIdentifier(f"doorward:gateway:{gateway}")
    return _issue(authority, gateway, [uri], at, server=False, days=LEAF_DAYS)


def needs_renewal(certificate: bytes, at: UnixSeconds) -> bool:
    """Whether a PEM certificate ends within `RENEW_BEFORE_DAYS`."""
    end = x509.load_pem_x509_certificate(certificate).not_valid_after_utc
    return end - datetime.fromtimestamp(at, UTC) < timedelta(days=RENEW_BEFORE_DAYS)


def _issue(
    authority: KeyPair,
    name: str,
    alternatives: Sequence[x509.GeneralName],
    at: UnixSeconds,
    *,
    server: bool,
    days: int,
    key: ec.EllipticCurvePrivateKey | None = None,
) -> KeyPair:
    signer = serialization.load_pem_private_key(authority.key, password=None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise TypeError("an authority of doorward holds a P-256 key")
    issuer = x509.load_pem_x509_certificate(authority.certificate)
    key = key or ec.generate_private_key(ec.SECP256R1())
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    certificate = (
        _builder(subject, issuer.subject, key.public_key(), at, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .sign(signer, hashes.SHA256())
    )
    return _pair(key, certificate)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    at: UnixSeconds,
    days: int,
) -> x509.CertificateBuilder:
    start = datetime.fromtimestamp(int(at), UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - _BACKDATE)
        .not_valid_after(start + timedelta(days=days))
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _pair(key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> KeyPair:
    return KeyPair(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        certificate.public_bytes(serialization.Encoding.PEM),
    )
