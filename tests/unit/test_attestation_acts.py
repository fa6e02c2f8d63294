"""Attestation as acts: what is kept, published and audited, and hardware that is enrolled twice."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Protocol

import msgspec
import pytest

from doorward.administrator.control_plane import Act, ControlPlane
from doorward.administrator.devices.attestation.accept_measurements import accept_measurements
from doorward.administrator.devices.attestation.challenge import AttestedTpm
from doorward.administrator.devices.attestation.lapse_attestations import lapse_attestations
from doorward.administrator.devices.attestation.measurements import LIFETIME_SECONDS, measurement
from doorward.administrator.devices.attestation.read_attestation import read_attestation
from doorward.administrator.devices.attestation.remember_tpm import remember_tpm
from doorward.administrator.devices.attestation.take_quote import KEEP_SECONDS, take_quote
from doorward.administrator.devices.manage_devices import remove_device
from doorward.administrator.fleet.last_quotes import LastQuotes
from doorward.administrator.fleet.ports import DeviceRecord
from doorward.administrator.ports import AuditEntry
from doorward.entrypoints.control import background
from doorward.errors import DoorwardError
from doorward.model.device import Device
from doorward.model.ids import DeviceId, UserId
from doorward.model.posture import Trust
from doorward.model.snapshot import change
from doorward.protocol.agent import Quote, Report
from doorward.protocol.tpm.public_area import encode_public
from tests.fakes.store import MemoryStore, control_plane
from tests.fakes.tpm import AT, CLEAN, Maker, PaperTpm, a_report, with_quote

LAPTOP, ALICE, BOB = DeviceId("laptop"), UserId("alice"), UserId("bob")
MAKER = Maker()


class Take(Protocol):
    async def __call__(self, report: Report, at: float, device: DeviceId = LAPTOP) -> Trust: ...


def proved(tpm: PaperTpm) -> AttestedTpm:
    """As if `activated` had answered."""
    return AttestedTpm(
        endorsement=hashlib.sha256(encode_public(tpm.ek_area)).hexdigest(),
        certificate=hashlib.sha256(tpm.ek_certificate).hexdigest(),
        ak_public=tpm.ak_public,
        key=hashlib.sha256(tpm.public_der).hexdigest(),
    )


async def enrol(
    control: ControlPlane,
    tpm: PaperTpm,
    device: DeviceId = LAPTOP,
    owner: UserId = ALICE,
    at: float = AT,
) -> None:
    """What the enrolment of a device with a TPM does in its transaction."""
    key = hashlib.sha256(tpm.public_der).hexdigest()
    async with control.store.transaction() as transaction:
        act = Act(f"user:{owner}", at)
        changes = await remember_tpm(transaction, device, owner, proved(tpm), act)
        record = DeviceRecord(id=device, public_key=tpm.public_der, storage="tpm", enrolled_at=at)
        await transaction.devices.records.put([record])
        document = change("device", Device(id=device, owner=owner, key=key))
        await transaction.snapshot.publish([*changes, document])


async def audit(control: ControlPlane) -> list[AuditEntry]:
    async with control.store.transaction() as transaction:
        return list(await transaction.audit.entries(after=0, limit=100))


@pytest.fixture
async def tpm() -> PaperTpm:
    return PaperTpm(MAKER)


@pytest.fixture
async def control(tpm: PaperTpm) -> ControlPlane:
    control = control_plane(MemoryStore())
    await enrol(control, tpm)
    return control


@pytest.fixture(params=["remembers", "restarts"])
def take(control: ControlPlane, request: pytest.FixtureRequest) -> Take:
    """Takes a quote as one process does, and as one that starts anew for each."""
    quotes = LastQuotes()

    async def take(report: Report, at: float, device: DeviceId = LAPTOP) -> Trust:
        known = quotes if request.param == "remembers" else LastQuotes()
        return await take_quote(control, known, Act("system", at), device, report)

    return take


def document(control: ControlPlane, device: DeviceId = LAPTOP) -> Device:
    return control.live.current.devices[device]


async def test_a_quote_that_holds_attests_the_device_and_its_facts(
    control: ControlPlane, tpm: PaperTpm, take: Take
) -> None:
    assert not document(control).attested
    assert await take(a_report(), AT + 1) is Trust.SIGNED
    assert await take(with_quote(tpm, a_report(2)), AT + 2) is Trust.QUOTED
    assert document(control).attested
    assert [entry.act for entry in await audit(control)] == ["device-attested"]
    number = control.live.current.number
    assert await take(with_quote(tpm, a_report(3)), AT + 3) is Trust.QUOTED
    assert control.live.current.number == number


async def test_what_tells_nothing_new_is_written_now_and_then(
    control: ControlPlane, tpm: PaperTpm, take: Take
) -> None:
    await take(with_quote(tpm, a_report()), AT + 1)
    await take(with_quote(tpm, a_report(2)), AT + 2)
    assert (await read_attestation(control, LAPTOP)).measured_at == AT + 1
    await take(with_quote(tpm, a_report(3)), AT + 1 + KEEP_SECONDS)
    assert (await read_attestation(control, LAPTOP)).measured_at == AT + 1 + KEEP_SECONDS
    tpm.reset_count += 1
    await take(with_quote(tpm, a_report(4)), AT + 2 + KEEP_SECONDS)
    assert (await read_attestation(control, LAPTOP)).reset_count == tpm.reset_count


async def test_a_changed_register_turns_the_device_until_an_operator_accepts(
    control: ControlPlane, tpm: PaperTpm, take: Take
) -> None:
    await take(with_quote(tpm, a_report()), AT + 1)
    tpm.pcrs[7] = b"\x01" * 32
    assert await take(with_quote(tpm, a_report(2)), AT + 2) is Trust.SIGNED
    assert not document(control).attested
    last = (await audit(control))[-1]
    assert (last.act, last.target) == ("device-not-attested", "device:laptop")
    assert "the Secure Boot policy (PCR 7)" in last.detail["reason"]
    await take(with_quote(tpm, a_report(3)), AT + 3)
    assert (await audit(control))[-1] == last

    seen = measurement(await read_attestation(control, LAPTOP))
    done = await accept_measurements(control, Act("operator", AT + 4), LAPTOP, seen)
    assert done.enforced
    assert document(control).attested
    accepted, attested = (await audit(control))[-2:]
    assert (accepted.act, accepted.actor) == ("measurements-accepted", "operator")
    assert accepted.detail == {"pcr-7": "01" * 32}
    assert attested.act == "device-attested"
    record = await read_attestation(control, LAPTOP)
    assert (record.reference_by, record.reference_at) == ("operator", AT + 4)
    assert await take(with_quote(tpm, a_report(4)), AT + 5) is Trust.QUOTED

    entries = len(await audit(control))
    again = await accept_measurements(control, Act("operator", AT + 6), LAPTOP, seen)
    assert again.number == control.live.current.number
    assert len(await audit(control)) == entries


async def test_only_what_the_operator_saw_is_accepted(
    control: ControlPlane, tpm: PaperTpm, take: Take
) -> None:
    with pytest.raises(DoorwardError, match="nothing-measured"):
        await accept_measurements(control, Act("operator", AT), LAPTOP, "")
    await take(with_quote(tpm, a_report()), AT + 1)
    tpm.pcrs[4] = b"\x04" * 32
    await take(with_quote(tpm, a_report(2)), AT + 2)
    seen = measurement(await read_attestation(control, LAPTOP))
    tpm.pcrs[4] = b"\x05" * 32
    await take(with_quote(tpm, a_report(3)), AT + 3)
    before = await read_attestation(control, LAPTOP)
    with pytest.raises(DoorwardError, match="measured-anew"):
        await accept_measurements(control, Act("operator", AT + 4), LAPTOP, seen)
    assert await read_attestation(control, LAPTOP) == before
    with pytest.raises(DoorwardError, match="device-unknown"):
        await accept_measurements(control, Act("operator", AT), DeviceId("none"), seen)


async def test_a_refused_quote_is_audited_once_and_turns_the_device(
    control: ControlPlane, tpm: PaperTpm, take: Take
) -> None:
    await take(with_quote(tpm, a_report()), AT + 1)
    record = await read_attestation(control, LAPTOP)
    forged = with_quote(PaperTpm(MAKER), a_report(2))
    garbage = msgspec.structs.replace(
        a_report(3), quote=Quote(attest=b"x", signature=b"y", pcrs=dict(CLEAN))
    )
    assert await take(forged, AT + 2) is Trust.SIGNED
    assert await take(forged, AT + 3) is Trust.SIGNED
    assert not document(control).attested
    assert [entry.act for entry in await audit(control)] == [
        "device-attested",
        "quote-refused",
        "device-not-attested",
    ]
    assert await take(garbage, AT + 4) is Trust.SIGNED
    assert (await audit(control))[-1].act == "quote-refused"
    after = await read_attestation(control, LAPTOP)
    assert msgspec.structs.replace(after, refused="") == record
    assert await take(with_quote(tpm, a_report(5)), AT + 5) is Trust.QUOTED
    assert document(control).attested


async def test_a_replayed_quote_gains_nothing(
    control: ControlPlane, tpm: PaperTpm, take: Take
) -> None:
    old = with_quote(tpm, a_report())
    replayed = msgspec.structs.replace(a_report(2, "nonce-2"), quote=old.quote)
    assert await take(replayed, AT + 2) is Trust.SIGNED
    assert not document(control).attested
    assert not (await read_attestation(control, LAPTOP)).measured


async def test_a_device_whose_key_no_tpm_vouched_for_gains_nothing_by_a_quote(
    control: ControlPlane, tpm: PaperTpm, take: Take
) -> None:
    other = Device(id=DeviceId("desk"), owner=ALICE, key="ab" * 32)
    rekeyed = msgspec.structs.replace(document(control), key="ab" * 32)
    async with control.store.transaction() as transaction:
        await transaction.snapshot.publish([change("device", other), change("device", rekeyed)])
    for device in (other.id, LAPTOP):
        assert await take(with_quote(tpm, a_report()), AT + 1, device) is Trust.SIGNED
        assert not document(control, device).attested
        with pytest.raises(DoorwardError, match="device-without-tpm"):
            await read_attestation(control, device)
    with pytest.raises(DoorwardError, match="device-unknown"):
        await take(with_quote(tpm, a_report()), AT, DeviceId("none"))


async def test_silence_takes_attestation_back(
    control: ControlPlane, tpm: PaperTpm, take: Take
) -> None:
    assert await lapse_attestations(control, AT) == 0
    await take(with_quote(tpm, a_report()), AT + 1)
    assert await lapse_attestations(control, AT + LIFETIME_SECONDS) == 0
    assert document(control).attested
    assert await lapse_attestations(control, AT + 1 + LIFETIME_SECONDS) == 1
    assert not document(control).attested
    assert "for an hour" in (await audit(control))[-1].detail["reason"]
    assert await lapse_attestations(control, AT + 2 + LIFETIME_SECONDS) == 0


async def test_silence_is_noticed_within_a_second(
    control: ControlPlane, tpm: PaperTpm, take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [AT + 1]
    monkeypatch.setattr(background, "now", lambda: clock[0])
    await take(with_quote(tpm, a_report()), AT + 1)
    task = asyncio.create_task(background.keep_attested(control))
    try:
        await asyncio.sleep(0.1)
        assert document(control).attested
        clock[0] += LIFETIME_SECONDS
        await asyncio.sleep(1.5)
        assert not document(control).attested
    finally:
        task.cancel()


async def test_one_tpm_enrolled_twice_by_its_owner_is_one_device(
    control: ControlPlane, tpm: PaperTpm
) -> None:
    """A system installed anew: new keys, the same TPM."""
    again = PaperTpm(MAKER, ek_key=tpm.ek_key)
    await enrol(control, again, DeviceId("laptop-2"), at=AT + 9)
    assert set(control.live.current.devices) == {"laptop-2"}
    async with control.store.transaction() as transaction:
        assert await transaction.devices.records.get(LAPTOP) is None
        assert await transaction.devices.attestations.get(LAPTOP) is None
    entry = (await audit(control))[-1]
    assert (entry.act, entry.target) == ("device-replaced", "device:laptop")
    assert entry.detail == {"by": "laptop-2", "owner": "alice"}


async def test_one_tpm_enrolled_again_by_another_person_is_refused(
    control: ControlPlane, tpm: PaperTpm
) -> None:
    again = PaperTpm(MAKER, ek_key=tpm.ek_key)
    before = control.live.current
    with pytest.raises(DoorwardError, match="hardware-enrolled"):
        await enrol(control, again, DeviceId("theirs"), BOB)
    assert control.live.current == before
    assert (await read_attestation(control, LAPTOP)).ak_public == tpm.ak_public
    await remove_device(control, Act("operator", AT + 1), LAPTOP)
    async with control.store.transaction() as transaction:
        assert await transaction.devices.attestations.get(LAPTOP) is None
    await enrol(control, again, DeviceId("theirs"), BOB)
    assert (await read_attestation(control, DeviceId("theirs"))).ak_public == again.ak_public


async def test_the_same_device_may_be_enrolled_again(
    control: ControlPlane, tpm: PaperTpm, take: Take
) -> None:
    await take(with_quote(tpm, a_report()), AT + 1)
    again = PaperTpm(MAKER, ek_key=tpm.ek_key)
    await enrol(control, again, at=AT + 9)
    record = await read_attestation(control, LAPTOP)
    assert (record.ak_public, record.measured, record.since) == (again.ak_public, {}, AT + 9)
    assert not document(control).attested


async def test_two_control_processes_see_a_device_turn(
    control: ControlPlane, tpm: PaperTpm
) -> None:
    """What one remembers of the last quote counts no more once the other saw another."""
    one, two = LastQuotes(), LastQuotes()

    async def sent_to(process: LastQuotes, counter: int) -> Trust:
        report = with_quote(tpm, a_report(counter))
        return await take_quote(control, process, Act("system", AT + counter), LAPTOP, report)

    assert await sent_to(one, 1) is Trust.QUOTED
    tpm.pcrs[7] = b"\x01" * 32
    assert await sent_to(two, 2) is Trust.SIGNED
    assert not document(control).attested
    tpm.pcrs[7] = bytes(32)
    assert await sent_to(one, 3) is Trust.QUOTED
    assert document(control).attested
