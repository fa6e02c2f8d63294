"""Prove that the audit log is what was written, or name the first place where it is not."""

from __future__ import annotations

from dataclasses import dataclass

from doorward.administrator.audit_chain import EMPTY_HEAD, ChainFault, fault_after, head_of
from doorward.administrator.ports import AuditEntry, AuditHead, AuditHeads, Store

_BATCH = 1000
_BEFORE_ALL = -(2**62)


@dataclass(frozen=True, slots=True)
class AuditVerdict:
    """How many entries were read, and the first fault, None where there is none."""

    entries: int
    fault: ChainFault | None


async def verify_audit(store: Store, heads: AuditHeads) -> AuditVerdict:
    """Read the whole log and compare it with its signed end.

    The log may be longer than the signed end (a crash between the two), never shorter, and what
    it says there must be what was signed. Raises DoorwardError `audit-head-invalid`.
    """
    signed = await heads.read()
    head, after = EMPTY_HEAD, _BEFORE_ALL
    while entries := await _read(store, after):
        if signed is None:
            problem = "the signed end of the log is missing"
            return AuditVerdict(0, ChainFault(seq=1, problem=problem))
        for entry in entries:
            fault = fault_after(head, entry) or _fault_at_end(signed, entry)
            if fault is not None:
                return AuditVerdict(head.seq, fault)
            head = head_of(entry)
        after = head.seq
    if signed is not None and head.seq < signed.seq:
        return AuditVerdict(head.seq, ChainFault(seq=head.seq + 1, problem="the end is missing"))
    return AuditVerdict(head.seq, None)


async def _read(store: Store, after: int) -> list[AuditEntry]:
    async with store.transaction() as transaction:
        return list(await transaction.audit.entries(after=after, limit=_BATCH))


def _fault_at_end(signed: AuditHead, entry: AuditEntry) -> ChainFault | None:
    if entry.seq != signed.seq or entry.hash == signed.hash:
        return None
    return ChainFault(seq=entry.seq, problem="it is not what was signed")
