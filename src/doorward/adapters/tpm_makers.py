"""Whether a maker of TPMs that is trusted certified an endorsement key (TCG EK Credential Profile).

1.  The certificate leads to a root of a trusted maker, by way of intermediates from the same
    folder; each is valid at that moment, and every authority among them is one (CA, and its key
    may sign certificates where it says what for).
2.  It certifies no authority itself.
3.  Where it says what its key is for, that is an endorsement key (2.23.133.8.1).
4.  It and every authority are free of critical extensions that nobody understands.

`cryptography` builds the chain and checks it, CA and critical extensions included; what is about
endorsement keys is checked here.
Whether it was revoked is not asked: nothing is fetched from the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.verification import (
    ClientVerifier,
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from doorward.administrator.devices.attestation.refused import AttestationRefusedError
from doorward.model.ids import UnixSeconds

_ENDORSEMENT_KEY = x509.ObjectIdentifier("2.23.133.8.1")
_MAX_CHAIN = 5
_REMEDY = "Ask those who run doorward which makers of TPMs they trust."


class TrustedTpmMakers:
    """Port `TpmMakers` with certificates from files: roots and the intermediates below them.

    A certificate that signed itself is a root. Without any root no certificate is believed.
    """

    def __init__(self, certificates: Sequence[bytes] = ()) -> None:
        """`certificates` are PEM, one each. Raises ValueError where one is none."""
        loaded = [x509.load_pem_x509_certificate(item) for item in certificates]
        self._roots = [item for item in loaded if item.subject == item.issuer]
        self._intermediates = [item for item in loaded if item.subject != item.issuer]

    @property
    def any(self) -> bool:
        """Whether any maker is trusted at all."""
        return bool(self._roots)

    def vouch(self, certificate: bytes, at: UnixSeconds) -> bytes:
        if not self._roots:
            raise AttestationRefusedError("No maker of TPMs is trusted here.", _REMEDY)
        try:
            leaf = x509.load_der_x509_certificate(certificate)
            key = leaf.public_key()
            self._verifier(at).verify(leaf, self._intermediates)
        except (VerificationError, ValueError, UnsupportedAlgorithm) as error:
            raise AttestationRefusedError(
                "No trusted maker certified the TPM's endorsement key.", _REMEDY
            ) from error
        if not isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
            raise AttestationRefusedError("The TPM's endorsement key is of an unknown kind.")
        return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def _verifier(self, at: UnixSeconds) -> ClientVerifier:
        authority = (
            ExtensionPolicy.permit_all()
            .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
            .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _may_certify)
        )
        endorsement = (
            ExtensionPolicy.permit_all()
            .may_be_present(x509.BasicConstraints, Criticality.AGNOSTIC, _is_no_authority)
            .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _is_endorsement_key)
        )
        return (
            PolicyBuilder()
            .store(Store(self._roots))
            .time(datetime.fromtimestamp(at, UTC))
            .max_chain_depth(_MAX_CHAIN)
            .extension_policies(ca_policy=authority, ee_policy=endorsement)
            .build_client_verifier()
        )


def _may_certify(_: Policy, __: x509.Certificate, found: x509.KeyUsage | None) -> None:
    _require(found is None or found.key_cert_sign)


def _is_no_authority(_: Policy, __: x509.Certificate, found: x509.BasicConstraints | None) -> None:
    _require(found is None or not found.ca)


def _is_endorsement_key(
    _: Policy, __: x509.Certificate, found: x509.ExtendedKeyUsage | None
) -> None:
    _require(found is None or _ENDORSEMENT_KEY in found)


def _require(holds: object) -> None:
    if not holds:
        raise ValueError("a certificate is not what it has to be")
