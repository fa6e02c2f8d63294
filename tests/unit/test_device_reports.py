"""A device's report: what it changes, what the device hears back, and what is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import msgspec
import pytest

from doorward.administrator.control_plane import Act
from doorward.administrator.devices.health import (
    failing_checks,
    fleet_health,
    fleet_samples,
    fleet_summary,
    health_of,
    history_of,
    policy_health,
    silent_devices,
)
from doorward.administrator.devices.manage_devices import remove_device, report_posture
from doorward.administrator.devices.postures import Postures, write_postures
from doorward.administrator.devices.sample_health import let_history_go, sample_health
from doorward.administrator.devices.settle import SLICE
from doorward.administrator.devices.suspend import suspend_device
from doorward.administrator.devices.take_facts import take_facts
from doorward.administrator.devices.watch import Watch
from doorward.administrator.fleet.health import FleetSample, PolicyHealth
from doorward.administrator.ports import Revision, Store, Transaction
from doorward.errors import DoorwardError
from doorward.model.compliance import Check, Compliance, Mode
from doorward.model.device import Device
from doorward.model.estate import Group, User
from doorward.model.identity import Session
from doorward.model.ids import ComplianceId, DeviceId, GroupId, SessionId, UserId
from doorward.model.posture import Trust
from doorward.model.snapshot import Kind, removal
from doorward.protocol.agent import CertificateRequest, Failing, NonceRequest, WorkloadRequest
from tests.fakes.device_stand import ALICE, LAPTOP, Stand, fact
from tests.fakes.fleet import AT, SoftwareDevice, fleet_on

ACT = Act("operator", AT)
QUARTER, HOUR = 900.0, 3600.0
FIREWALL = Check(fact="firewall", want=True, words="Turn it on.", link="https://help.test/fw")


def policy(*checks: Check, mode: Mode = "enforce", **how: object) -> Compliance:
    return Compliance(
        id=ComplianceId("base"),
        name="Basics",
        checks=checks,
        mode=mode,
        **how,  # type: ignore[arg-type]
    )


@pytest.fixture
async def stand() -> Stand:
    return await Stand.ready()


async def test_a_report_makes_a_device_healthy_and_another_ill(stand: Stand) -> None:
    await stand.publish(("compliance", policy(FIREWALL)))
    taken = await stand.send(fact("firewall", value=True))
    assert (taken.failing, taken.next_in_seconds) == ((), stand.fleet.report_seconds)
    assert (stand.device().healthy, stand.device().complies) == (True, ("base",))
    stand.now += 60
    taken = await stand.send(fact("firewall", value=False, at=stand.now), nonce=taken.nonce)
    failing = Failing(
        policy="Basics", fact="firewall", words="Turn it on.", link="https://help.test/fw", until=0
    )
    assert taken.failing == (failing,)
    assert (stand.device().healthy, stand.device().complies) == (False, ())
    assert stand.device().reason == "Not as it must be: Firewall."


async def test_the_snapshot_changes_only_where_a_conclusion_does(stand: Stand) -> None:
    await stand.publish(("compliance", policy(FIREWALL)))
    await stand.send(fact("firewall", value=True))
    number = await stand.number()
    for _ in range(3):
        stand.now += 300
        await stand.send(
            fact("firewall", value=True, at=stand.now), fact("reboot-needed", value=True)
        )
        await stand.watch.look(stand.now)
    assert await stand.number() == number
    found = await health_of(stand.fleet, LAPTOP, stand.now)
    assert (found.known[0].fact.name, found.known[0].fact.at) == ("firewall", stand.now)
    assert (found.last_seen_at, found.silent) == (stand.now, False)


async def test_a_repeated_report_is_answered_again_and_counts_once(stand: Stand) -> None:
    await stand.publish(("compliance", policy(FIREWALL)))
    report = stand.report(fact("firewall", value=False))
    first, again = await stand.post(report), await stand.post(report)
    assert first.status_code == again.status_code == 200
    assert first.content == again.content
    assert b"Turn it on." in again.content


REFUSED = [
    (b"", "message-malformed"),
    (b"{}", "message-malformed"),
    (b'{"counter":1}', "message-malformed"),
    (b"[" * 5000, "message-malformed"),
    (b"\xff\xfe", "message-malformed"),
    ({"at": AT - 301}, "facts-implausible"),
    ({"at": AT + 301}, "facts-implausible"),
    ({"platform": "macos"}, "facts-implausible"),
    ({"facts": (fact("firewall", value=7),)}, "facts-implausible"),
    ({"facts": (fact("firewall", True, AT + 301),)}, "facts-implausible"),
    ({"facts": (fact("firewall", True, AT - 100),)}, "facts-implausible"),
    ({"facts": (fact("firewall", value=True),) * 2}, "facts-implausible"),
    ({"nonce": "another"}, "nonce-stale"),
    ({"counter": 1}, "device-cloned"),
    ({"counter": 0}, "message-replayed"),
    ({"counter": -(2**70)}, "message-replayed"),
    ({"counter": 2**53}, "message-malformed"),
]


@pytest.mark.parametrize(("how", "code"), REFUSED)
async def test_what_is_refused_changes_nothing_and_is_noted(
    stand: Stand, how: bytes | dict[str, Any], code: str
) -> None:
    await stand.publish(("compliance", policy(FIREWALL)))
    await stand.send(fact("firewall", value=False))
    number, before = await stand.number(), await health_of(stand.fleet, LAPTOP, stand.now)
    body = how if isinstance(how, bytes) else stand.report(**how)
    answer = await stand.post(body)
    assert answer.json()["code"] == code
    assert (await health_of(stand.fleet, LAPTOP, stand.now)) == before
    assert ("device-message-refused" in await stand.audited()) == (
        code not in {"nonce-stale", "device-cloned"}
    )
    assert (await stand.number() == number) == (code != "device-cloned")


async def test_nobody_else_reports_for_a_device(stand: Stand) -> None:
    await stand.publish(("compliance", policy(FIREWALL)))
    answer = await stand.post(stand.report(fact("firewall", value=True)), sign=False)
    assert (answer.status_code, answer.json()["code"]) == (401, "signature-wrong")
    stand.laptop = SoftwareDevice(LAPTOP)
    answer = await stand.post(stand.report(fact("firewall", value=True)))
    assert answer.json()["code"] == "signature-wrong"
    assert (await stand.audited())[:2] == ["device-message-refused"] * 2
    assert stand.device().healthy is None


@pytest.mark.parametrize("what", ["certificate", "workloads", "nonce", "reports"])
async def test_whatever_else_is_sent_for_a_device_is_noted_as_well(stand: Stand, what: str) -> None:
    bodies: dict[str, msgspec.Struct] = {
        "certificate": CertificateRequest(counter=1, nonce="", csr=b""),
        "workloads": WorkloadRequest(counter=1, nonce="", service="s", csr=b""),
        "nonce": NonceRequest(counter=0, at=AT),
        "reports": stand.report(),
    }
    for body, code in ((b"{", "message-malformed"), (bodies[what], "signature-wrong")):
        answer = await stand.post(body, sign=False, what=what)
        assert answer.json()["code"] == code
        assert (await stand.audited())[:1] == ["device-message-refused"]
    assert (await stand.audited()).count("device-message-refused") == 2


async def test_a_flood_of_refusals_does_not_fill_the_audit(stand: Stand) -> None:
    for _ in range(40):
        await stand.post(b"{}", sign=False)
    assert len(await stand.audited()) <= 12


async def test_silence_makes_a_device_unknown_and_a_report_brings_it_back(stand: Stand) -> None:
    await stand.publish(("compliance", policy(FIREWALL)))
    await stand.send(fact("firewall", value=True))
    await stand.after(QUARTER - 1)
    assert stand.device().healthy is True
    await stand.after(1)
    assert (stand.device().healthy, stand.device().reason) == (None, "Not known: Firewall.")
    assert [item.device for item in await silent_devices(stand.fleet, stand.now)] == [LAPTOP]
    assert (await health_of(stand.fleet, LAPTOP, stand.now)).silent
    await stand.send(fact("firewall", value=True, at=stand.now))
    assert stand.device().healthy is True
    assert not await silent_devices(stand.fleet, stand.now)


async def test_a_grace_ends_by_itself(stand: Stand) -> None:
    check = Check(fact="secure-boot", want=True, grace_hours=2)
    await stand.publish(("compliance", policy(check)))
    taken = await stand.send(fact("secure-boot", value=False))
    assert [item.until for item in taken.failing] == [AT + 2 * HOUR]
    assert stand.device().healthy is True
    await stand.after(2 * HOUR - 1)
    assert stand.device().healthy is True
    await stand.after(1)
    assert stand.device().healthy is False


async def test_a_restart_loses_nothing_that_counts(stand: Stand) -> None:
    check = Check(fact="secure-boot", want=True, grace_hours=2)
    await stand.publish(("compliance", policy(check)))
    await stand.send(fact("secure-boot", value=False))
    await write_postures(stand.control.store, stand.fleet.postures)
    stand.fleet = fleet_on(stand.control)
    stand.watch = Watch(stand.fleet)
    stand.watch.note(None)
    await stand.watch.look(stand.now)
    [finding] = (await health_of(stand.fleet, LAPTOP, stand.now)).findings
    assert (finding.state, finding.since, finding.until) == ("grace", AT, AT + 2 * HOUR)
    await stand.after(2 * HOUR)
    assert stand.device().healthy is False


async def test_what_was_heard_and_not_written_only_looks_older(stand: Stand) -> None:
    await stand.publish(("compliance", policy(FIREWALL)))
    await stand.send(fact("firewall", value=True))
    stand.now += 600
    await stand.send(fact("firewall", value=True, at=stand.now))
    stand.fleet = fleet_on(stand.control)  # The process died before it wrote that.
    stand.watch = Watch(stand.fleet)
    await stand.after(299)
    assert stand.device().healthy is True
    await stand.after(1)
    assert stand.device().healthy is None


async def test_an_operator_may_call_a_device_ill_and_take_it_back(stand: Stand) -> None:
    await stand.publish(("compliance", policy(FIREWALL)))
    await stand.send(fact("firewall", value=True))
    await report_posture(stand.control, ACT, LAPTOP, healthy=False, reason="stolen")
    assert (stand.device().healthy, stand.device().reason) == (False, "stolen")
    stand.now += 60
    await stand.send(fact("firewall", value=True, at=stand.now))
    assert stand.device().healthy is False
    await report_posture(stand.control, ACT, LAPTOP, healthy=None)
    assert (stand.device().healthy, stand.device().reason) == (True, "")
    assert (await stand.audited()).count("posture-reported") == 2
    await report_posture(stand.control, ACT, LAPTOP, healthy=None)
    assert (await stand.audited()).count("posture-reported") == 2


async def test_the_operators_word_counts_from_reports_that_this_process_did_not_see(
    stand: Stand,
) -> None:
    """It is said through another control process, while this one holds a report unwritten."""
    await stand.publish(("compliance", policy(FIREWALL)))
    await stand.send(fact("firewall", value=True))
    stand.now += 60
    await stand.send(fact("firewall", value=True, at=stand.now))
    await report_posture(stand.control, ACT, LAPTOP, healthy=False, reason="stolen")
    stand.now += 60
    await stand.send(fact("firewall", value=True, at=stand.now))
    await stand.watch.look(stand.now)
    assert stand.device().healthy is False
    assert (await health_of(stand.fleet, LAPTOP, stand.now)).last_seen_at == stand.now


TOUCHING: list[tuple[Kind, Any]] = [
    ("compliance", policy(FIREWALL, mode="report")),
    ("compliance", policy(FIREWALL, groups=("staff",), platforms=("macos",))),
    ("group", Group(id=GroupId("ops"), name="Ops")),
    ("user", User(id=ALICE, name="Alice", email="a@example.test")),
    ("device", "macos"),
]


@pytest.mark.parametrize(("kind", "document"), TOUCHING)
async def test_what_a_conclusion_rests_on_is_watched(
    stand: Stand, kind: Kind, document: Any
) -> None:
    """Alice is in `staff` by `ops`; her laptop fails a policy of `staff` for Linux."""
    ops, staff = GroupId("ops"), GroupId("staff")
    alice = User(id=ALICE, name="Alice", email="a@example.test", groups=(ops,))
    await stand.publish(
        ("group", Group(id=staff, name="Staff")),
        ("group", Group(id=ops, name="Ops", parents=(staff,))),
        ("user", alice),
        ("compliance", policy(FIREWALL, groups=("staff",), platforms=("linux",))),
    )
    await stand.send(fact("firewall", value=False))
    assert stand.device().healthy is False
    if document == "macos":
        document = msgspec.structs.replace(stand.device(), platform="macos")
    await stand.publish((kind, document))
    await stand.watch.look(stand.now)
    assert stand.device().healthy is None


async def test_a_removed_device_leaves_nothing(stand: Stand) -> None:
    await stand.publish(("compliance", policy(FIREWALL)))
    await stand.send(fact("firewall", value=False))
    await remove_device(stand.control, ACT, LAPTOP)
    gone = removal("device", LAPTOP)
    stand.watch.note(Revision(number=await stand.number(), changes=(gone,)))
    await stand.watch.look(stand.now)
    assert not await history_of(stand.fleet, LAPTOP)
    assert not await failing_checks(stand.fleet)
    assert LAPTOP not in stand.fleet.postures.held
    with pytest.raises(DoorwardError, match="device-unknown"):
        await health_of(stand.fleet, LAPTOP, stand.now)
    with pytest.raises(DoorwardError, match="device-unknown"):
        await take_facts(stand.fleet, LAPTOP, [], Trust.SELF_REPORTED, stand.now)


async def test_facts_of_another_key_count_no_more_but_the_grace_goes_on(stand: Stand) -> None:
    check = Check(fact="secure-boot", want=True, grace_hours=2)
    await stand.publish(("compliance", policy(check)))
    await stand.send(fact("secure-boot", value=False))
    stand.laptop = SoftwareDevice(LAPTOP)
    await stand.laptop.enrolled(stand.control, ALICE, platform="linux")
    stand.fleet.roll.forget(LAPTOP)
    stand.watch.note(None)
    await stand.after(HOUR)
    assert (stand.device().healthy, (await health_of(stand.fleet, LAPTOP, AT)).known) == (None, ())
    stand.counter = 0
    taken = await stand.send(fact("secure-boot", value=False, at=stand.now))
    assert [item.until for item in taken.failing] == [AT + 2 * HOUR]


async def test_history_and_samples(stand: Stand) -> None:
    await stand.publish(("compliance", policy(FIREWALL)))
    await stand.watch.look(stand.now)
    for healthy in (True, False):
        stand.now += 60
        await stand.send(fact("firewall", value=healthy, at=stand.now))
    changes = [(item.at - AT, item.healthy) for item in await history_of(stand.fleet, LAPTOP)]
    assert changes == [(120, False), (60, True), (0, None)]
    assert await sample_health(stand.fleet, AT)
    assert not await sample_health(stand.fleet, AT + 1)
    assert await sample_health(stand.fleet, AT + 600)
    first = FleetSample(
        at=AT // 600 * 600, healthy=0, unhealthy=1, unknown=0, silent=0, suspended=0
    )
    assert (await fleet_samples(stand.fleet, 0.0))[0] == first
    day = 86_400
    assert await let_history_go(stand.control.store, AT + 40 * day, keep_days=0) == 0
    assert await let_history_go(stand.control.store, AT + 40 * day, keep_days=30) == 5
    assert not await fleet_samples(stand.fleet, 0.0)


async def test_the_fleet_is_counted(stand: Stand) -> None:
    await stand.publish(("compliance", policy(FIREWALL, mode="report")))
    await stand.send(fact("firewall", value=False))
    for name in ("a", "z"):
        await SoftwareDevice(DeviceId(name)).enrolled(stand.control, ALICE, platform="linux")
    stand.watch.note(None)
    await stand.watch.look(stand.now)
    assert await policy_health(stand.fleet) == [
        PolicyHealth(policy=ComplianceId("base"), passing=0, grace=0, failing=1, unknown=2)
    ]
    assert [item.device for item in await fleet_health(stand.fleet, AT, limit=2)] == ["a", LAPTOP]
    assert [item.device for item in await fleet_health(stand.fleet, AT, after=LAPTOP)] == ["z"]
    await suspend_device(stand.control, ACT, LAPTOP, "lost")
    assert await fleet_summary(stand.fleet, AT + HOUR) == FleetSample(
        at=AT + HOUR, healthy=0, unhealthy=0, unknown=2, silent=0, suspended=1
    )


async def test_a_change_that_touches_all_is_worked_off_in_slices_those_in_use_first(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [DeviceId(f"d{number:03}") for number in range(2 * SLICE)]
    devices = [Device(id=name, owner=UserId("x"), key="ab") for name in names]
    await stand.publish(*(("device", device) for device in devices))
    await stand.watch.look(stand.now)
    session = Session(
        id=SessionId("ses"),
        user=ALICE,
        started_at=AT,
        expires_at=AT + HOUR,
        authenticated_at=AT,
        methods=("passkey",),
        phishing_resistant=True,
        multi_factor=True,
        address="::1",
    )
    await stand.publish(("session", session), ("compliance", policy(FIREWALL)))
    settled: list[list[str]] = []

    async def settle(_: object, __: object, devices: list[str], ___: float) -> None:
        settled.append(devices)

    monkeypatch.setattr("doorward.administrator.devices.watch.settle", settle)
    await stand.watch.look(stand.now)
    assert settled[0][0] == LAPTOP
    assert [len(some) for some in settled] == [SLICE, SLICE, 1]
    assert sorted(name for some in settled for name in some) == sorted([LAPTOP, *names])


async def test_a_pass_that_is_not_done_in_its_time_goes_on_with_the_next(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stand.publish(("compliance", policy(FIREWALL)))
    with monkeypatch.context() as patched:
        patched.setattr("doorward.administrator.devices.watch._PASS_SECONDS", 0.0)
        stand.watch.awake.clear()
        await stand.watch.look(stand.now)
    assert stand.watch.awake.is_set()
    assert stand.device().reason == ""
    await stand.watch.look(stand.now)
    assert stand.device().reason == "Not known: Firewall."


async def test_where_the_store_refuses_the_device_is_looked_at_again(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stand.publish(("compliance", policy(FIREWALL)))
    store = stand.control.store
    await stand.send(fact("secure-boot", value=True))

    def away() -> object:
        raise DoorwardError("store-unavailable", "The store is away.")

    with monkeypatch.context() as patched:
        patched.setattr(store, "transaction", away)
        answer = await stand.post(stand.report(fact("firewall", value=True)))
        assert answer.status_code == 503
        with pytest.raises(DoorwardError, match="store-unavailable"):
            await stand.watch.look(stand.now)
    assert stand.device().healthy is None
    await stand.watch.look(stand.now)
    assert stand.device().healthy is True


def test_nothing_is_held_of_a_device_twice() -> None:
    postures = Postures()
    postures.forget([LAPTOP])
    assert not postures.unwritten()


async def test_a_device_that_is_forgotten_while_others_are_written_stops_nobody(
    stand: Stand,
) -> None:
    """What writes behind runs beside what forgets, and its end is the process's."""
    await stand.publish(("compliance", policy(FIREWALL)))
    await stand.send(fact("firewall", value=True))
    stand.now += 60
    await stand.send(fact("firewall", value=True, at=stand.now))
    postures, store = stand.fleet.postures, stand.control.store

    class Slow:
        @asynccontextmanager
        async def transaction(self) -> AsyncIterator[Transaction]:
            async with store.transaction() as transaction:
                postures.forget([LAPTOP])
                yield transaction

    assert postures.unwritten() == [LAPTOP]
    await write_postures(cast("Store", Slow()), postures)
    assert not postures.unwritten()
    assert not postures.held
