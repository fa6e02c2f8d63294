"""How entries of the audit log are chained, so that any change of a past entry shows. Pure.

Each entry's hash covers all its other fields, among them the hash of the entry before. What no
chain can show, that its end was cut off, the signed head shows (`ports.AuditHeads`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

import msgspec

from doorward.administrator.ports import AuditEntry, AuditHead
from doorward.model.ids import UnixSeconds

GENESIS = "0" * 64
"""What stands for the hash of the entry before the first."""

EMPTY_HEAD = AuditHead(seq=0, hash=GENESIS)


class ChainFault(msgspec.Struct, frozen=True, kw_only=True):
    """The first place where the log is not what was written, and what is wrong there."""

    seq: int
    problem: str


def next_entry(
    head: AuditHead, *, at: UnixSeconds, actor: str, act: str, target: str, detail: dict[str, str]
) -> AuditEntry:
    """The entry that follows `head`."""
    entry = AuditEntry(
        seq=head.seq + 1,
        at=at,
        actor=actor,
        act=act,
        target=target,
        detail=detail,
        previous=head.hash,
        hash="",
    )
    return msgspec.structs.replace(entry, hash=entry_hash(entry))


def entry_hash(entry: AuditEntry) -> str:
    """The hex SHA-256 over the canonical JSON (sorted keys, no spaces) of all but the hash."""
    fields = msgspec.structs.asdict(entry)
    del fields["hash"]
    # What a forger wrote may be of any type: it must come out different, not break the proof.
    canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"), default=repr)
    return hashlib.sha256(canonical.encode()).hexdigest()


def head_of(entry: AuditEntry) -> AuditHead:
    """What a chain that ends with `entry` has as its head."""
    return AuditHead(seq=entry.seq, hash=entry.hash)


def fault_after(head: AuditHead, entry: AuditEntry) -> ChainFault | None:
    """What is wrong with `entry` as the one that follows `head`, or None."""
    if entry.seq != head.seq + 1:
        return ChainFault(
            seq=head.seq + 1, problem=f"entry {entry.seq} stands where {head.seq + 1} belongs"
        )
    if entry.previous != head.hash:
        return ChainFault(seq=entry.seq, problem="it does not continue the entry before it")
    if entry.hash != entry_hash(entry):
        return ChainFault(seq=entry.seq, problem="its content was changed")
    return None


def extend(head: AuditHead, entries: Iterable[AuditEntry]) -> AuditHead:
    """The head after those of `entries` that follow `head` without a fault.

    Entries up to `head` are skipped: a head never moves back.
    """
    for entry in entries:
        if entry.seq <= head.seq:
            continue
        if fault_after(head, entry) is not None:
            break
        head = head_of(entry)
    return head
