"""The numbers of TPM 2.0 that doorward knows (Part 2, 6 to 10), by their names there."""

from __future__ import annotations

from enum import IntEnum, IntFlag
from types import MappingProxyType
from typing import Final


class Algorithm(IntEnum):
    """TPM_ALG_ID."""

    RSA = 0x0001
    AES = 0x0006
    SHA256 = 0x000B
    NULL = 0x0010
    RSASSA = 0x0014
    ECDSA = 0x0018
    ECC = 0x0023
    CFB = 0x0043


class Attribute(IntFlag):
    """TPMA_OBJECT. Only these bits are defined; the others are zero."""

    FIXED_TPM = 1 << 1
    ST_CLEAR = 1 << 2
    FIXED_PARENT = 1 << 4
    SENSITIVE_DATA_ORIGIN = 1 << 5
    USER_WITH_AUTH = 1 << 6
    ADMIN_WITH_POLICY = 1 << 7
    NO_DA = 1 << 10
    ENCRYPTED_DUPLICATION = 1 << 11
    RESTRICTED = 1 << 16
    DECRYPT = 1 << 17
    SIGN = 1 << 18


class AttestType(IntEnum):
    """TPM_ST: what a TPMS_ATTEST says."""

    CERTIFY = 0x8017
    QUOTE = 0x8018


GENERATED: Final = 0xFF544347
"""TPM_GENERATED_VALUE: a restricted key signs data that begins so only if its TPM made it."""

NIST_P256: Final = 0x0003
AES_BITS: Final = 128
RSA_BITS: Final = 2048
RSA_EXPONENT: Final = 65537

PCRS: Final = tuple(range(8))
"""The platform configuration registers that a quote speaks of, in the SHA-256 bank."""

PCR_WORDS: Final = MappingProxyType(
    {
        0: "the firmware",
        1: "the firmware's settings",
        2: "the firmware of cards and other hardware",
        3: "the settings of cards and other hardware",
        4: "the boot loader",
        5: "the partition table and the boot loader's settings",
        6: "the maker's own measurements",
        7: "the Secure Boot policy",
    }
)
"""What each register measures (PC Client Platform Firmware Profile, 3.3.4)."""
