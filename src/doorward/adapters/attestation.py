"""Whether an attestation proves the model of a passkey device (WebAuthn level 3, 8.2)."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from cryptography import x509
from webauthn.helpers import parse_attestation_object, validate_certificate_chain
from webauthn.helpers.exceptions import InvalidCertificateChain

_AAGUID_EXTENSION = x509.ObjectIdentifier("1.3.6.1.4.1.45724.1.1.4")
_OCTETS_OF_16 = b"\x04\x10"
_SUBJECT_UNIT = "Authenticator Attestation"


class AttestationRoots:
    """The certificates of makers whose statements are believed.

    Only the `packed` format with a certificate counts. The library beside this has verified the
    signature by then; what it leaves to its caller is checked here: the chain to one of `roots`
    (without any it accepts every chain), the certificate's own requirements (8.2.1), and that it
    was made for the model that the device claims. A statement that a device signs with the new
    key itself (self attestation) proves nothing.
    """

    def __init__(self, roots: Sequence[bytes] = ()) -> None:
        """`roots` are PEM certificates. Raises ValueError where one is none."""
        for root in roots:
            x509.load_pem_x509_certificate(root)
        self._roots = list(roots)

    def vouch(self, attestation_object: bytes, aaguid: str) -> bool:
        """Whether the verified statement in `attestation_object` proves model `aaguid`."""
        parsed = parse_attestation_object(attestation_object)
        chain = parsed.att_stmt.x5c
        if not self._roots or parsed.fmt != "packed" or not chain:
            return False
        certificate = x509.load_der_x509_certificate(chain[0])
        if not _is_for(certificate, aaguid):
            return False
        try:
            return validate_certificate_chain(x5c=chain, pem_root_certs_bytes=self._roots)
        except InvalidCertificateChain:
            return False


def _is_for(certificate: x509.Certificate, aaguid: str) -> bool:
    units = certificate.subject.get_attributes_for_oid(x509.NameOID.ORGANIZATIONAL_UNIT_NAME)
    try:
        extensions = certificate.extensions
        model = extensions.get_extension_for_oid(_AAGUID_EXTENSION)
        constraints = extensions.get_extension_for_class(x509.BasicConstraints).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    value = model.value
    return (
        [unit.value for unit in units] == [_SUBJECT_UNIT]
        and not constraints.ca
        and isinstance(value, x509.UnrecognizedExtension)
        and value.value == _OCTETS_OF_16 + UUID(aaguid).bytes
    )
