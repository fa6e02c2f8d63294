"""A device with a TPM, from its enrolment to facts that are quoted: control's real parts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doorward.adapters.tpm_makers import TrustedTpmMakers
from doorward.administrator.control_plane import Act
from doorward.administrator.devices.answer_enrolment import approve_enrolment, claim_enrolment
from doorward.administrator.devices.attestation.tpm_attestor import TpmAttestor
from doorward.administrator.devices.health import health_of
from doorward.administrator.devices.parts import Fleet
from doorward.administrator.devices.take_report import take_report
from doorward.errors import DoorwardError
from doorward.model.estate import User
from doorward.model.ids import DeviceId, UserId
from doorward.model.posture import Trust
from doorward.model.snapshot import change
from doorward.protocol.agent import DEVICES, Enrolled, Report
from tests.fakes.enrolments import Applicant
from tests.fakes.fleet import AT, SoftwareDevice, fleet_on
from tests.fakes.store import CountedSecrets, MemoryStore, control_plane
from tests.fakes.tpm import Maker, PaperTpm, a_report, with_quote

ALICE, ACT = UserId("alice"), Act("user:alice", AT)


@pytest.fixture
def maker() -> Maker:
    return Maker()


@pytest.fixture
async def fleet(maker: Maker) -> Fleet:
    control = control_plane(MemoryStore())
    async with control.store.transaction() as transaction:
        await transaction.snapshot.publish(
            [change("user", User(id=ALICE, name="Alice", email="alice@example.org"))]
        )
    attestor = TpmAttestor(TrustedTpmMakers(maker.files), CountedSecrets())
    return replace(fleet_on(control), attestor=attestor)


async def enrolled(fleet: Fleet, tpm: PaperTpm) -> Applicant:
    """Asked for, approved, and proved by its TPM."""
    applicant = Applicant(fleet, SoftwareDevice(DeviceId(""), tpm.key))
    started = await applicant.ask(tpm=tpm.evidence())
    assert started.challenge is not None
    claimed = await claim_enrolment(fleet, ACT, ALICE, started.user_code)
    await approve_enrolment(fleet, ACT, ALICE, claimed.id)
    done = await applicant.poll(activated=tpm.activate(started.challenge))
    assert isinstance(done, Enrolled)
    applicant.device.id = done.device
    return applicant


async def send(fleet: Fleet, device: SoftwareDevice, report: Report) -> Trust:
    """Take the report; what its facts are worth then."""
    message = device.signed(f"{DEVICES}/{device.id}/reports", report)
    await take_report(fleet, device.id, message, report, report.at)
    health = await health_of(fleet, device.id, report.at)
    return next(item.trust for item in health.known if item.fact.name == "secure-boot")


async def test_a_quoted_report_is_worth_more_than_a_signed_one(fleet: Fleet, maker: Maker) -> None:
    tpm = PaperTpm(maker)
    device = (await enrolled(fleet, tpm)).device
    assert not fleet.control.live.current.devices[device.id].attested
    first = a_report(1, fleet.nonces.nonce(device.id, 1, AT))
    assert await send(fleet, device, first) == Trust.SIGNED
    second = with_quote(tpm, a_report(2, fleet.nonces.nonce(device.id, 2, AT), AT + 1))
    assert await send(fleet, device, second) == Trust.QUOTED
    assert fleet.control.live.current.devices[device.id].attested
    tpm.pcrs[7] = bytes([7]) * 32
    tpm.reset_count += 1
    third = with_quote(tpm, a_report(3, fleet.nonces.nonce(device.id, 3, AT), AT + 2))
    assert await send(fleet, device, third) == Trust.SIGNED
    assert not fleet.control.live.current.devices[device.id].attested


async def test_the_tpm_of_another_maker_is_refused(fleet: Fleet) -> None:
    stranger = PaperTpm(Maker("Elsewhere"))
    applicant = Applicant(fleet, SoftwareDevice(DeviceId(""), stranger.key))
    with pytest.raises(DoorwardError, match="attestation-refused"):
        await applicant.ask(tpm=stranger.evidence())


async def test_a_secret_that_was_not_in_the_challenge_is_refused(
    fleet: Fleet, maker: Maker
) -> None:
    tpm = PaperTpm(maker)
    applicant = Applicant(fleet, SoftwareDevice(DeviceId(""), tpm.key))
    await applicant.ask(tpm=tpm.evidence())
    with pytest.raises(DoorwardError, match="attestation-refused"):
        await applicant.poll(activated=b"guessed")


async def test_one_tpm_is_one_device_of_its_owner(fleet: Fleet, maker: Maker) -> None:
    tpm = PaperTpm(maker)
    first = (await enrolled(fleet, tpm)).device.id
    again = PaperTpm(maker, ek_key=tpm.ek_key)
    second = (await enrolled(fleet, again)).device.id
    assert first != second
    assert set(fleet.control.live.current.devices) == {second}
