"""The device's TLS certificate: a new key each time, and files for the programs that present it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from doorward.agent.channel import Channel
from doorward.agent.files import write_atomically
from doorward.agent.software_key import private_pem
from doorward.agent.state import AgentState, StateFolder
from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds
from doorward.model.spiffe import device_spiffe_id
from doorward.protocol.agent import CertificateRequest, Issued

SUBJECT: Final = "device"


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
    return _checked(key, issued, channel.state, enrolled_key)


def keep(folder: StateFolder, identity: TlsIdentity) -> None:
    """Write the files that programs read; the certificate last, so watch that one."""
    pem = serialization.Encoding.PEM
    write_atomically(folder.authority, identity.authority.public_bytes(pem), 0o644)
    write_atomically(folder.certificate_key, private_pem(identity.key))
    write_atomically(folder.certificate, identity.certificate.public_bytes(pem), 0o644)


def _csr(key: ec.EllipticCurvePrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, SUBJECT)])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.DER)


def _checked(
    key: ec.EllipticCurvePrivateKey, issued: Issued, state: AgentState, enrolled_key: bytes
) -> TlsIdentity:
    """What was issued is for this key, for this device, by the authority that comes with it."""
    try:
        certificate = x509.load_der_x509_certificate(issued.certificate)
        authority = x509.load_der_x509_certificate(issued.authority)
        certificate.verify_directly_issued_by(authority)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
        ours = certificate.public_key() == key.public_key()
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound) as error:
        raise _unusable() from error
    digest = hashlib.sha256(enrolled_key).hexdigest()
    expected = str(device_spiffe_id(state.trust_domain, state.device, digest))
    if not ours or uris != [expected]:
        raise _unusable()
    return TlsIdentity(key, certificate, authority, issued.ends_at, issued.renew_at)


def _unusable() -> DoorwardError:
    return DoorwardError(
        "certificate-unusable",
        "Control issued a certificate that is not this device's.",
        "See that agent and control plane are of one version.",
    )
