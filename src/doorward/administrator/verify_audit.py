"""Prove that the audit log is what was written, or name the first place where it is not."""

from __future__ import annotations

from dataclasses import dataclass

from doorward.administrator.audit_chain import EMPTY_HEAD, ChainFault, fault_after, head_of
from doorward.administrator.ports import AuditHeads, Store

_BATCH = 1000


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
    signed = await heads.read() or EMPTY_HEAD
    head = EMPTY_HEAD
    while True:
        async with store.transaction() as transaction:
            entries = await transaction.audit.entries(after=head.seq, limit=_BATCH)
        for entry in entries:
            fault = fault_after(head, entry)
            head = head_of(entry)
            if fault is None and head.seq == signed.seq and head.hash != signed.hash:
                fault = ChainFault(seq=head.seq, problem="it is not what was signed")
            if fault is not None:
                return AuditVerdict(head.seq, fault)
        if not entries:
            break
    if head.seq < signed.seq:
        return AuditVerdict(head.seq, ChainFault(seq=head.seq + 1, problem="the end is missing"))
    return AuditVerdict(head.seq, None)
