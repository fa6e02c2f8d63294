"""The keys that the agent makes, and the maker's endorsement keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from doorward.protocol.tpm.constants import Algorithm, Attribute
from doorward.protocol.tpm.public_area import PublicArea, encode_public

_MADE_HERE = (
    Attribute.FIXED_TPM
    | Attribute.FIXED_PARENT
    | Attribute.SENSITIVE_DATA_ORIGIN
    | Attribute.USER_WITH_AUTH
    | Attribute.NO_DA
)
_ENDORSEMENT = (
    Attribute.FIXED_TPM
    | Attribute.FIXED_PARENT
    | Attribute.SENSITIVE_DATA_ORIGIN
    | Attribute.ADMIN_WITH_POLICY
    | Attribute.RESTRICTED
    | Attribute.DECRYPT
)
_POLICY = bytes.fromhex("837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa")
"""TPM2_PolicySecret(TPM_RH_ENDORSEMENT): TCG EK Credential Profile, B.3."""
_ZEROS = bytes(32)


@dataclass(frozen=True, slots=True)
class Endorsement:
    """An endorsement key as its maker made it: its template, and where its certificate stands."""

    certificate_index: int
    template: bytes


ENDORSEMENTS: Final = (
    Endorsement(
        0x01C0000A,
        encode_public(
            PublicArea(
                kind=Algorithm.ECC,
                attributes=_ENDORSEMENT,
                policy=_POLICY,
                symmetric=Algorithm.AES,
                point=(_ZEROS, _ZEROS),
            )
        ),
    ),
    Endorsement(
        0x01C00002,
        encode_public(
            PublicArea(
                kind=Algorithm.RSA,
                attributes=_ENDORSEMENT,
                policy=_POLICY,
                symmetric=Algorithm.AES,
                modulus=bytes(256),
            )
        ),
    ),
)
"""Templates L-2 (P-256) and L-1 (RSA-2048) of that profile; the first is quicker to make."""


def attestation_key(unique: bytes) -> bytes:
    """The template of a key that signs only what the TPM itself made.

    It names its scheme, ECDSA with SHA-256, and protects nothing: a TPM refuses a restricted
    signing key otherwise. `unique` (32 random bytes) makes it another one each time.
    """
    return _signing(_MADE_HERE | Attribute.RESTRICTED | Attribute.SIGN, unique)


def device_key(unique: bytes) -> bytes:
    """The template of the device's own key, which signs what the agent says."""
    return _signing(_MADE_HERE | Attribute.SIGN, unique)


def _signing(attributes: Attribute, unique: bytes) -> bytes:
    return encode_public(
        PublicArea(
            kind=Algorithm.ECC,
            attributes=attributes,
            scheme=Algorithm.ECDSA,
            point=(unique, _ZEROS),
        )
    )
