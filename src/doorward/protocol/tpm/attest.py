"""TPMS_ATTEST: what a TPM says of its keys and registers (Part 2, 10.12.12)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec

from doorward.protocol.tpm.constants import GENERATED, Algorithm, AttestType
from doorward.protocol.tpm.wire import Reader, TpmDataError

_MAX_NAME = 68
_MAX_DATA = 66
_MAX_BANKS = 16
_MAX_SELECT = 4
_DIGEST_BYTES = 32
_PCR_COUNT = 24


class Certified(msgspec.Struct, frozen=True, kw_only=True):
    """TPMS_CERTIFY_INFO: a key of this name is in the TPM."""

    name: bytes


class Quoted(msgspec.Struct, frozen=True, kw_only=True):
    """TPMS_QUOTE_INFO: `digest` is that of these registers of the SHA-256 bank, in order."""

    pcrs: tuple[int, ...]
    digest: bytes


class Attest(msgspec.Struct, frozen=True, kw_only=True):
    """What a TPM says, about which it signs.

    `signer` is the qualified name of the key that signs. `clock` counts milliseconds of power
    since the TPM was cleared, `reset_count` its starts, `restart_count` its resumptions since.
    For a key outside the endorsement hierarchy a constant is added to both (Part 1, 36.7).
    """

    signer: bytes
    extra_data: bytes
    clock: int
    reset_count: int
    restart_count: int
    says: Certified | Quoted


def parse_attest(data: bytes) -> Attest:
    """What a TPMS_ATTEST of type certify or quote says. Raises TpmDataError."""
    reader = Reader(data)
    if reader.number(4) != GENERATED:
        raise TpmDataError("The statement was not made by a TPM.")
    kind = reader.number(2)
    signer = reader.sized(_MAX_NAME)
    extra_data = reader.sized(_MAX_DATA)
    clock, reset_count, restart_count = reader.number(8), reader.number(4), reader.number(4)
    if reader.number(1) not in {0, 1}:
        raise TpmDataError("The statement's clock is neither safe nor unsafe.")
    reader.take(8)  # firmwareVersion
    if kind == AttestType.CERTIFY:
        says: Certified | Quoted = Certified(name=reader.sized(_MAX_NAME))
        reader.sized(_MAX_NAME)  # qualifiedName
    elif kind == AttestType.QUOTE:
        says = Quoted(pcrs=_selection(reader), digest=reader.sized(_DIGEST_BYTES))
    else:
        raise TpmDataError("The statement is neither about a key nor about registers.")
    reader.end()
    return Attest(
        signer=signer,
        extra_data=extra_data,
        clock=clock,
        reset_count=reset_count,
        restart_count=restart_count,
        says=says,
    )


def digest_of(pcrs: Mapping[int, bytes]) -> bytes:
    """The digest that a quote of exactly these registers holds (Part 3, 18.4)."""
    return hashlib.sha256(b"".join(pcrs[number] for number in sorted(pcrs))).digest()


def select(pcrs: tuple[int, ...]) -> bytes:
    """A TPML_PCR_SELECTION of these registers of the SHA-256 bank."""
    bits = sum(1 << number for number in pcrs).to_bytes(_PCR_COUNT // 8, "little")
    count, bank = (1).to_bytes(4, "big"), Algorithm.SHA256.to_bytes(2, "big")
    return count + bank + bytes([len(bits)]) + bits


def _selection(reader: Reader) -> tuple[int, ...]:
    """The registers of a TPML_PCR_SELECTION, which may name no bank but that of SHA-256."""
    banks = reader.number(4)
    if banks > _MAX_BANKS:
        raise TpmDataError("The statement names too many banks of registers.")
    chosen: set[int] = set()
    for _ in range(banks):
        algorithm, size = reader.number(2), reader.number(1)
        if size > _MAX_SELECT:
            raise TpmDataError("The statement names too many registers.")
        bits = int.from_bytes(reader.take(size), "little")
        if bits and algorithm != Algorithm.SHA256:
            raise TpmDataError("The statement is about another bank of registers than SHA-256.")
        chosen.update(place for place in range(size * 8) if bits >> place & 1)
    return tuple(sorted(chosen))
