"""Whatever is done to the audit log afterwards is found."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from doorward.administrator.audit_chain import EMPTY_HEAD, entry_hash, extend, head_of, next_entry
from doorward.administrator.ports import AuditEntry
from doorward.administrator.verify_audit import AuditVerdict, verify_audit
from tests.fakes.store import MemoryHeads, MemoryStore

texts = st.text(max_size=6)


def build(acts: Sequence[tuple[str, str]]) -> list[AuditEntry]:
    entries: list[AuditEntry] = []
    head = EMPTY_HEAD
    for number, (actor, target) in enumerate(acts):
        entry = next_entry(
            head, at=float(number), actor=actor, act="x", target=target, detail={"t": target}
        )
        entries.append(entry)
        head = head_of(entry)
    return entries


logs = st.lists(st.tuples(texts, texts), min_size=1, max_size=6).map(build)


def verdict(entries: Sequence[AuditEntry], signed: AuditEntry | None) -> AuditVerdict:
    async def verify() -> AuditVerdict:
        store = MemoryStore()
        store._state.audit.extend(entries)
        heads = MemoryHeads()
        heads.head = None if signed is None else head_of(signed)
        return await verify_audit(store, heads)

    return asyncio.run(verify())


def rehashed(entry: AuditEntry) -> AuditEntry:
    return msgspec.structs.replace(entry, hash=entry_hash(entry))


@given(logs)
def test_an_untouched_log_is_proved(log: list[AuditEntry]) -> None:
    for signed in (log[-1], log[max(0, len(log) - 2)]):  # also one behind: a crash between
        assert verdict(log, signed) == AuditVerdict(len(log), None)


@given(logs, st.data())
def test_any_changed_field_is_found_where_it_is(log: list[AuditEntry], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(log) - 1))
    changed = {
        "at": log[place].at + 1,
        "actor": log[place].actor + "x",
        "act": "y",
        "target": log[place].target + "x",
        "detail": {"t": log[place].target + "x"},
        "hash": "f" * 64,
    }
    field = data.draw(st.sampled_from(sorted(changed)))
    forged = [*log]
    forged[place] = msgspec.structs.replace(log[place], **{field: changed[field]})
    fault = verdict(forged, log[-1]).fault
    assert fault is not None
    assert fault.seq == place + 1


@given(logs, st.data())
def test_a_changed_entry_with_a_new_hash_is_found(
    log: list[AuditEntry], data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(log) - 1))
    forged = [*log]
    forged[place] = rehashed(msgspec.structs.replace(log[place], actor="mallory-was-not-here"))
    fault = verdict(forged, log[-1]).fault
    assert fault is not None
    assert fault.seq in {place + 1, place + 2}


@given(logs, st.data())
def test_a_forger_who_hashes_everything_anew_meets_the_signed_end(
    log: list[AuditEntry], data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(log) - 1))
    acts = [(entry.actor, entry.target) for entry in log]
    acts[place] = ("mallory", "another target")
    assert verdict(build(acts), log[-1]).fault is not None


@given(logs, st.data())
def test_removed_reordered_doubled_and_inserted_entries_are_found(
    log: list[AuditEntry], data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(log) - 1))
    other = data.draw(st.integers(0, len(log) - 1))
    removed = log[:place] + log[place + 1 :]
    assert verdict(removed, log[-1]).fault is not None
    assert verdict([*log[:place], log[place], *log[place:]], log[-1]).fault is not None
    if other != place:
        swapped = [*log]
        swapped[place], swapped[other] = log[other], log[place]
        assert verdict(swapped, log[-1]).fault is not None
    before_all = rehashed(msgspec.structs.replace(log[0], seq=0))
    assert verdict([before_all, *log], log[-1]).fault is not None


@given(logs, st.data())
def test_a_cut_off_end_is_found(log: list[AuditEntry], data: st.DataObject) -> None:
    kept = data.draw(st.integers(0, len(log) - 1))
    fault = verdict(log[:kept], log[-1]).fault
    assert fault is not None
    assert fault.seq == kept + 1


@given(logs)
def test_a_log_without_its_signed_end_is_not_proved(log: list[AuditEntry]) -> None:
    assert verdict(log, None).fault is not None


@given(logs, st.data())
def test_a_head_never_moves_back_nor_over_a_fault(
    log: list[AuditEntry], data: st.DataObject
) -> None:
    end = head_of(log[-1])
    kept = data.draw(st.integers(0, len(log) - 1))
    assert extend(end, log[:kept]) == end
    replacement = next_entry(
        head_of(log[kept - 1]) if kept else EMPTY_HEAD,
        at=0.0,
        actor="mallory",
        act="x",
        target="y",
        detail={},
    )
    assert extend(end, [*log[:kept], replacement]) == end
