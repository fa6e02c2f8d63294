"""What a quote must be before it says how a device booted.

1.  The attestation key that was proved at enrolment signed it.
2.  It is a TPM's own statement (magic) about registers (type), by that key as a primary key of
    the endorsement hierarchy (qualifiedSigner).
3.  It was made for this very report (extraData), which holds doorward's nonce.
4.  It is about PCRs 0 to 7 of the SHA-256 bank, all of them and no other.
5.  Its digest is the one of the values that were sent along.
6.  The TPM's counts did not go back: starts, then resumptions, then its clock.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from doorward.administrator.devices.attestation.refused import AttestationRefusedError, require
from doorward.administrator.fleet.attestation import AttestationRecord
from doorward.protocol.agent import Report
from doorward.protocol.tpm.attest import Attest, Quoted, digest_of, parse_attest
from doorward.protocol.tpm.binding import quoted_data
from doorward.protocol.tpm.constants import ENDORSEMENT, PCRS
from doorward.protocol.tpm.public_area import parse_public, qualified_name
from doorward.protocol.tpm.signature import signed_by

_DIGEST_BYTES = 32


class VerifiedQuote(msgspec.Struct, frozen=True, kw_only=True):
    """A quote that holds: its registers in hex, and the TPM's counts."""

    pcrs: dict[int, str]
    reset_count: int
    restart_count: int
    clock: int


def verify_quote(record: AttestationRecord, report: Report) -> VerifiedQuote:
    """The quote in `report` of the device of `record`, whose signature, nonce and counter hold.

    Raises DoorwardError `attestation-refused` and `tpm-data-malformed`.
    """
    quote = report.quote
    if quote is None:
        raise AttestationRefusedError("The report holds no quote.")
    require(  # 1
        signed_by(parse_public(record.ak_public), quote.signature, quote.attest),
        "The attestation key did not sign the quote.",
    )
    statement = parse_attest(quote.attest)
    says = statement.says
    if not isinstance(says, Quoted):  # 2
        raise AttestationRefusedError("The TPM's statement is about a key, not about registers.")
    require(
        statement.signer == qualified_name(ENDORSEMENT, record.ak_public),
        "Another key than the attestation key made the quote.",
    )
    require(  # 3
        statement.extra_data == quoted_data(report), "The quote was made for another report."
    )
    require(says.pcrs == PCRS, "The quote is not about PCRs 0 to 7.")  # 4
    require(_complete(quote.pcrs), "The report does not hold PCRs 0 to 7 as SHA-256 values.")
    require(  # 5
        says.digest == digest_of(quote.pcrs), "The quote is about other values of the registers."
    )
    require(_counts(statement) >= _known(record), "The quote is older than another.")  # 6
    return VerifiedQuote(
        pcrs={number: quote.pcrs[number].hex() for number in PCRS},
        reset_count=statement.reset_count,
        restart_count=statement.restart_count,
        clock=statement.clock,
    )


def _complete(pcrs: Mapping[int, bytes]) -> bool:
    return set(pcrs) == set(PCRS) and all(len(value) == _DIGEST_BYTES for value in pcrs.values())


def _counts(statement: Attest) -> tuple[int, int, int]:
    return statement.reset_count, statement.restart_count, statement.clock


def _known(record: AttestationRecord) -> tuple[int, int, int]:
    return record.reset_count, record.restart_count, record.clock
