"""What a device measured at boot, against what counts as good for it.

1.  No quote that holds, or one refused since: not attested.
2.  Nothing counts as good yet: not attested, until somebody accepts what is measured.
3.  A register differs from what counts as good: not attested, and the words say what it measures.
4.  The last quote is older than `LIFETIME_SECONDS`: not attested, since silence proves nothing.
5.  Otherwise: attested.

The first quote sets what counts as good, where it comes within `LEARN_SECONDS` of the enrolment.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from doorward.administrator.devices.attestation.verify_quote import VerifiedQuote
from doorward.administrator.fleet.attestation import AttestationRecord
from doorward.model.ids import UnixSeconds
from doorward.protocol.tpm.constants import PCR_WORDS, PCRS

LEARN_SECONDS: Final = 86_400
LIFETIME_SECONDS: Final = 3600
ENROLMENT: Final = "enrolment"


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a device is attested, and where it is not, why, in words for its person."""

    attested: bool
    why: str = ""


def changed(record: AttestationRecord) -> tuple[int, ...]:
    """The registers that are not what counts as good."""
    return tuple(
        number for number in PCRS if record.reference.get(number) != record.measured.get(number)
    )


def measurement(record: AttestationRecord) -> str:
    """The hex SHA-256 of all that was measured last, by which an operator says what they saw."""
    return hashlib.sha256(
        b"".join(bytes.fromhex(record.measured.get(number, "")) for number in PCRS)
    ).hexdigest()


def measured(record: AttestationRecord, quote: VerifiedQuote, at: UnixSeconds) -> AttestationRecord:
    """The record after a quote that holds."""
    updated = msgspec.structs.replace(
        record,
        measured=quote.pcrs,
        measured_at=at,
        reset_count=quote.reset_count,
        restart_count=quote.restart_count,
        clock=quote.clock,
        refused="",
    )
    if record.measured or record.reference or at > record.since + LEARN_SECONDS:
        return updated
    return accepted(updated, ENROLMENT, at)


def accepted(record: AttestationRecord, by: str, at: UnixSeconds) -> AttestationRecord:
    """The record when what was measured last counts as good from now on."""
    return msgspec.structs.replace(
        record, reference=record.measured, reference_by=by, reference_at=at
    )


def standing(record: AttestationRecord, now: UnixSeconds) -> Standing:
    """What follows from the record at `now`."""
    if record.refused:
        return Standing(attested=False, why=f"Its TPM's last quote was refused. {record.refused}")
    if not record.measured:
        return Standing(attested=False, why="Its TPM has not yet said how it booted.")
    if not record.reference:
        return Standing(
            attested=False, why="Nobody has accepted yet what its TPM measured at boot."
        )
    others = changed(record)
    if others:
        parts = ", ".join(f"{PCR_WORDS[number]} (PCR {number})" for number in others)
        return Standing(attested=False, why=f"This changed since it was last accepted: {parts}.")
    if now >= record.measured_at + LIFETIME_SECONDS:
        return Standing(attested=False, why="Its TPM has not said for an hour how it booted.")
    return Standing(attested=True)
