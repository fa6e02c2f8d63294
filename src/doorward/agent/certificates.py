"""TLS certificates of the device and of services on it: a new key each time, in files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from doorward.agent.channel import Channel
from doorward.agent.files import read_bytes, write_atomically
from doorward.agent.software_key import private_pem
from doorward.agent.state import StateFolder
from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds
from doorward.model.spiffe import SpiffeId, device_spiffe_id
from doorward.protocol.agent import CertificateRequest, Issued, WorkloadRequest

SUBJECT: Final = "device"
_SERVICE: Final = "service"


@dataclass(frozen=True, slots=True)
class TlsIdentity:
    """A key and its certificate with the issuer's. `renew_at` is when control wants the next."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    authority: x509.Certificate
    ends_at: UnixSeconds
    renew_at: UnixSeconds


def renew(channel: Channel, enrolled_key: bytes) -> TlsIdentity:
    """A certificate for a new key. `enrolled_key` is the device's public key (SPKI, DER).

    Raises `certificate-unusable` and what `Channel.send` raises.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    csr = _csr(key)
    issued = channel.send(
        "certificate",
        lambda counter, nonce: CertificateRequest(counter=counter, nonce=nonce, csr=csr),
        Issued,
    )
    state, digest = channel.state, hashlib.sha256(enrolled_key).hexdigest()
    return _checked(key, issued, device_spiffe_id(state.trust_domain, state.device, digest))


def renew_workload(channel: Channel, service: str) -> TlsIdentity:
    """A certificate for `service`, which the estate has run on this device.

    Raises as `renew` does; control refuses with `workload-not-here`.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    csr = _csr(key)
    issued = channel.send(
        "workloads",
        lambda counter, nonce: WorkloadRequest(
            counter=counter, nonce=nonce, service=service, csr=csr
        ),
        Issued,
    )
    return _checked(key, issued, SpiffeId(channel.state.trust_domain, (_SERVICE, service)))


def keep_workload(folder: Path, identity: TlsIdentity) -> None:
    """Write `authority.pem`, `key.pem` and, last, `certificate.pem`, for who owns the folder."""
    pem = serialization.Encoding.PEM
    write_atomically(folder / "authority.pem", identity.authority.public_bytes(pem), 0o644)
    write_atomically(folder / "key.pem", private_pem(identity.key))
    write_atomically(folder / "certificate.pem", identity.certificate.public_bytes(pem), 0o644)


def keep(folder: StateFolder, identity: TlsIdentity) -> None:
    """Write the files that programs read; the certificate last, so watch that one."""
    pem = serialization.Encoding.PEM
    write_atomically(folder.authority, identity.authority.public_bytes(pem), 0o644)
    write_atomically(folder.certificate_key, private_pem(identity.key))
    write_atomically(folder.certificate, identity.certificate.public_bytes(pem), 0o644)


def kept_until(folder: StateFolder) -> UnixSeconds | None:
    """Until when the device's certificate that is kept is good; None where there is none."""
    try:
        kept = x509.load_pem_x509_certificate(read_bytes(folder.certificate) or b"")
    except ValueError:
        return None
    return kept.not_valid_after_utc.timestamp()


def _csr(key: ec.EllipticCurvePrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, SUBJECT)])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.DER)


def _checked(key: ec.EllipticCurvePrivateKey, issued: Issued, expected: SpiffeId) -> TlsIdentity:
    """What was issued is for this key and this name, by the authority that comes with it."""
    try:
        certificate = x509.load_der_x509_certificate(issued.certificate)
        authority = x509.load_der_x509_certificate(issued.authority)
        certificate.verify_directly_issued_by(authority)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
        ours = certificate.public_key() == key.public_key()
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound) as error:
        raise _unusable() from error
    if not ours or uris != [str(expected)]:
        raise _unusable()
    return TlsIdentity(key, certificate, authority, issued.ends_at, issued.renew_at)


def _unusable() -> DoorwardError:
    return DoorwardError(
        "certificate-unusable",
        "Control issued a certificate for another key or another name.",
        "See that agent and control plane are of one version.",
    )
