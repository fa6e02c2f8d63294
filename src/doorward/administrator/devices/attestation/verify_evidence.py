"""What a device's TPM must prove before its key counts as one that cannot be copied.

1.  A trusted maker certified the endorsement key (`TpmMakers.vouch`): chain, validity, purpose.
2.  The endorsement key is the very key of that certificate.
3.  The endorsement key protects and does not sign: fixedTPM, fixedParent, restricted, decrypt.
4.  The attestation key cannot leave its TPM (fixedTPM, fixedParent, sensitiveDataOrigin) and signs
    only what that TPM made itself (restricted, sign; not decrypt).
5.  The enrolled key cannot leave its TPM either, signs what the agent says (sign; not restricted,
    not decrypt), and is the key of the enrolment request.
6.  The attestation key signed the statement on the enrolled key.
7.  That statement is a TPM's (magic), certifies a key (type), and names the enrolled key.
8.  It was made for an enrolment with this key (extraData), by a primary key of the endorsement
    hierarchy, as the attestation key says it is (qualifiedSigner).

Not proved here: that attestation key and endorsement key share one TPM. The credential of
`challenge` proves it, since only that TPM can open it.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from doorward.administrator.devices.attestation.refused import require
from doorward.administrator.fleet.attestation import TpmMakers
from doorward.model.ids import UnixSeconds
from doorward.protocol.agent import TpmEvidence
from doorward.protocol.tpm.attest import Certified, parse_attest
from doorward.protocol.tpm.binding import enrolled_data
from doorward.protocol.tpm.constants import ENDORSEMENT, Attribute
from doorward.protocol.tpm.public_area import (
    PublicArea,
    name_of,
    parse_public,
    qualified_name,
    spki,
)
from doorward.protocol.tpm.signature import signed_by

_STAYS: Final = Attribute.FIXED_TPM | Attribute.FIXED_PARENT | Attribute.SENSITIVE_DATA_ORIGIN


class VerifiedEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """Evidence that holds. Digests are hex SHA-256; the others as in `TpmEvidence`."""

    endorsement: str
    certificate: str
    ek: PublicArea
    ak_public: bytes
    key: str


def verify_evidence(
    makers: TpmMakers, evidence: TpmEvidence, public_key: bytes, at: UnixSeconds
) -> VerifiedEvidence:
    """The evidence for the enrolled key `public_key` (SPKI, DER).

    Raises DoorwardError `attestation-refused` and `tpm-data-malformed`.
    """
    certified = makers.vouch(evidence.ek_certificate, at)  # 1
    ek = parse_public(evidence.ek_public)
    require(spki(ek) == certified, "The endorsement key is not the one of its certificate.")  # 2
    _require_attributes(  # 3
        ek,
        Attribute.FIXED_TPM | Attribute.FIXED_PARENT | Attribute.RESTRICTED | Attribute.DECRYPT,
        Attribute.SIGN,
        "endorsement key",
    )
    ak = parse_public(evidence.ak_public)
    _require_attributes(  # 4
        ak, _STAYS | Attribute.RESTRICTED | Attribute.SIGN, Attribute.DECRYPT, "attestation key"
    )
    key = parse_public(evidence.key_public)
    _require_attributes(  # 5
        key, _STAYS | Attribute.SIGN, Attribute.RESTRICTED | Attribute.DECRYPT, "enrolled key"
    )
    require(spki(key) == public_key, "The TPM speaks of another key than the one that asks.")
    require(  # 6
        signed_by(ak, evidence.key_signature, evidence.key_certify),
        "The attestation key did not sign what is said of the enrolled key.",
    )
    statement = parse_attest(evidence.key_certify)
    require(  # 7
        isinstance(statement.says, Certified)
        and statement.says.name == name_of(evidence.key_public),
        "The attestation key vouches for something else than the enrolled key.",
    )
    require(  # 8
        statement.extra_data == enrolled_data(public_key),
        "The attestation key vouched for another purpose.",
    )
    require(
        statement.signer == qualified_name(ENDORSEMENT, evidence.ak_public),
        "The attestation key is none of the endorsement hierarchy.",
    )
    return VerifiedEvidence(
        endorsement=_digest(certified),
        certificate=_digest(evidence.ek_certificate),
        ek=ek,
        ak_public=evidence.ak_public,
        key=_digest(public_key),
    )


def _require_attributes(area: PublicArea, has: Attribute, lacks: Attribute, what: str) -> None:
    wrong = [
        *(f"lacks {_word(item)}" for item in Attribute if item in has & ~area.attributes),
        *(f"has {_word(item)}" for item in Attribute if item in lacks & area.attributes),
    ]
    require(not wrong, f"The {what} {', '.join(wrong)}.")


def _word(attribute: Attribute) -> str:
    return (attribute.name or "").lower().replace("_", " ")


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
