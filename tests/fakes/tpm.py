"""A TPM of paper: real keys, real signatures, no TPM. And its maker, with an authority.

`Maker()` is honest; what its certificates say can be made wrong by `certify`'s arguments.
`PaperTpm(maker)` answers as the agent's `TpmKey` does: `evidence`, `activate`, `quote`, `sign`.
What it says can be made wrong: attributes of its keys, what is certified, by whom it is signed,
which registers are quoted. `pcrs`, `reset_count` and `clock` are as one likes.
`a_report` is what an agent reports, and `with_quote` the same with the TPM's quote of it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec
from cryptography import x509
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from doorward.model.ids import UnixSeconds
from doorward.model.posture import Fact
from doorward.protocol.agent import Quote, Report, TpmChallenge, TpmEvidence
from doorward.protocol.tpm.attest import digest_of, select
from doorward.protocol.tpm.binding import enrolled_data, quoted_data
from doorward.protocol.tpm.constants import (
    ENDORSEMENT,
    GENERATED,
    PCRS,
    Algorithm,
    AttestType,
    Attribute,
)
from doorward.protocol.tpm.public_area import (
    PublicArea,
    encode_public,
    name_of,
    qualified_name,
    spki,
)
from doorward.protocol.tpm.wire import Reader, number, sized

AT: UnixSeconds = 1_790_000_000.0
EK_PURPOSE = "2.23.133.8.1"
STAYS = Attribute.FIXED_TPM | Attribute.FIXED_PARENT | Attribute.SENSITIVE_DATA_ORIGIN
EK = STAYS | Attribute.ADMIN_WITH_POLICY | Attribute.RESTRICTED | Attribute.DECRYPT
AK = STAYS | Attribute.USER_WITH_AUTH | Attribute.RESTRICTED | Attribute.SIGN
KEY = STAYS | Attribute.USER_WITH_AUTH | Attribute.SIGN
CLEAN = {place: bytes(32) for place in PCRS}

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@dataclass
class Maker:
    """A root, and an authority below it that certifies endorsement keys."""

    name: str = "Paper TPMs"
    between_is_authority: bool = True
    between_may_certify: bool = True
    between_days: int = 3650
    root_path_length: int | None = None
    root_key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)

    def __post_init__(self) -> None:
        self.root = self._authority("root", self.root_key, path_length=self.root_path_length)
        self.between = self._authority(
            "batch",
            self.key,
            is_authority=self.between_is_authority,
            may_certify=self.between_may_certify,
            days=self.between_days,
        )

    @property
    def files(self) -> Sequence[bytes]:
        """What an operator puts into the folder, PEM."""
        return [item.public_bytes(Encoding.PEM) for item in (self.root, self.between)]

    def certify(
        self,
        key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
        *,
        purposes: Sequence[str] = (EK_PURPOSE,),
        is_authority: bool | None = False,
        days: int = 3650,
        critical: str = "",
    ) -> bytes:
        """A certificate for an endorsement key, DER, valid from ten days before `AT`."""
        builder = self._builder(x509.Name([]), self.between.subject, days).public_key(key)
        name = x509.DirectoryName(
            x509.Name([x509.NameAttribute(x509.ObjectIdentifier("2.23.133.2.1"), "id:00000000")])
        )
        builder = builder.add_extension(x509.SubjectAlternativeName([name]), critical=True)
        if is_authority is not None:
            limits = x509.BasicConstraints(ca=is_authority, path_length=None)
            builder = builder.add_extension(limits, critical=True)
        if purposes:
            usages = x509.ExtendedKeyUsage([x509.ObjectIdentifier(item) for item in purposes])
            builder = builder.add_extension(usages, critical=False)
        if critical:
            odd = x509.UnrecognizedExtension(x509.ObjectIdentifier(critical), b"\x05\x00")
            builder = builder.add_extension(odd, critical=True)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER)

    def _authority(
        self,
        name: str,
        key: ec.EllipticCurvePrivateKey,
        *,
        is_authority: bool = True,
        may_certify: bool = True,
        path_length: int | None = None,
        days: int = 3650,
    ) -> x509.Certificate:
        subject, issuer = (
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{self.name} {item}")])
            for item in (name, "root")
        )
        limits = x509.BasicConstraints(
            ca=is_authority, path_length=path_length if is_authority else None
        )
        usage = x509.KeyUsage(
            digital_signature=not may_certify,
            key_cert_sign=may_certify,
            crl_sign=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        return (
            self._builder(subject, issuer, days)
            .public_key(key.public_key())
            .add_extension(limits, critical=True)
            .add_extension(usage, critical=True)
            .sign(self.root_key, hashes.SHA256())
        )

    def _builder(self, subject: x509.Name, issuer: x509.Name, days: int) -> x509.CertificateBuilder:
        begin = datetime.fromtimestamp(AT, UTC) - timedelta(days=10)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + timedelta(days=days))
        )


@dataclass
class PaperTpm:
    """A TPM with an endorsement key, an attestation key and the device's key."""

    maker: Maker
    ek_key: PrivateKey = field(default_factory=new_key)
    ak_key: PrivateKey = field(default_factory=new_key)
    key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    ak_attributes: Attribute = AK
    key_attributes: Attribute = KEY
    ek_attributes: Attribute = EK
    pcrs: dict[int, bytes] = field(default_factory=lambda: dict(CLEAN))
    reset_count: int = 1
    restart_count: int = 0
    clock: int = 1000

    def __post_init__(self) -> None:
        self.ek_area = area_of(self.ek_key, self.ek_attributes, protects=True)
        self.ak_area = area_of(self.ak_key, self.ak_attributes)
        self.key_area = area_of(self.key, self.key_attributes)
        self.ek_certificate = self.maker.certify(self.ek_key.public_key())

    @property
    def ak_public(self) -> bytes:
        return encode_public(self.ak_area)

    @property
    def public_der(self) -> bytes:
        return spki(self.key_area)

    def sign(self, message: bytes) -> bytes:
        return self.key.sign(message, ec.ECDSA(hashes.SHA256()))

    def evidence(self) -> TpmEvidence:
        certify = self.certified(encode_public(self.key_area), enrolled_data(self.public_der))
        return TpmEvidence(
            ek_certificate=self.ek_certificate,
            ek_public=encode_public(self.ek_area),
            ak_public=self.ak_public,
            key_public=encode_public(self.key_area),
            key_certify=certify,
            key_signature=signature_by(self.ak_key, certify),
        )

    def certified(self, public: bytes, data: bytes, *, signer: bytes | None = None) -> bytes:
        """A TPMS_ATTEST on the key of a TPMT_PUBLIC."""
        says = sized(name_of(public)) + sized(qualified_name(ENDORSEMENT, public))
        return self.attested(AttestType.CERTIFY, data, says, signer=signer)

    def quoted(
        self,
        data: bytes,
        pcrs: Mapping[int, bytes] | None = None,
        *,
        chosen: tuple[int, ...] = PCRS,
        signer: bytes | None = None,
    ) -> bytes:
        """A TPMS_ATTEST on registers."""
        says = select(chosen) + sized(digest_of(pcrs or self.pcrs))
        return self.attested(AttestType.QUOTE, data, says, signer=signer)

    def attested(
        self, kind: int, data: bytes, says: bytes, *, signer: bytes | None = None
    ) -> bytes:
        name = qualified_name(ENDORSEMENT, self.ak_public) if signer is None else signer
        counts = number(self.clock, 8) + number(self.reset_count, 4) + number(self.restart_count, 4)
        head = number(GENERATED, 4) + number(kind, 2) + sized(name) + sized(data)
        return head + counts + b"\x01" + bytes(8) + says

    def quote(self, data: bytes) -> Quote:
        self.clock += 1
        attest = self.quoted(data)
        return Quote(
            attest=attest, signature=signature_by(self.ak_key, attest), pcrs=dict(self.pcrs)
        )

    def activate(self, challenge: TpmChallenge) -> bytes:
        """Raises ValueError where the credential is for another TPM or key."""
        blob, secret = Reader(challenge.credential), Reader(challenge.secret)
        inner = Reader(blob.sized())
        mac, identity = inner.sized(), inner.rest()
        seed = self._seed(secret.sized())
        name = name_of(self.ak_public)
        expected = hmac.digest(kdfa(seed, b"INTEGRITY", b"", 256), identity + name, "sha256")
        if not hmac.compare_digest(mac, expected):
            raise ValueError("integrity")
        cipher = Cipher(algorithms.AES(kdfa(seed, b"STORAGE", name, 128)), CFB(bytes(16)))
        decryptor = cipher.decryptor()
        return Reader(decryptor.update(identity) + decryptor.finalize()).sized()

    def _seed(self, encrypted: bytes) -> bytes:
        if isinstance(self.ek_key, rsa.RSAPrivateKey):
            scheme = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), b"IDENTITY\0")
            return self.ek_key.decrypt(encrypted, scheme)
        point = Reader(encrypted)
        x, y = point.sized(), point.sized()
        numbers = (int.from_bytes(x, "big"), int.from_bytes(y, "big"))
        theirs = ec.EllipticCurvePublicNumbers(*numbers, ec.SECP256R1()).public_key()
        shared = self.ek_key.exchange(ec.ECDH(), theirs)
        own = self.ek_key.public_key().public_numbers().x.to_bytes(32, "big")
        return hashlib.sha256(number(1, 4) + shared + b"IDENTITY\0" + x + own).digest()


def kdfa(seed: bytes, label: bytes, context: bytes, bits: int) -> bytes:
    block = number(1, 4) + label + b"\0" + context + number(bits, 4)
    return hmac.digest(seed, block, "sha256")[: bits // 8]


def area_of(key: PrivateKey, attributes: Attribute, *, protects: bool = False) -> PublicArea:
    """The public area of a key: one that protects others, or one that signs."""
    symmetric: Literal[Algorithm.AES, Algorithm.NULL] = (
        Algorithm.AES if protects else Algorithm.NULL
    )
    if isinstance(key, rsa.RSAPrivateKey):
        return PublicArea(
            kind=Algorithm.RSA,
            attributes=attributes,
            symmetric=symmetric,
            scheme=Algorithm.NULL if protects else Algorithm.RSASSA,
            modulus=key.public_key().public_numbers().n.to_bytes(256, "big"),
        )
    point = key.public_key().public_numbers()
    return PublicArea(
        kind=Algorithm.ECC,
        attributes=attributes,
        symmetric=symmetric,
        scheme=Algorithm.NULL if protects else Algorithm.ECDSA,
        point=(point.x.to_bytes(32, "big"), point.y.to_bytes(32, "big")),
    )


def signature_by(key: PrivateKey, message: bytes) -> bytes:
    """A TPMT_SIGNATURE."""
    digest = number(Algorithm.SHA256, 2)
    if isinstance(key, rsa.RSAPrivateKey):
        signed = key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        return number(Algorithm.RSASSA, 2) + digest + sized(signed)
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    pair = sized(r.to_bytes(32, "big")) + sized(s.to_bytes(32, "big"))
    return number(Algorithm.ECDSA, 2) + digest + pair


def a_report(counter: int = 1, nonce: str = "nonce-1", at: UnixSeconds = AT) -> Report:
    fact = Fact(name="secure-boot", value=True, at=at, method="efivars")
    return Report(counter=counter, nonce=nonce, at=at, platform="linux", facts=(fact,))


def with_quote(tpm: PaperTpm, report: Report) -> Report:
    """The report with a quote of the TPM that is tied to it."""
    return msgspec.structs.replace(report, quote=tpm.quote(quoted_data(report)))
