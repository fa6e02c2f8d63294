"""Proofing cases on the store in memory: who may do what, and what becomes of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date

import msgspec
import pytest

from doorward.administrator.control_plane import Act
from doorward.administrator.identity.checklist import CHECKS
from doorward.administrator.identity.evidence import CaseMethod
from doorward.administrator.identity.records import Case, Contact, StoredVerification
from doorward.administrator.identity.verified_claims import Claims
from doorward.administrator.ports import AuditEntry
from doorward.administrator.proofing.cases import open_case, open_case_named, withdraw_case
from doorward.administrator.proofing.decide_case import approve_case, reject_case
from doorward.administrator.proofing.parts import Proofing
from doorward.administrator.proofing.record_verification import Approved
from doorward.administrator.proofing.revoke_verification import revoke_verification
from doorward.administrator.proofing.sweep_identity import sweep_identity
from doorward.administrator.proofing.verifiers import Desk, train_verifier
from doorward.administrator.proofing.work_case import (
    Shown,
    check_attributes,
    record_evidence,
    strike_evidence,
    take_case,
)
from doorward.errors import DoorwardError
from doorward.model.estate import User
from doorward.model.identity import Session, Standing
from doorward.model.ids import SessionId, UserId
from doorward.model.snapshot import change
from tests.fakes.proofing import CLAIMS, VERIFIER_ROLE, proofing_on
from tests.fakes.store import KeptMail, MemoryStore, control_plane

NOON = 1795435200.0
DAY = 86_400
ALICE, BOB, VERA, WILL = (UserId(name) for name in ("alice", "bob", "vera", "will"))
PASSPORT = Shown(
    kind="passport",
    issuer="City of Bonn",
    country="DEU",
    number="C01X00T47",
    expires_on=date(2028, 3, 1),
    validated="signature",
    owned="compared",
)


@dataclass
class Bureau:
    """Where identities are verified; vera and will are trained, alice and bob are not."""

    proofing: Proofing
    store: MemoryStore
    now: float = NOON

    @property
    def mail(self) -> KeptMail:
        mailer = self.proofing.control.mailer
        assert isinstance(mailer, KeptMail)
        return mailer

    def act(self, actor: str = "operator") -> Act:
        return Act(actor, self.now)

    def desk(self, user: UserId = VERA, session: str | None = None) -> Desk:
        return Desk(self.act(f"user:{user}"), SessionId(session or f"ses_{user}"))

    def standing(self, user: UserId = ALICE) -> Standing:
        found = self.proofing.control.live.current.standings.get(user)
        return found or Standing(id=user)

    async def opened(self, method: CaseMethod = "onsite", subject: UserId = ALICE) -> Case:
        return await open_case(self.proofing.control, self.act(), subject, method)

    async def worked(self, method: CaseMethod = "onsite", subject: UserId = ALICE) -> Case:
        case = await self.opened(method, subject)
        number = f"{PASSPORT.number}{subject}"
        shown = Shown(**{**{f: getattr(PASSPORT, f) for f in PASSPORT.__slots__}, "number": number})
        await record_evidence(self.proofing, self.desk(), case.id, shown)
        return await check_attributes(self.proofing, self.desk(), case.id, "source", "Register")

    async def approved(self, subject: UserId = ALICE) -> Approved:
        return await self.approve(await self.worked(subject=subject))

    async def approve(self, case: Case, claims: Claims = CLAIMS) -> Approved:
        approved = await approve_case(
            self.proofing, self.desk(), case.id, claims, CHECKS[case.method]
        )
        assert isinstance(approved, Approved)
        return approved

    async def stored(self, user: UserId = ALICE) -> list[StoredVerification]:
        async with self.store.transaction() as transaction:
            return list(await transaction.identity.verifications.of(user))

    async def audited(self) -> list[AuditEntry]:
        async with self.store.transaction() as transaction:
            return list(await transaction.audit.entries(after=0, limit=999))


@pytest.fixture
async def bureau() -> Bureau:
    return await a_bureau()


async def a_bureau(second_verifier_from: int = 0) -> Bureau:
    """Alice and Bob, and Vera and Will, who verify."""
    store = MemoryStore()
    made = Bureau(proofing_on(control_plane(store), second_verifier_from), store)
    async with store.transaction() as transaction:
        for name in ("alice", "bob", "vera", "will"):
            roles = (VERIFIER_ROLE,) if name in {"vera", "will"} else ()
            person = User(
                id=UserId(name), name=name.title(), email=f"{name}@example.org", roles=roles
            )
            session = Session(
                id=SessionId(f"ses_{name}"),
                user=person.id,
                started_at=NOON - 600,
                expires_at=NOON + 10 * 365 * DAY,
                authenticated_at=NOON - 600,
                methods=("passkey",),
                phishing_resistant=True,
                multi_factor=True,
                address="192.0.2.1",
            )
            await transaction.snapshot.publish([change("user", person), change("session", session)])
            await transaction.identity.contacts.put(
                Contact(user=person.id, value=person.email, verified_at=NOON)
            )
    for verifier in (VERA, WILL):
        await train_verifier(made.proofing, made.act(), verifier, until=NOON + 200 * DAY)
    return made


async def test_an_approved_case_is_a_record_and_a_fact(bureau: Bureau) -> None:
    approved = await bureau.approved()
    item = approved.verification
    assert (item.ial, item.verifier, item.account_name) == (2, VERA, "Alice")
    assert item.until == 1835481600.0, "0:00 UTC of the day on which the passport expires"
    standing = bureau.standing()
    assert (standing.ial, standing.ial_until) == (2, item.until)
    assert [stored.verification for stored in await bureau.stored()] == [item]
    entry = (await bureau.audited())[-1]
    assert (entry.act, entry.actor, entry.target) == (
        "identity-verified",
        "user:vera",
        "user:alice",
    )
    assert entry.detail["ial"] == "2"
    (mail,) = bureau.mail.sent
    assert mail.to == "alice@example.org"
    assert item.id in mail.text


async def test_without_an_expiry_it_is_good_for_as_long_as_is_set(bureau: Bureau) -> None:
    case = await bureau.opened()
    shown = Shown(kind="company-card", issuer="ACME", validated="handled", owned="compared")
    await record_evidence(bureau.proofing, bureau.desk(), case.id, shown)
    await check_attributes(bureau.proofing, bureau.desk(), case.id, "source", "HR")
    approved = await bureau.approve(case)
    assert approved.verification.ial == 1
    assert approved.verification.until == NOON + 730 * DAY


async def test_the_number_of_a_document_is_kept_nowhere(bureau: Bureau) -> None:
    await bureau.approved()
    everything = repr(bureau.store.content())
    assert "C01X00T47ALICE" not in everything.upper()
    async with bureau.store.transaction() as transaction:
        (case, *_) = await transaction.identity.cases.of(ALICE)
    assert case.evidence[0].number_end == "LICE"
    assert len(case.evidence[0].number_hash) == 64


@pytest.mark.parametrize(
    ("number", "end"), [("", ""), ("1234", ""), ("12345", "5"), ("1234 5678", "5678")]
)
async def test_a_short_number_shows_less_of_itself(bureau: Bureau, number: str, end: str) -> None:
    case = await bureau.opened()
    shown = Shown(kind="company-card", issuer="ACME", number=number)
    worked = await record_evidence(bureau.proofing, bureau.desk(), case.id, shown)
    assert worked.evidence[0].number_end == end


async def test_a_document_verifies_one_person_only(bureau: Bureau) -> None:
    case = await bureau.opened()
    await record_evidence(bureau.proofing, bureau.desk(), case.id, PASSPORT)
    other = await bureau.opened(subject=BOB)
    again = Shown(kind="passport", issuer="x", country="deu".upper(), number="c01-x00 t47")
    with pytest.raises(DoorwardError, match="evidence-of-another"):
        await record_evidence(bureau.proofing, bureau.desk(), other.id, again)
    await withdraw_case(bureau.proofing.control, bureau.act(), case.id)
    await record_evidence(bureau.proofing, bureau.desk(), other.id, again)


async def test_a_newer_verification_supersedes_and_may_say_less(bureau: Bureau) -> None:
    first = (await bureau.approved()).verification
    case = await bureau.opened()
    shown = Shown(kind="company-card", issuer="ACME", validated="handled", owned="compared")
    await record_evidence(bureau.proofing, bureau.desk(), case.id, shown)
    await check_attributes(bureau.proofing, bureau.desk(), case.id, "source", "HR")
    second = (await bureau.approve(case)).verification
    newest, oldest = await bureau.stored()
    assert (newest.verification, newest.end) == (second, None)
    assert oldest.verification == first
    assert oldest.end is not None
    assert (oldest.end.kind, oldest.end.reason) == ("superseded", second.id)
    assert bureau.standing().ial == 1


async def test_revoking_takes_it_back_at_once(bureau: Bureau) -> None:
    item = (await bureau.approved()).verification
    done = await revoke_verification(bureau.proofing, bureau.act(), item.id, "forged passport")
    assert done.enforced
    assert (bureau.standing().ial, bureau.standing().ial_until) == (0, 0.0)
    (stored,) = await bureau.stored()
    assert stored.end is not None
    assert (stored.end.kind, stored.end.reason) == ("revoked", "forged passport")
    with pytest.raises(DoorwardError, match="verification-ended"):
        await revoke_verification(bureau.proofing, bureau.act(), item.id, "again")
    assert (await bureau.audited())[-1].act == "identity-revoked"


async def test_rejecting_changes_nothing_but_the_case(bureau: Bureau) -> None:
    await bureau.approved()
    before = bureau.standing()
    case = await bureau.worked()
    rejected = await reject_case(bureau.proofing, bureau.desk(), case.id, "no likeness")
    assert (rejected.state, rejected.reason) == ("rejected", "no likeness")
    assert bureau.standing() == before
    assert "no likeness" not in bureau.mail.sent[-1].text


Step = Callable[[Bureau, Case, Desk], Awaitable[object]]
STEPS: dict[str, Step] = {
    "take": lambda b, case, desk: take_case(b.proofing, desk, case.id),
    "record": lambda b, case, desk: record_evidence(b.proofing, desk, case.id, PASSPORT),
    "strike": lambda b, case, desk: strike_evidence(b.proofing, desk, case.id, case.evidence[0].id),
    "check": lambda b, case, desk: check_attributes(b.proofing, desk, case.id, "source", "x"),
    "approve": lambda b, case, desk: approve_case(
        b.proofing, desk, case.id, CLAIMS, CHECKS[case.method]
    ),
    "reject": lambda b, case, desk: reject_case(b.proofing, desk, case.id, "no"),
}


async def _nothing(_: Bureau) -> None: ...


async def _take_role(bureau: Bureau) -> None:
    async with bureau.store.transaction() as transaction:
        vera = bureau.proofing.control.live.current.users["vera"]
        await transaction.snapshot.publish(
            [change("user", msgspec.structs.replace(vera, roles=()))]
        )


async def _end_training(bureau: Bureau) -> None:
    for verifier in (VERA, WILL):
        await train_verifier(bureau.proofing, bureau.act(), verifier, until=NOON + DAY)
    bureau.now = NOON + DAY


Refusal = tuple[Callable[[Bureau], Desk], Callable[[Bureau], Awaitable[None]], str]
REFUSED: dict[str, Refusal] = {
    "operator": (lambda b: Desk(b.act(), SessionId("")), _nothing, "verifier-person-needed"),
    "service": (
        lambda b: Desk(b.act("service:ci"), SessionId("")),
        _nothing,
        "verifier-person-needed",
    ),
    "user without session": (
        lambda b: Desk(b.act("user:vera"), SessionId("")),
        _nothing,
        "verifier-person-needed",
    ),
    "subject": (lambda b: b.desk(ALICE), _nothing, "verifier-is-subject"),
    "no role": (lambda b: b.desk(BOB), _nothing, "verifier-role-missing"),
    "role taken": (lambda b: b.desk(), _take_role, "verifier-role-missing"),
    "training over": (lambda b: b.desk(), _end_training, "verifier-untrained"),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("who", REFUSED)
async def test_only_a_trained_verifier_works_a_case(bureau: Bureau, step: str, who: str) -> None:
    desk, prepare, code = REFUSED[who]
    case = await bureau.worked()
    await prepare(bureau)
    before = bureau.store.content()
    with pytest.raises(DoorwardError, match=code):
        await STEPS[step](bureau, case, desk(bureau))
    assert bureau.store.content() == before


@pytest.mark.parametrize("step", ["approve", "reject"])
@pytest.mark.parametrize(
    "changed",
    [
        {"authenticated_at": NOON - 901},
        {"phishing_resistant": False},
        {"user": WILL},
        {"expires_at": NOON},
        None,
    ],
    ids=str,
)
async def test_whoever_decides_is_there_with_a_fresh_passkey(
    bureau: Bureau, step: str, changed: dict[str, object] | None
) -> None:
    case = await bureau.worked()
    session = bureau.proofing.control.live.current.sessions["ses_vera"]
    other = None if changed is None else msgspec.structs.replace(session, **changed)
    async with bureau.store.transaction() as transaction:
        if other is not None:
            await transaction.snapshot.publish([change("session", other)])
    desk = bureau.desk(session="ses_gone" if other is None else None)
    with pytest.raises(DoorwardError, match="verifier-stale"):
        await STEPS[step](bureau, case, desk)
    assert bureau.standing().ial == 0


@pytest.mark.parametrize("step", ["record", "strike", "check", "approve", "reject"])
async def test_a_case_has_one_verifier_at_a_time(bureau: Bureau, step: str) -> None:
    case = await bureau.worked()
    with pytest.raises(DoorwardError, match="case-of-another"):
        await STEPS[step](bureau, case, bureau.desk(WILL))
    await take_case(bureau.proofing, bureau.desk(WILL), case.id)
    with pytest.raises(DoorwardError, match="case-of-another"):
        await STEPS[step](bureau, case, bureau.desk(VERA))


@pytest.mark.parametrize("left", CHECKS["video"])
async def test_every_line_of_the_checklist_is_confirmed(bureau: Bureau, left: str) -> None:
    case = await bureau.worked("video")
    checks = [check for check in CHECKS["video"] if check != left]
    with pytest.raises(DoorwardError, match=left):
        await approve_case(bureau.proofing, bureau.desk(), case.id, CLAIMS, checks)
    assert bureau.standing().ial == 0


async def test_evidence_that_reaches_nothing_approves_nothing(bureau: Bureau) -> None:
    case = await bureau.opened()
    await take_case(bureau.proofing, bureau.desk(), case.id)
    with pytest.raises(DoorwardError, match="evidence-missing"):
        await bureau.approve(case)
    worked = await record_evidence(bureau.proofing, bureau.desk(), case.id, PASSPORT)
    with pytest.raises(DoorwardError, match="attributes-unchecked"):
        await bureau.approve(worked)


async def test_an_address_that_changed_is_not_verified(bureau: Bureau) -> None:
    case = await bureau.worked()
    alice = bureau.proofing.control.live.current.users["alice"]
    async with bureau.store.transaction() as transaction:
        moved = msgspec.structs.replace(alice, email="other@example.org")
        await transaction.snapshot.publish([change("user", moved)])
    with pytest.raises(DoorwardError, match="contact-unverified"):
        await bureau.approve(case)


@pytest.mark.parametrize(
    ("method", "shown"),
    [
        ("video", Shown(kind="passport", issuer="x", validated="handled")),
        ("documents", Shown(kind="passport", issuer="x", owned="compared")),
        ("onsite", Shown(kind="driving-licence", issuer="x", validated="signature")),
        ("onsite", Shown(kind="passport", issuer="x", owned="micro-transaction")),
        ("onsite", Shown(kind="passport", issuer=" ")),
        (
            "onsite",
            Shown(
                kind="passport",
                issuer="x",
                issued_on=date(2026, 1, 1),
                expires_on=date(2026, 1, 1),
            ),
        ),
    ],
)
async def test_evidence_that_cannot_be_is_refused(
    bureau: Bureau, method: CaseMethod, shown: Shown
) -> None:
    case = await bureau.opened(method)
    with pytest.raises(DoorwardError, match="evidence-invalid"):
        await record_evidence(bureau.proofing, bureau.desk(), case.id, shown)


async def test_a_case_holds_only_so_much(bureau: Bureau) -> None:
    case = await bureau.opened()
    shown = Shown(kind="vouch", issuer="x")
    for _ in range(8):
        await record_evidence(bureau.proofing, bureau.desk(), case.id, shown)
    with pytest.raises(DoorwardError, match="evidence-invalid"):
        await record_evidence(bureau.proofing, bureau.desk(), case.id, shown)


async def test_one_open_case_for_a_person_and_none_for_who_is_disabled(bureau: Bureau) -> None:
    await bureau.opened()
    with pytest.raises(DoorwardError, match="case-open"):
        await bureau.opened()
    async with bureau.store.transaction() as transaction:
        await transaction.snapshot.publish([change("standing", Standing(id=BOB, disabled=True))])
    with pytest.raises(DoorwardError, match="user-disabled"):
        await bureau.opened(subject=BOB)
    with pytest.raises(DoorwardError, match="user-unknown"):
        await bureau.opened(subject=UserId("nobody"))


async def test_who_was_disabled_meanwhile_is_not_verified(bureau: Bureau) -> None:
    case = await bureau.worked()
    async with bureau.store.transaction() as transaction:
        await transaction.snapshot.publish([change("standing", Standing(id=ALICE, disabled=True))])
    with pytest.raises(DoorwardError, match="user-disabled"):
        await bureau.approve(case)
    assert bureau.standing().ial == 0


@pytest.mark.parametrize("step", STEPS)
async def test_a_closed_case_is_closed(bureau: Bureau, step: str) -> None:
    case = await bureau.worked()
    await withdraw_case(bureau.proofing.control, bureau.act(), case.id)
    with pytest.raises(DoorwardError, match="case-closed"):
        await STEPS[step](bureau, case, bureau.desk())


@pytest.mark.parametrize("step", STEPS)
async def test_a_case_whose_time_is_up_is_closed_before_it_was_swept(
    bureau: Bureau, step: str
) -> None:
    case = await bureau.worked()
    bureau.now = case.expires_at
    with pytest.raises(DoorwardError, match="case-closed"):
        await STEPS[step](bureau, case, bureau.desk())
    bureau.now = case.expires_at - 1
    async with bureau.store.transaction() as transaction:
        assert await open_case_named(transaction, case.id, bureau.now) is not None


async def test_a_new_one_is_begun_once_the_time_of_the_former_is_up(bureau: Bureau) -> None:
    former = await bureau.worked()
    bureau.now = former.expires_at - 1
    with pytest.raises(DoorwardError, match="case-open"):
        await bureau.opened(subject=former.subject)
    bureau.now = former.expires_at
    case = await bureau.opened(subject=former.subject)
    await sweep_identity(bureau.proofing, bureau.now)
    async with bureau.store.transaction() as transaction:
        of = await transaction.identity.cases.of(former.subject)
    assert {item.id: item.state for item in of} == {former.id: "expired", case.id: "open"}


@pytest.mark.parametrize("days", [0, -1, 367])
async def test_training_is_good_for_a_year_at_most(bureau: Bureau, days: int) -> None:
    with pytest.raises(DoorwardError, match="training-invalid"):
        await train_verifier(bureau.proofing, bureau.act(), BOB, until=NOON + days * DAY)


async def test_nobody_records_their_own_training(bureau: Bureau) -> None:
    with pytest.raises(DoorwardError, match="training-of-oneself"):
        await train_verifier(bureau.proofing, bureau.act("user:bob"), BOB, until=NOON + 10 * DAY)


async def test_a_person_is_told_fourteen_days_and_one_day_before_once_each(
    bureau: Bureau,
) -> None:
    item = (await bureau.approved()).verification
    bureau.mail.sent.clear()
    for days, told in ((15, 0), (14, 1), (13, 1), (2, 1), (1, 2), (0.5, 2)):
        await sweep_identity(bureau.proofing, item.until - days * DAY)
        await sweep_identity(bureau.proofing, item.until - days * DAY)
        assert len(bureau.mail.sent) == told, days
    assert all(mail.to == "alice@example.org" for mail in bureau.mail.sent)


async def test_every_notice_reaches_both_addresses(bureau: Bureau) -> None:
    async with bureau.proofing.control.store.transaction() as transaction:
        further = Contact(user=ALICE, value="alice@home.test", verified_at=NOON)
        await transaction.identity.notice_addresses.put(further)
    item = (await bureau.approved()).verification
    await reject_case(bureau.proofing, bureau.desk(), (await bureau.worked()).id, "no likeness")
    await sweep_identity(bureau.proofing, item.until - DAY)
    await sweep_identity(bureau.proofing, item.until)
    sent = bureau.mail.sent
    assert [mail.to for mail in sent] == 4 * ["alice@example.org", "alice@home.test"]
    assert len({mail.subject for mail in sent}) == 4


async def test_what_ran_out_ends_with_an_entry_and_a_message(bureau: Bureau) -> None:
    item = (await bureau.approved()).verification
    bureau.mail.sent.clear()
    await sweep_identity(bureau.proofing, item.until)
    assert bureau.standing().ial == 0
    (stored,) = await bureau.stored()
    assert stored.end is not None
    assert stored.end.kind == "expired"
    assert (await bureau.audited())[-1].act == "identity-expired"
    assert len(bureau.mail.sent) == 1
    assert await sweep_identity(bureau.proofing, item.until + 1) == 0


async def test_another_name_is_marked_once_and_the_level_stays(bureau: Bureau) -> None:
    item = (await bureau.approved()).verification
    alice = bureau.proofing.control.live.current.users["alice"]
    async with bureau.store.transaction() as transaction:
        renamed = msgspec.structs.replace(alice, name="Alice Other")
        await transaction.snapshot.publish([change("user", renamed)])
    for _ in range(2):
        await sweep_identity(bureau.proofing, NOON + 5)
    found = [entry for entry in await bureau.audited() if entry.act == "identity-name-changed"]
    assert [entry.detail["name"] for entry in found] == ["Alice Other"]
    assert bureau.standing().ial == item.ial


async def test_a_case_that_nobody_closed_expires(bureau: Bureau) -> None:
    case = await bureau.opened()
    assert await sweep_identity(bureau.proofing, case.expires_at - 1) == 0
    await sweep_identity(bureau.proofing, case.expires_at)
    async with bureau.store.transaction() as transaction:
        found = await transaction.identity.cases.get(case.id)
    assert found is not None
    assert found.state == "expired"
    await bureau.opened()


async def test_old_records_are_forgotten_with_an_entry(bureau: Bureau) -> None:
    item = (await bureau.approved()).verification
    await revoke_verification(bureau.proofing, bureau.act(), item.id, "mistake")
    assert await sweep_identity(bureau.proofing, NOON + 1095 * DAY) == 0
    assert await sweep_identity(bureau.proofing, NOON + 1095 * DAY + 1) == 2
    assert await bureau.stored() == []
    entry = (await bureau.audited())[-1]
    assert (entry.act, entry.detail) == (
        "identity-records-removed",
        {"verifications": "1", "cases": "1"},
    )


async def test_a_mail_that_nobody_takes_changes_nothing(bureau: Bureau) -> None:
    bureau.mail.broken = True
    await bureau.approved()
    assert bureau.standing().ial == 2
