"""A maker of passkey devices: a root certificate, and an attestation key for one model.

`Maker(model)` is honest. What its certificate says can be made wrong: the model, the subject's
unit, whether it is an authority itself, when it ends; and an authority may stand between.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

_AAGUID = x509.ObjectIdentifier("1.3.6.1.4.1.45724.1.1.4")


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@dataclass
class Maker:
    model: str
    unit: str = "Authenticator Attestation"
    is_authority: bool = False
    names_model: bool = True
    days: int = 3650
    between: bool = False
    between_is_authority: bool = True
    root_key: ec.EllipticCurvePrivateKey = field(default_factory=_key)
    key: ec.EllipticCurvePrivateKey = field(default_factory=_key)

    def __post_init__(self) -> None:
        root = self._certificate(
            f"Root {token_hex(4)}", self.root_key, None, self.root_key, authority=True
        )
        issuer, issuer_key = root, self.root_key
        middle: list[x509.Certificate] = []
        if self.between:
            issuer_key = _key()
            issuer = self._certificate(
                "Batch", issuer_key, root, self.root_key, authority=self.between_is_authority
            )
            middle = [issuer]
        leaf = self._certificate(
            "Device", self.key, issuer, issuer_key, authority=self.is_authority, attests=True
        )
        self.root = root.public_bytes(Encoding.PEM)
        self.chain = [item.public_bytes(Encoding.DER) for item in (leaf, *middle)]

    def _certificate(
        self,
        name: str,
        key: ec.EllipticCurvePrivateKey,
        issuer: x509.Certificate | None,
        issuer_key: ec.EllipticCurvePrivateKey,
        *,
        authority: bool,
        attests: bool = False,
    ) -> x509.Certificate:
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test Keys"),
                x509.NameAttribute(
                    NameOID.ORGANIZATIONAL_UNIT_NAME, self.unit if attests else "Authorities"
                ),
                x509.NameAttribute(NameOID.COMMON_NAME, name),
            ]
        )
        begin = datetime.now(UTC) - timedelta(days=3660)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + timedelta(days=3660 + (self.days if attests else 3650)))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if attests and self.names_model:
            value = b"\x04\x10" + UUID(self.model).bytes
            builder = builder.add_extension(x509.UnrecognizedExtension(_AAGUID, value), False)
        return builder.sign(issuer_key, SHA256())
