"""A device that says a TPM keeps its key proves it, or is not enrolled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from doorward.administrator.control_plane import Act
from doorward.administrator.devices.answer_enrolment import approve_enrolment, claim_enrolment
from doorward.administrator.devices.parts import Fleet
from doorward.administrator.ports import Transaction
from doorward.errors import DoorwardError
from doorward.model.estate import User
from doorward.model.ids import DeviceId, UnixSeconds, UserId
from doorward.model.snapshot import Change, change
from doorward.protocol.agent import Enrolled, Pending, TpmChallenge, TpmEvidence
from tests.fakes.enrolments import Applicant
from tests.fakes.fleet import AT, fleet_on
from tests.fakes.store import MemoryStore, control_plane

ALICE, ACT = UserId("alice"), Act("user:alice", AT)
EVIDENCE = TpmEvidence(
    ek_certificate=b"ek",
    ek_public=b"",
    ak_public=b"",
    key_public=b"",
    key_certify=b"",
    key_signature=b"",
)


@dataclass
class PaperAttestor:
    """Port `Attestor`: the secret is `right`, and one TPM belongs to somebody else."""

    kept: list[tuple[DeviceId, UserId, bytes]] = field(default_factory=list)
    taken: bool = False

    def begin(
        self, evidence: TpmEvidence, public_key: bytes, now: UnixSeconds
    ) -> tuple[TpmChallenge, bytes]:
        if evidence.ek_certificate != b"ek":
            raise DoorwardError("attestation-refused", "No trusted maker.", "Trust it.")
        return TpmChallenge(credential=b"c", secret=b"s"), b"remembered"

    def activated(self, remembered: bytes, secret: bytes) -> bool:
        return (remembered, secret) == (b"remembered", b"right")

    async def keep(
        self,
        transaction: Transaction,
        act: Act,
        device: DeviceId,
        owner: UserId,
        remembered: bytes,
    ) -> Sequence[Change]:
        if self.taken:
            raise DoorwardError("hardware-enrolled", "Another person's.", "Remove that one.")
        self.kept.append((device, owner, remembered))
        return []


@pytest.fixture
async def fleet() -> Fleet:
    control = control_plane(MemoryStore())
    async with control.store.transaction() as transaction:
        await transaction.snapshot.publish(
            [change("user", User(id=ALICE, name="Alice", email="alice@example.org"))]
        )
    return replace(fleet_on(control), attestor=PaperAttestor())


async def rejected(fleet: Fleet) -> list[str]:
    async with fleet.control.store.transaction() as transaction:
        entries = await transaction.audit.entries(after=0, limit=100)
    return [entry.detail["why"] for entry in entries if entry.act == "enrolment-rejected"]


async def approved(fleet: Fleet) -> Applicant:
    applicant = Applicant(fleet)
    started = await applicant.ask(tpm=EVIDENCE)
    assert started.challenge == TpmChallenge(credential=b"c", secret=b"s")
    claimed = await claim_enrolment(fleet, ACT, ALICE, started.user_code)
    assert (claimed.storage, claimed.proved) == ("tpm", False)
    await approve_enrolment(fleet, ACT, ALICE, claimed.id)
    return applicant


async def test_an_approved_device_waits_for_its_tpm(fleet: Fleet) -> None:
    applicant = await approved(fleet)
    assert isinstance(await applicant.poll(), Pending)
    assert not fleet.control.live.current.devices
    done = await applicant.poll(activated=b"right")
    assert isinstance(done, Enrolled)
    attestor = fleet.attestor
    assert isinstance(attestor, PaperAttestor)
    assert attestor.kept == [(done.device, ALICE, b"remembered")]
    async with fleet.control.store.transaction() as transaction:
        record = await transaction.devices.records.get(done.device)
    assert record is not None
    assert record.storage == "tpm"
    assert not fleet.control.live.current.devices[done.device].attested


async def test_a_tpm_may_answer_before_its_owner_does(fleet: Fleet) -> None:
    applicant = Applicant(fleet)
    started = await applicant.ask(tpm=EVIDENCE)
    assert isinstance(await applicant.poll(activated=b"right"), Pending)
    claimed = await claim_enrolment(fleet, ACT, ALICE, started.user_code)
    assert claimed.proved
    await approve_enrolment(fleet, ACT, ALICE, claimed.id)
    assert isinstance(await applicant.poll(), Enrolled)


async def test_a_wrong_answer_ends_the_enrolment(fleet: Fleet) -> None:
    applicant = await approved(fleet)
    with pytest.raises(DoorwardError, match="attestation-refused"):
        await applicant.poll(activated=b"wrong")
    with pytest.raises(DoorwardError, match="enrolment-refused"):
        await applicant.poll(activated=b"right")
    assert not fleet.control.live.current.devices
    assert await rejected(fleet) == ["attestation-refused"]


async def test_evidence_that_does_not_hold_is_refused_and_noted(fleet: Fleet) -> None:
    bad = TpmEvidence(
        ek_certificate=b"other",
        ek_public=b"",
        ak_public=b"",
        key_public=b"",
        key_certify=b"",
        key_signature=b"",
    )
    with pytest.raises(DoorwardError, match="attestation-refused"):
        await Applicant(fleet).ask(tpm=bad)
    assert await rejected(fleet) == ["attestation-refused"]


async def test_a_tpm_of_another_person_enrols_nothing(fleet: Fleet) -> None:
    applicant = await approved(fleet)
    attestor = fleet.attestor
    assert isinstance(attestor, PaperAttestor)
    attestor.taken = True
    with pytest.raises(DoorwardError, match="hardware-enrolled"):
        await applicant.poll(activated=b"right")
    assert not fleet.control.live.current.devices
    assert await rejected(fleet) == ["hardware-enrolled"]
    async with fleet.control.store.transaction() as transaction:
        assert await transaction.devices.records.all() == []


async def test_where_nothing_can_be_judged_nothing_is_believed(fleet: Fleet) -> None:
    with pytest.raises(DoorwardError, match="attestation-unsupported"):
        await Applicant(replace(fleet, attestor=None)).ask(tpm=EVIDENCE)
