"""What is kept of devices' health, on every store."""

from __future__ import annotations

import msgspec

from doorward.administrator.fleet.health import (
    CheckCount,
    FleetSample,
    HealthChange,
    PolicyCount,
    SilentDevice,
)
from doorward.administrator.fleet.posture_ports import FindingRecord, PostureRecord
from doorward.administrator.ports import Store
from doorward.model.ids import ComplianceId, DeviceId
from doorward.model.posture import FactName

LAPTOP, PHONE, TABLET = DeviceId("laptop"), DeviceId("phone"), DeviceId("tablet")
BASE = ComplianceId("base")


def record(device: DeviceId, **fields: object) -> PostureRecord:
    return PostureRecord(device=device, **fields)  # type: ignore[arg-type]


def finding(fact: FactName, state: str = "failing", **fields: object) -> FindingRecord:
    return FindingRecord(policy=BASE, fact=fact, state=state, since=5.5, **fields)  # type: ignore[arg-type]


async def test_records_are_kept_replaced_and_found_by_what_is_due(store: Store) -> None:
    laptop = record(
        LAPTOP, revision=2**40, key="ab", facts=b"[\x00]", seen_at=7.5, due_at=10.0, said=False
    )
    phone = record(PHONE, seen_at=3.0, due_at=9.5, said_why="lost", said=True)
    tablet = record(TABLET)
    async with store.transaction() as transaction:
        await transaction.devices.posture.records.put([laptop, phone, tablet])
        await transaction.devices.posture.records.put([])
    async with store.transaction() as transaction:
        records = transaction.devices.posture.records
        assert await records.of([LAPTOP, DeviceId("other"), TABLET]) == {
            LAPTOP: laptop,
            TABLET: tablet,
        }
        assert await records.of([]) == {}
        assert await records.revisions([PHONE, LAPTOP]) == {PHONE: 0, LAPTOP: 2**40}
        assert await records.due(9.4, 5) == []
        assert await records.due(10.0, 5) == [PHONE, LAPTOP]
        assert await records.due(10.0, 1) == [PHONE]
        assert await records.silent(7.4) == [SilentDevice(device=PHONE, last_seen_at=3.0)]
        later = msgspec.structs.replace(phone, revision=1, due_at=None, said=None)
        await records.put([later])
        assert await records.due(10.0, 5) == [LAPTOP]
        assert await records.of([PHONE]) == {PHONE: later}


async def test_many_records_are_found_at_once(store: Store) -> None:
    many = [record(DeviceId(f"d{number}"), revision=number) for number in range(1100)]
    async with store.transaction() as transaction:
        records = transaction.devices.posture.records
        await records.put(many)
        assert await records.revisions([item.device for item in many]) == {
            item.device: item.revision for item in many
        }


async def test_findings_are_replaced_by_device_and_counted(store: Store) -> None:
    async with store.transaction() as transaction:
        findings = transaction.devices.posture.findings
        await findings.replace(
            {
                LAPTOP: [finding("firewall", failed_at=1.0, passed_at=2.0), finding("listeners")],
                PHONE: [finding("firewall"), finding("disk-encrypted", "passing")],
                TABLET: [finding("firewall", "unknown")],
            }
        )
    async with store.transaction() as transaction:
        findings = transaction.devices.posture.findings
        assert (await findings.of([LAPTOP, DeviceId("other")])) == {
            LAPTOP: (finding("firewall", failed_at=1.0, passed_at=2.0), finding("listeners"))
        }
        assert await findings.counts() == [
            CheckCount(policy=BASE, fact="firewall", state="failing", devices=2),
            CheckCount(policy=BASE, fact="firewall", state="unknown", devices=1),
            CheckCount(policy=BASE, fact="listeners", state="failing", devices=1),
        ]
        assert await findings.devices(BASE, "firewall") == [LAPTOP, PHONE, TABLET]
        assert await findings.devices(BASE, "disk-encrypted") == []
        assert await findings.devices(ComplianceId("other"), "firewall") == []
        await findings.replace({LAPTOP: [], PHONE: [finding("listeners")]})
        assert await findings.of([LAPTOP, PHONE]) == {PHONE: (finding("listeners"),)}


async def test_devices_count_once_for_a_policy_by_the_worst_of_its_checks(store: Store) -> None:
    async with store.transaction() as transaction:
        findings = transaction.devices.posture.findings
        await findings.replace(
            {
                LAPTOP: [finding("firewall", "unknown"), finding("listeners")],
                PHONE: [finding("firewall", "grace"), finding("listeners", "unknown")],
                TABLET: [finding("firewall", "passing"), finding("listeners", "grace")],
                DeviceId("other"): [finding("firewall", "unknown")],
            }
        )
        assert await findings.policy_counts() == [
            PolicyCount(policy=BASE, state="grace", devices=1),
            PolicyCount(policy=BASE, state="unknown", devices=2),
            PolicyCount(policy=BASE, state="failing", devices=1),
        ]


async def test_who_is_removed_leaves_nothing(store: Store) -> None:
    change = HealthChange(device=LAPTOP, at=1.0, healthy=True, findings="")
    async with store.transaction() as transaction:
        posture = transaction.devices.posture
        await posture.records.put([record(LAPTOP), record(PHONE)])
        await posture.findings.replace({LAPTOP: [finding("firewall")]})
        await posture.history.add([change, msgspec.structs.replace(change, device=PHONE)])
        await posture.records.remove([LAPTOP])
        await posture.records.remove([])
        assert await posture.records.revisions([LAPTOP, PHONE]) == {PHONE: 0}
        assert await posture.findings.of([LAPTOP]) == {}
        assert await posture.history.of(LAPTOP, 9) == []
        assert len(await posture.history.of(PHONE, 9)) == 1


async def test_history_is_kept_newest_first_and_let_go(store: Store) -> None:
    changes = [
        HealthChange(device=device, at=float(number), healthy=healthy, findings=f"no {number}")
        for number, (device, healthy) in enumerate(
            [(LAPTOP, True), (PHONE, None), (LAPTOP, False), (LAPTOP, None)]
        )
    ]
    sample = FleetSample(at=600.0, healthy=1, unhealthy=2, unknown=3, silent=4, suspended=5)
    second = msgspec.structs.replace(sample, at=1200.0, healthy=7)
    async with store.transaction() as transaction:
        history = transaction.devices.posture.history
        await history.add(changes[:2])
        await history.add(changes[2:])
        await history.add([])
        for item in (second, sample, msgspec.structs.replace(sample, healthy=99)):
            await history.add_sample(item)
    async with store.transaction() as transaction:
        history = transaction.devices.posture.history
        assert await history.of(LAPTOP, 2) == [changes[3], changes[2]]
        assert await history.samples(0.0) == [sample, second]
        assert await history.samples(600.5) == [second]
        assert await history.remove_before(2.0, 1) == 1
        assert await history.remove_before(1000.0, 9) == 4
        assert await history.of(LAPTOP, 9) == []
        assert await history.of(PHONE, 9) == []
        assert await history.samples(0.0) == [second]
