"""Enrolment: asked for by a key, approved once by its owner, and what a second one replaces."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization

from doorward.administrator.control_plane import Act, ControlPlane
from doorward.administrator.devices.accept import accept
from doorward.administrator.devices.answer_enrolment import (
    approve_enrolment,
    claim_enrolment,
    claimed_enrolments,
    refuse_enrolment,
)
from doorward.administrator.devices.enrolment_codes import make_enrolment_code
from doorward.administrator.devices.manage_devices import remove_device, report_posture
from doorward.administrator.devices.parts import Fleet
from doorward.administrator.devices.settle import settle
from doorward.administrator.devices.suspend import suspend_device
from doorward.administrator.fleet.posture_ports import PostureRecord
from doorward.administrator.set_standing import disable_user
from doorward.errors import DoorwardError
from doorward.model.device import Device
from doorward.model.estate import User
from doorward.model.identity import Session
from doorward.model.ids import DeviceId, SessionId, UserId
from doorward.model.snapshot import change
from doorward.protocol.agent import Enrolled, NonceRequest, Pending
from tests.fakes.enrolments import LIMITED, Applicant, enrolled
from tests.fakes.fleet import AT, TRUST_DOMAIN, fleet_on
from tests.fakes.store import KeptMail, MemoryStore, control_plane

ALICE, BOB = UserId("alice"), UserId("bob")
ACT = Act("user:alice", AT)
OPERATOR = Act("operator", AT)


@pytest.fixture
async def fleet() -> Fleet:
    control = control_plane(MemoryStore())
    people = [
        User(id=name, name=name.title(), email=f"{name}@example.org") for name in (ALICE, BOB)
    ]
    async with control.store.transaction() as transaction:
        await transaction.snapshot.publish([change("user", person) for person in people])
    return fleet_on(control)


async def audited(control: ControlPlane) -> list[str]:
    async with control.store.transaction() as transaction:
        return [entry.act for entry in await transaction.audit.entries(after=0, limit=1000)]


def device_of(fleet: Fleet, name: str) -> Device:
    return fleet.control.live.current.devices[name]


async def session_on(control: ControlPlane, device: str) -> SessionId:
    session = Session(
        id=SessionId(f"ses_{device}"),
        user=ALICE,
        started_at=AT,
        expires_at=AT + 3600,
        authenticated_at=AT,
        methods=("passkey",),
        phishing_resistant=True,
        multi_factor=True,
        address="192.0.2.1",
        device=DeviceId(device),
    )
    async with control.store.transaction() as transaction:
        await transaction.snapshot.publish([change("session", session)])
    return session.id


async def test_a_device_is_enrolled_once_its_owner_typed_the_code(fleet: Fleet) -> None:
    applicant = Applicant(fleet)
    started = await applicant.ask()
    assert started.url == "https://auth.corp.test/account/devices/enrol"
    assert started.expires_at == AT + 900
    assert await applicant.poll() == Pending(interval_seconds=started.interval_seconds)
    typed = f"{started.user_code[:4]} {started.user_code[4:]}"
    claimed = await claim_enrolment(fleet, ACT, ALICE, typed)
    assert [item.id for item in await claimed_enrolments(fleet, ACT, ALICE)] == [claimed.id]
    assert isinstance(await applicant.poll(), Pending)
    await approve_enrolment(fleet, ACT, ALICE, claimed.id)
    done = await applicant.poll()
    assert isinstance(done, Enrolled)
    assert done.trust_domain == TRUST_DOMAIN
    assert await applicant.poll() == done
    device = device_of(fleet, done.device)
    assert (device.owner, device.key, device.name) == (ALICE, applicant.device.key, "Laptop of Al")
    assert (device.platform, device.healthy, device.attested) == ("linux", None, False)
    async with fleet.control.store.transaction() as transaction:
        record = await transaction.devices.records.get(done.device)
    assert record is not None
    assert (record.public_key, record.storage) == (applicant.device.public_key, "software")
    message = applicant.device.signed("/x", b"{}")
    accepted = await accept(fleet, done.device, message, counter=1, nonce=done.nonce, now=AT)
    assert not accepted.repeated
    assert await audited(fleet.control) == [
        "enrolment-requested",
        "enrolment-claimed",
        "enrolment-approved",
        "device-enrolled",
    ]
    mailer = fleet.control.mailer
    assert isinstance(mailer, KeptMail)
    assert [mail.subject for mail in mailer.sent] == ["A device was enrolled for you"]


async def test_nothing_of_the_code_is_in_the_store(fleet: Fleet) -> None:
    started = await Applicant(fleet).ask()
    store = fleet.control.store
    assert isinstance(store, MemoryStore)
    assert len(started.user_code) == 8
    assert started.user_code not in str(store.content())


async def test_a_code_works_once_and_for_whoever_typed_it_first(fleet: Fleet) -> None:
    applicant = Applicant(fleet)
    started = await applicant.ask()
    claimed = await claim_enrolment(fleet, ACT, ALICE, started.user_code)
    with pytest.raises(DoorwardError, match="enrolment-code-wrong"):
        await claim_enrolment(fleet, Act("user:bob", AT), BOB, started.user_code)
    for act in (approve_enrolment, refuse_enrolment):
        with pytest.raises(DoorwardError, match="enrolment-unknown"):
            await act(fleet, Act("user:bob", AT), BOB, claimed.id)
    assert isinstance(await applicant.poll(), Pending)


async def test_a_refused_device_learns_so_and_stays_out(fleet: Fleet) -> None:
    applicant = Applicant(fleet)
    claimed = await claim_enrolment(fleet, ACT, ALICE, (await applicant.ask()).user_code)
    await refuse_enrolment(fleet, ACT, ALICE, claimed.id)
    with pytest.raises(DoorwardError, match="enrolment-refused"):
        await applicant.poll()
    with pytest.raises(DoorwardError, match="enrolment-unknown"):
        await approve_enrolment(fleet, ACT, ALICE, claimed.id)
    assert not fleet.control.live.current.devices


@pytest.mark.parametrize("state", ["waiting", "claimed", "approved"])
async def test_time_ends_an_enrolment(fleet: Fleet, state: str) -> None:
    applicant = Applicant(fleet)
    started = await applicant.ask()
    late = AT + 900
    if state == "waiting":
        with pytest.raises(DoorwardError, match="enrolment-code-wrong"):
            await claim_enrolment(fleet, Act("user:alice", late), ALICE, started.user_code)
    else:
        claimed = await claim_enrolment(fleet, ACT, ALICE, started.user_code)
        if state == "approved":
            await approve_enrolment(fleet, ACT, ALICE, claimed.id)
        else:
            with pytest.raises(DoorwardError, match="enrolment-unknown"):
                await approve_enrolment(fleet, Act("user:alice", late), ALICE, claimed.id)
    with pytest.raises(DoorwardError, match="enrolment-unknown"):
        await applicant.poll(now=late)
    assert not fleet.control.live.current.devices


async def test_codes_are_guessed_a_few_times_only(fleet: Fleet) -> None:
    started = await Applicant(fleet).ask()
    for _ in range(5):
        with pytest.raises(DoorwardError, match="enrolment-code-wrong"):
            await claim_enrolment(fleet, ACT, ALICE, "00000000")
    with pytest.raises(DoorwardError, match="too-many-attempts"):
        await claim_enrolment(fleet, ACT, ALICE, started.user_code)
    assert (await audited(fleet.control)).count("enrolment-code-wrong") == 5
    claimed = await claim_enrolment(fleet, Act("user:bob", AT), BOB, started.user_code)
    assert claimed.user == BOB


async def test_an_address_asks_so_often_and_no_more(fleet: Fleet) -> None:
    applicant = Applicant(fleet)
    for _ in range(LIMITED["enrolment-address"]):
        await applicant.ask()
    with pytest.raises(DoorwardError, match="too-many-attempts"):
        await applicant.ask()
    async with fleet.control.store.transaction() as transaction:
        # A device that asks again takes its own place: nothing piles up.
        assert await transaction.devices.enrolments.get(applicant.enrolment) is not None
    applicant.address = "203.0.113.9"
    await applicant.ask()


@pytest.mark.parametrize("name", ["", " ", "a\nb", " laptop", "\u202elaptop", "n" * 65])
async def test_a_name_that_would_mislead_is_refused(fleet: Fleet, name: str) -> None:
    with pytest.raises(DoorwardError, match="enrolment-invalid"):
        await Applicant(fleet).ask(name=name)


async def test_a_key_is_enrolled_in_its_one_form_and_by_its_holder_only(fleet: Fleet) -> None:
    applicant = Applicant(fleet)
    other = Applicant(fleet)
    point = serialization.PublicFormat.CompressedPoint
    compressed = applicant.device.private.public_key().public_bytes(
        serialization.Encoding.X962, point
    )
    spki = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200") + compressed
    for public_key in (b"", b"\x30\x00", spki):
        with pytest.raises(DoorwardError, match="enrolment-invalid"):
            await applicant.ask(public_key=public_key)
    with pytest.raises(DoorwardError, match="signature-wrong"):
        await applicant.ask(public_key=other.device.public_key)


async def test_another_key_cannot_fetch_an_enrolment(fleet: Fleet) -> None:
    applicant, thief = Applicant(fleet), Applicant(fleet)
    claimed = await claim_enrolment(fleet, ACT, ALICE, (await applicant.ask()).user_code)
    await approve_enrolment(fleet, ACT, ALICE, claimed.id)
    thief.enrolment = applicant.enrolment
    with pytest.raises(DoorwardError, match="signature-wrong"):
        await thief.poll()
    assert not fleet.control.live.current.devices
    assert (await audited(fleet.control))[-1] == "enrolment-rejected"


async def test_enrolling_again_replaces_the_key_and_ends_a_suspension(fleet: Fleet) -> None:
    first = Applicant(fleet)
    device = (await enrolled(first, ACT, ALICE)).device
    await report_posture(fleet.control, OPERATOR, device, healthy=True)
    await suspend_device(fleet.control, OPERATOR, device, "cloned")
    second = Applicant(fleet)
    again = await enrolled(second, ACT, ALICE, replaces=device)
    assert again.device == device
    found = device_of(fleet, device)
    assert (found.key, found.suspended, found.healthy) == (second.device.key, "", None)
    old = first.device.signed("/x", NonceRequest(counter=0, at=AT))
    with pytest.raises(DoorwardError, match="signature-wrong"):
        await accept(fleet, device, old, counter=1, nonce=again.nonce, now=AT)
    new = second.device.signed("/x", b"{}")
    accepted = await accept(fleet, device, new, counter=1, nonce=again.nonce, now=AT)
    assert not accepted.repeated
    assert "device-enrolled-again" in await audited(fleet.control)


@pytest.mark.parametrize(("said", "then"), [(True, None), (False, False)])
async def test_a_good_word_was_of_the_machine_that_had_the_key(
    fleet: Fleet, said: bool, then: bool | None
) -> None:
    device = (await enrolled(Applicant(fleet), ACT, ALICE)).device
    await report_posture(fleet.control, OPERATOR, device, healthy=said)
    assert device_of(fleet, device).healthy is said
    await enrolled(Applicant(fleet), ACT, ALICE, replaces=device)
    await settle(fleet.control, fleet.postures, [device], AT)
    assert device_of(fleet, device).healthy is then


async def test_a_removed_device_leaves_no_word_for_the_next_of_its_id(fleet: Fleet) -> None:
    device = (await enrolled(Applicant(fleet), ACT, ALICE)).device
    await report_posture(fleet.control, OPERATOR, device, healthy=True)
    await remove_device(fleet.control, OPERATOR, device)
    async with fleet.control.store.transaction() as transaction:
        assert not await transaction.devices.posture.records.of([device])


async def test_a_process_that_holds_the_record_of_before_reads_it_anew(fleet: Fleet) -> None:
    first, second = Applicant(fleet), Applicant(fleet)
    done = await enrolled(first, ACT, ALICE)
    other = fleet_on(fleet.control)
    await accept(
        other, done.device, first.device.signed("/x", b"1"), counter=1, nonce=done.nonce, now=AT
    )
    again = await enrolled(second, ACT, ALICE, replaces=done.device)
    message = second.device.signed("/x", b"2")
    accepted = await accept(other, done.device, message, counter=1, nonce=again.nonce, now=AT)
    assert not accepted.repeated


async def test_one_replaces_own_devices_only(fleet: Fleet) -> None:
    device = (await enrolled(Applicant(fleet), ACT, ALICE)).device
    applicant, bob = Applicant(fleet), Act("user:bob", AT)
    claimed = await claim_enrolment(fleet, bob, BOB, (await applicant.ask()).user_code)
    with pytest.raises(DoorwardError, match="device-unknown"):
        await approve_enrolment(fleet, bob, BOB, claimed.id, replaces=device)
    assert device_of(fleet, device).owner == ALICE


async def test_a_key_is_enrolled_for_one_device(fleet: Fleet) -> None:
    applicant = Applicant(fleet)
    await enrolled(applicant, ACT, ALICE)
    claimed = await claim_enrolment(fleet, ACT, ALICE, (await applicant.ask()).user_code)
    await approve_enrolment(fleet, ACT, ALICE, claimed.id)
    with pytest.raises(DoorwardError, match="device-exists"):
        await applicant.poll()
    assert len(fleet.control.live.current.devices) == 1


async def test_who_was_disabled_meanwhile_gets_no_device(fleet: Fleet) -> None:
    applicant = Applicant(fleet)
    claimed = await claim_enrolment(fleet, ACT, ALICE, (await applicant.ask()).user_code)
    await approve_enrolment(fleet, ACT, ALICE, claimed.id)
    await disable_user(fleet.control, OPERATOR, ALICE, "")
    with pytest.raises(DoorwardError, match="user-disabled"):
        await applicant.poll()
    assert not fleet.control.live.current.devices


async def test_a_code_of_those_who_run_doorward_needs_nobody_in_front(fleet: Fleet) -> None:
    code = await make_enrolment_code(
        fleet.control, OPERATOR, owner=BOB, name="Mill", device="mill-1"
    )
    applicant = Applicant(fleet)
    started = await applicant.ask(code=code)
    assert (started.user_code, started.url) == ("", "")
    done = await applicant.poll()
    assert isinstance(done, Enrolled)
    device = device_of(fleet, "mill-1")
    assert (done.device, device.owner, device.name) == ("mill-1", BOB, "Mill")
    with pytest.raises(DoorwardError, match="enrolment-code-wrong"):
        await Applicant(fleet).ask(code=code)
    acts = await audited(fleet.control)
    assert acts == [
        "enrolment-code-made",
        "enrolment-code-used",
        "device-enrolled",
        "enrolment-rejected",
    ]


async def test_such_a_code_ends_with_its_day_and_chooses_no_id_of_others(fleet: Fleet) -> None:
    code = await make_enrolment_code(fleet.control, OPERATOR, owner=BOB)
    with pytest.raises(DoorwardError, match="enrolment-code-wrong"):
        await Applicant(fleet).ask(code=code, now=AT + 86_400)
    device = (await enrolled(Applicant(fleet), ACT, ALICE)).device
    with pytest.raises(DoorwardError, match="device-exists"):
        await make_enrolment_code(fleet.control, OPERATOR, owner=BOB, device=device)


async def test_a_persons_device_gets_an_id_that_nobody_could_wait_for(fleet: Fleet) -> None:
    """Estate and policies name devices by id: a chosen name must not become one of these."""
    names = {(await enrolled(Applicant(fleet), ACT, ALICE, name="mill-1")).device for _ in range(2)}
    assert len(names) == 2
    assert all(name.startswith("dev_") for name in names)


@pytest.mark.parametrize("act", ["removed", "lost", "cloned"])
async def test_sessions_on_a_device_end_with_it(fleet: Fleet, act: str) -> None:
    control = fleet.control
    device = (await enrolled(Applicant(fleet), ACT, ALICE)).device
    on_it, elsewhere = await session_on(control, device), await session_on(control, "other")
    if act == "removed":
        await remove_device(control, ACT, device)
    else:
        await suspend_device(control, ACT, device, "lost" if act == "lost" else "cloned")
    assert set(control.live.current.sessions) == {elsewhere}
    assert on_it != elsewhere
    async with control.store.transaction() as transaction:
        kept = await transaction.devices.records.get(device)
    assert (kept is None) == (act == "removed")


async def test_a_record_that_ill_is_said_of_stays_ill(fleet: Fleet) -> None:
    device = (await enrolled(Applicant(fleet), ACT, ALICE)).device
    async with fleet.control.store.transaction() as transaction:
        record = await transaction.devices.records.get(device)
        assert record is not None
        spoken = PostureRecord(device=record.id, said=False)
        await transaction.devices.posture.records.put([spoken])
    await enrolled(Applicant(fleet), ACT, ALICE, replaces=device)
    assert device_of(fleet, device).healthy is False
