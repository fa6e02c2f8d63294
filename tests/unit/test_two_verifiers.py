"""Four eyes: where a level takes two verifiers, one alone verifies nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from doorward.administrator.identity.checklist import CHECKS
from doorward.administrator.identity.records import Case
from doorward.administrator.proofing.cases import withdraw_case
from doorward.administrator.proofing.confirm_case import confirm_case
from doorward.administrator.proofing.decide_case import approve_case, reject_case
from doorward.administrator.proofing.verifiers import Desk, train_verifier
from doorward.administrator.proofing.work_case import (
    Shown,
    check_attributes,
    record_evidence,
    take_case,
)
from doorward.administrator.set_standing import disable_user
from doorward.errors import DoorwardError
from doorward.model.ids import SessionId, UserId
from doorward.model.snapshot import change
from tests.fakes.proofing import CLAIMS
from tests.unit.test_proofing import (
    ALICE,
    BOB,
    DAY,
    NOON,
    STEPS,
    VERA,
    WILL,
    Bureau,
    a_bureau,
)


@pytest.fixture
async def bureau() -> Bureau:
    return await a_bureau(second_verifier_from=2)


async def proposed(bureau: Bureau) -> Case:
    case = await bureau.worked()
    decided = await approve_case(
        bureau.proofing, bureau.desk(), case.id, CLAIMS, CHECKS[case.method]
    )
    assert isinstance(decided, Case)
    return decided


async def test_the_first_decision_verifies_nobody(bureau: Bureau) -> None:
    case = await proposed(bureau)
    assert case.state == "open"
    assert case.proposal is not None
    assert (case.proposal.by, case.proposal.ial, case.proposal.claims) == (VERA, 2, CLAIMS)
    assert bureau.standing().ial == 0
    assert await bureau.stored() == []
    assert bureau.mail.sent == []
    entry = (await bureau.audited())[-1]
    assert (entry.act, entry.actor) == ("identity-case-proposed", "user:vera")


async def test_the_second_makes_it_count_and_both_are_recorded(bureau: Bureau) -> None:
    case = await proposed(bureau)
    approved = await confirm_case(bureau.proofing, bureau.desk(WILL), case.id)
    item = approved.verification
    assert (item.ial, item.verifier, item.second_verifier) == (2, VERA, WILL)
    process = item.verified_claims.verification.assurance_process
    assert process.procedure == "onsite attended, confirmed by a second verifier"
    assert bureau.standing().ial == 2
    entry = (await bureau.audited())[-1]
    assert (entry.act, entry.actor) == ("identity-verified", "user:will")
    assert (entry.detail["verifier"], entry.detail["second"]) == ("vera", "will")
    (mail,) = bureau.mail.sent
    assert mail.to == "alice@example.org"


async def test_a_level_below_takes_one(bureau: Bureau) -> None:
    case = await bureau.opened()
    card = Shown(kind="company-card", issuer="ACME", validated="handled", owned="compared")
    await record_evidence(bureau.proofing, bureau.desk(), case.id, card)
    await check_attributes(bureau.proofing, bureau.desk(), case.id, "source", "HR")
    approved = await bureau.approve(case)
    assert (approved.verification.ial, approved.verification.second_verifier) == (1, "")


Refused = tuple[Callable[[Bureau], Desk], str]
NO_SECOND: dict[str, Refused] = {
    "the first again": (lambda b: b.desk(VERA), "second-verifier-needed"),
    "the person": (lambda b: b.desk(ALICE), "verifier-is-subject"),
    "no verifier": (lambda b: b.desk(BOB), "verifier-role-missing"),
    "the operator": (lambda b: Desk(b.act(), SessionId("")), "verifier-person-needed"),
    "a service": (lambda b: Desk(b.act("service:ci"), SessionId("")), "verifier-person-needed"),
    "in the first's session": (lambda b: b.desk(WILL, "ses_vera"), "verifier-stale"),
}


@pytest.mark.parametrize("who", NO_SECOND)
async def test_nobody_else_confirms(bureau: Bureau, who: str) -> None:
    desk, code = NO_SECOND[who]
    case = await proposed(bureau)
    before = bureau.store.content()
    with pytest.raises(DoorwardError, match=code):
        await confirm_case(bureau.proofing, desk(bureau), case.id)
    assert bureau.store.content() == before


async def _stale(bureau: Bureau) -> None:
    session = bureau.proofing.control.live.current.sessions["ses_will"]
    old = msgspec.structs.replace(session, authenticated_at=NOON - 901)
    async with bureau.store.transaction() as transaction:
        await transaction.snapshot.publish([change("session", old)])


async def _first_without_role(bureau: Bureau) -> None:
    vera = bureau.proofing.control.live.current.users["vera"]
    async with bureau.store.transaction() as transaction:
        await transaction.snapshot.publish(
            [change("user", msgspec.structs.replace(vera, roles=()))]
        )


async def _first_untrained(bureau: Bureau) -> None:
    async with bureau.store.transaction() as transaction:
        await transaction.identity.trainings.remove(VERA)


async def _first_trained_too_shortly(bureau: Bureau) -> None:
    await train_verifier(bureau.proofing, bureau.act(), VERA, until=NOON + 60)
    bureau.now = NOON + 60


async def _second_untrained(bureau: Bureau) -> None:
    async with bureau.store.transaction() as transaction:
        await transaction.identity.trainings.remove(WILL)


async def _address_changed(bureau: Bureau) -> None:
    alice = bureau.proofing.control.live.current.users["alice"]
    moved = msgspec.structs.replace(alice, email="alice@elsewhere.example")
    async with bureau.store.transaction() as transaction:
        await transaction.snapshot.publish([change("user", moved)])


async def _first_disabled(bureau: Bureau) -> None:
    await disable_user(bureau.proofing.control, bureau.act(), VERA, "caught")


async def _evidence_expired(bureau: Bureau) -> None:
    """The case itself has not."""
    bureau.now = 1835481600.0
    async with bureau.store.transaction() as transaction:
        for case in await transaction.identity.cases.open():
            longer = msgspec.structs.replace(case, expires_at=bureau.now + DAY)
            await transaction.identity.cases.put(longer)
    await _still_fresh(bureau, WILL)
    for verifier in (VERA, WILL):
        until = bureau.now + 200 * DAY
        await train_verifier(bureau.proofing, bureau.act(), verifier, until=until)


async def _still_fresh(bureau: Bureau, user: UserId) -> None:
    session = bureau.proofing.control.live.current.sessions[SessionId(f"ses_{user}")]
    fresh = msgspec.structs.replace(session, authenticated_at=bureau.now)
    async with bureau.store.transaction() as transaction:
        await transaction.snapshot.publish([change("session", fresh)])


async def _person_disabled(bureau: Bureau) -> None:
    await disable_user(bureau.proofing.control, bureau.act(), ALICE, "gone")


MEANWHILE: dict[str, tuple[Callable[[Bureau], Awaitable[None]], str]] = {
    "the second's passkey is stale": (_stale, "verifier-stale"),
    "the first lost the role": (_first_without_role, "first-verifier-unfit"),
    "the first's training is gone": (_first_untrained, "first-verifier-unfit"),
    "the first's training ran out": (_first_trained_too_shortly, "first-verifier-unfit"),
    "the second's training is gone": (_second_untrained, "verifier-untrained"),
    "the person has another address": (_address_changed, "evidence-insufficient"),
    "the first is disabled": (_first_disabled, "first-verifier-unfit"),
    "the evidence expired": (_evidence_expired, "evidence-insufficient"),
    "the person is disabled": (_person_disabled, "user-disabled"),
}


@pytest.mark.parametrize("what", MEANWHILE)
async def test_what_changed_meanwhile_counts(bureau: Bureau, what: str) -> None:
    happen, code = MEANWHILE[what]
    case = await proposed(bureau)
    await happen(bureau)
    with pytest.raises(DoorwardError, match=code):
        await confirm_case(bureau.proofing, bureau.desk(WILL), case.id)
    assert bureau.standing().ial == 0
    assert await bureau.stored() == []


@pytest.mark.parametrize("step", ["take", "record", "strike", "check", "approve"])
@pytest.mark.parametrize("who", [VERA, WILL])
async def test_what_was_decided_on_stays_as_it_is(bureau: Bureau, step: str, who: UserId) -> None:
    case = await proposed(bureau)
    before = bureau.store.content()
    with pytest.raises(DoorwardError, match=r"case-decided|case-of-another"):
        await STEPS[step](bureau, case, bureau.desk(who))
    assert bureau.store.content() == before


async def test_of_two_who_confirm_at_once_one_does(bureau: Bureau) -> None:
    case = await proposed(bureau)
    done = await asyncio.gather(
        *(confirm_case(bureau.proofing, bureau.desk(WILL), case.id) for _ in range(2)),
        return_exceptions=True,
    )
    refused = [item for item in done if isinstance(item, DoorwardError)]
    assert [item.code for item in refused] == ["case-closed"]
    assert len(await bureau.stored()) == 1
    acts = [entry.act for entry in await bureau.audited()]
    assert acts.count("identity-verified") == 1


@pytest.mark.parametrize("who", [VERA, WILL])
async def test_either_ends_it_by_a_refusal(bureau: Bureau, who: UserId) -> None:
    case = await proposed(bureau)
    rejected = await reject_case(bureau.proofing, bureau.desk(who), case.id, "no likeness")
    assert (rejected.state, rejected.closed_by) == ("rejected", f"user:{who}")
    assert rejected.proposal is None, "the name that was not verified is kept no longer"
    with pytest.raises(DoorwardError, match="case-closed"):
        await confirm_case(bureau.proofing, bureau.desk(WILL), case.id)
    assert bureau.standing().ial == 0


async def test_a_withdrawn_case_is_not_confirmed(bureau: Bureau) -> None:
    case = await proposed(bureau)
    await withdraw_case(bureau.proofing.control, bureau.act(), case.id)
    with pytest.raises(DoorwardError, match="case-closed"):
        await confirm_case(bureau.proofing, bureau.desk(WILL), case.id)


async def test_nothing_is_confirmed_that_nobody_decided(bureau: Bureau) -> None:
    case = await bureau.worked()
    with pytest.raises(DoorwardError, match="case-undecided"):
        await confirm_case(bureau.proofing, bureau.desk(WILL), case.id)
    await take_case(bureau.proofing, bureau.desk(WILL), case.id)
