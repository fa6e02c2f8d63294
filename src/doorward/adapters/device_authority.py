"""The device CA: issues client certificates that name who holds a key (port `DeviceAuthority`)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from doorward.adapters import ca
from doorward.administrator.fleet.ports import IssuedCertificate
from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds
from doorward.model.spiffe import DeviceName, SpiffeId, parse_spiffe_id

_BACKDATE = timedelta(minutes=5)
_MAX_NAME = 64


class LocalDeviceAuthority:
    """A CA whose key is at hand. Certificates are X.509-SVIDs: one URI, no DNS name, no CA."""

    def __init__(self, authority: ca.KeyPair) -> None:
        key = serialization.load_pem_private_key(authority.key, password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError("an authority of doorward holds a P-256 key")
        self._key = key
        certificate = x509.load_pem_x509_certificate(authority.certificate)
        self._issuer = certificate.subject
        self._der = certificate.public_bytes(serialization.Encoding.DER)
        self._key_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())

    def issue(
        self,
        csr: bytes,
        spiffe_id: SpiffeId,
        at: UnixSeconds,
        seconds: float,
        *,
        host: DeviceName | None = None,
    ) -> IssuedCertificate:
        """Names and extensions that the CSR asks for are not looked at.

        Raises ValueError where the id is not one that a parser of canonical ids reads back.
        """
        if parse_spiffe_id(str(spiffe_id)) != spiffe_id:
            raise ValueError(spiffe_id)
        key = _key_of(csr)
        start = datetime.fromtimestamp(int(at), UTC)
        end = start + timedelta(seconds=int(seconds))
        certificate = (
            x509.CertificateBuilder()
            .subject_name(_subject(spiffe_id, host))
            .issuer_name(self._issuer)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start - _BACKDATE)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_USAGE, critical=True)
            .add_extension(_PURPOSE, critical=False)
            .add_extension(
                x509.SubjectAlternativeName([x509.UniformResourceIdentifier(str(spiffe_id))]),
                critical=False,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(self._key_id, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return IssuedCertificate(
            certificate=certificate.public_bytes(serialization.Encoding.DER),
            authority=self._der,
            ends_at=end.timestamp(),
        )


_USAGE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
_PURPOSE = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])


def _subject(spiffe_id: SpiffeId, host: DeviceName | None) -> x509.Name:
    """What `model.spiffe.host_named_by` reads, for a service; for people to read, of a device."""
    if host is None:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, spiffe_id.path[1][:_MAX_NAME])])
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, host.device),
            x509.NameAttribute(NameOID.SERIAL_NUMBER, host.key),
        ]
    )


_MALFORMED = (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature, x509.InvalidVersion)


def _key_of(csr: bytes) -> ec.EllipticCurvePublicKey:
    try:
        request = x509.load_der_x509_csr(csr)
        key, signed = request.public_key(), request.is_signature_valid
    except _MALFORMED as error:
        raise _malformed() from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise _malformed()
    if not signed:
        raise _malformed()
    return key


def _malformed() -> DoorwardError:
    return DoorwardError(
        "csr-malformed",
        "The certificate request is not one for a P-256 key, signed with that key.",
        "Make it with doorward agent.",
    )
