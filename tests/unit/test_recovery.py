"""Recovery by a second person: who may approve, what it opens, and what nobody learns from it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from doorward.administrator.authentication import (
    Browser,
    PasskeyRejectedError,
    TooManyAttemptsError,
    digest,
)
from doorward.administrator.control_plane import Act, ControlPlane
from doorward.administrator.credentials.add_passkey import begin_adding
from doorward.administrator.credentials.assurance import StepUpNeededError
from doorward.administrator.guesses import RECOVERY_CODE, RECOVERY_MAIL
from doorward.administrator.leave import leave
from doorward.administrator.recovery.complete_recovery import (
    begin_recovery_passkey,
    begin_recovery_totp,
    recover_with_passkey,
    recover_with_password,
)
from doorward.administrator.recovery.decide_recovery import (
    MAX_TRIES,
    approve_recovery,
    find_recovery,
    refuse_recovery,
    waiting_recoveries,
)
from doorward.administrator.recovery.request_recovery import (
    LIFETIME_SECONDS,
    RecoveryView,
    recovery_of,
    request_recovery,
)
from doorward.administrator.recovery_ports import LISTED_OF_EACH, Recovery
from doorward.administrator.set_standing import disable_user, enable_user
from doorward.administrator.sweep_expired import sweep_expired
from doorward.bootstrap import LIMITS
from doorward.errors import DoorwardError
from doorward.model.estate import ProviderGroup
from doorward.model.identity import Session, Standing
from doorward.model.ids import GroupId, SessionId, UserId
from tests.fakes.authenticator import SoftwareAuthenticator
from tests.fakes.sign_in import (
    ALICE,
    BOB,
    ELSEWHERE,
    HERE,
    PASSWORD,
    Desk,
    desk,
)
from tests.unit.federation_world import world

CAROL = UserId("carol")
NO_SESSION = SessionId("")


@pytest.fixture
async def office() -> Desk:
    return await desk()


def act(office: Desk, actor: str = "user:bob") -> Act:
    return Act(actor, office.now)


async def ask(office: Desk, name: str = "alice") -> RecoveryView:
    await request_recovery(office.authenticators, HERE, name, office.now)
    view = await recovery_of(office.authenticators, HERE, office.now)
    assert view is not None
    return view


async def waiting(office: Desk) -> list[Recovery]:
    return list(await waiting_recoveries(office.control, office.now))


async def find(office: Desk, code: str, actor: str = "user:bob") -> list[Recovery]:
    codes = office.authenticators.codes
    return list(await find_recovery(office.control, act(office, actor), codes, code))


async def approve(
    office: Desk, code: str, *, actor: str = "user:bob", keep: bool = False, recovery: str = ""
) -> None:
    found = recovery or (await waiting(office))[0].id
    person = actor.startswith("user:")
    session = await office.at_desk(UserId(actor[5:])) if person else NO_SESSION
    await approve_recovery(
        office.control,
        act(office, actor),
        session,
        office.authenticators.sealer,
        found,
        code=code,
        keep=keep,
    )


def alices(office: Desk) -> list[Session]:
    return [item for item in office.control.live.current.sessions.values() if item.user == ALICE]


async def register(office: Desk, device: SoftwareAuthenticator | None = None) -> None:
    options = await begin_recovery_passkey(office.authenticators, HERE, office.now)
    proof = await recover_with_passkey(
        office.authenticators, HERE, (device or office.device()).create(options), office.now
    )
    assert (proof.user, proof.methods, proof.aal) == (ALICE, ("recovery-approval",), 1)
    assert not proof.phishing_resistant
    assert not proof.multi_factor
    await office.session(proof)


# The whole way


@pytest.mark.parametrize("actor", ["user:bob", "operator"])
async def test_a_second_person_lets_the_browser_register_anew(office: Desk, actor: str) -> None:
    lost = await office.with_passkey(ALICE)
    await office.with_password(ALICE)
    stolen = await office.session(await office.by_passkey(lost))
    invitation = await office.invite(ALICE)
    view = await ask(office)
    assert (len(view.code), view.code.isdigit(), view.state) == (8, True, "waiting")
    await approve(office, f" {view.code[:4]} {view.code[4:]} ", actor=actor)
    approved = await recovery_of(office.authenticators, HERE, office.now)
    assert approved is not None
    assert (approved.state, approved.code) == ("approved", "")
    device = office.device()
    await register(office, device)
    (session,) = alices(office)
    assert stolen != session.id
    assert (await office.by_passkey(device)).user == ALICE
    with pytest.raises(PasskeyRejectedError):
        await office.by_passkey(lost)
    with pytest.raises(DoorwardError, match="sign-in-rejected"):
        await office.by_password(ALICE)
    from doorward.administrator.accept_invitation import read_invitation

    with pytest.raises(DoorwardError, match="invitation-invalid"):
        await read_invitation(office.authenticators, HERE, invitation, office.now)
    (completed,) = await office.audited("recovery-completed")
    assert (completed["target"], completed["approved"]) == ("user:alice", actor)


async def test_nothing_changes_until_the_new_way_is_registered(office: Desk) -> None:
    device = await office.with_passkey(ALICE)
    session = await office.session(await office.by_passkey(device))
    view = await ask(office)
    await approve(office, view.code)
    assert session in office.control.live.current.sessions
    assert (await office.by_passkey(device)).user == ALICE


@pytest.mark.parametrize("keep", [False, True])
async def test_accounts_elsewhere_end_with_the_rest(keep: bool) -> None:
    """A thief who linked an account of their own does not stay by it."""
    place = await world()
    groups = (ProviderGroup(value="Finance", group=GroupId("finance")),)
    await place.declare(groups_claim="groups", groups=groups)
    await place.link("alice")
    await place.link("bob", "s-bob")
    await place.desk.publish("standing", Standing(id=ALICE, groups=(GroupId("finance"),), risk=9))
    await approve(place.desk, (await ask(place.desk)).code, keep=keep)
    await register(place.desk)
    assert await place.links("alice") == ([("work", "s-alice")] if keep else [])
    assert await place.links("bob") == [("work", "s-bob")]
    standing = place.snapshot.standings[ALICE]
    assert (standing.groups, standing.risk) == ((GroupId("finance"),) if keep else (), 9)


async def test_the_approver_may_keep_what_there_was(office: Desk) -> None:
    device = await office.with_passkey(ALICE)
    session = await office.session(await office.by_passkey(device))
    await approve(office, (await ask(office)).code, keep=True)
    options = await begin_recovery_passkey(office.authenticators, HERE, office.now)
    assert len(options["excludeCredentials"]) == 1  # type: ignore[arg-type]
    await register(office)
    assert session in office.control.live.current.sessions
    assert (await office.by_passkey(device)).user == ALICE


async def test_a_password_with_totp_can_be_the_new_way(office: Desk) -> None:
    await approve(office, (await ask(office)).code)
    new = await begin_recovery_totp(office.authenticators, HERE, office.now)
    office.totp_secrets["alice"] = new.enrolment.secret
    with pytest.raises(DoorwardError, match="code-wrong"):
        await recover_with_password(
            office.authenticators,
            HERE,
            ticket=new.ticket,
            password=PASSWORD,
            code="000000",
            now=office.now,
        )
    proof = await recover_with_password(
        office.authenticators,
        HERE,
        ticket=new.ticket,
        password=PASSWORD,
        code=office.code(ALICE),
        now=office.now,
    )
    assert (proof.methods, proof.aal, proof.credential) == (("recovery-approval",), 1, "password")
    office.now += 30
    assert (await office.by_password(ALICE)).aal == 2


async def test_a_password_that_is_replaced_is_not_kept_nor_its_sessions(office: Desk) -> None:
    """Who approves may keep what there was; a password of that name there is only one."""
    await office.with_password(ALICE)
    by_passkey = await office.session(await office.by_passkey(await office.with_passkey(ALICE)))
    stolen = await office.session(await office.by_password(ALICE))
    await approve(office, (await ask(office)).code, keep=True)
    new = await begin_recovery_totp(office.authenticators, HERE, office.now)
    office.totp_secrets["alice"] = new.enrolment.secret
    await recover_with_password(
        office.authenticators,
        HERE,
        ticket=new.ticket,
        password="another long password",
        code=office.code(ALICE),
        now=office.now,
    )
    live = office.control.live.current.sessions
    assert (by_passkey in live, stolen in live) == (True, False)


async def test_the_session_of_a_recovery_changes_nothing_more(office: Desk) -> None:
    await approve(office, (await ask(office)).code)
    await register(office)
    (session,) = alices(office)
    with pytest.raises(StepUpNeededError):
        await begin_adding(office.authenticators, HERE, session.id, office.now)


async def test_an_approval_is_used_once_also_by_racing_requests(office: Desk) -> None:
    await approve(office, (await ask(office)).code)
    made = []
    for _ in range(3):
        options = await begin_recovery_passkey(office.authenticators, HERE, office.now)
        made.append(office.device().create(options))
    results = await asyncio.gather(
        *(recover_with_passkey(office.authenticators, HERE, item, office.now) for item in made),
        return_exceptions=True,
    )
    assert sum(not isinstance(item, BaseException) for item in results) == 1
    async with office.store.transaction() as transaction:
        assert len(await transaction.credentials.passkeys(ALICE)) == 1
    assert await recovery_of(office.authenticators, HERE, office.now) is None


async def test_a_recovery_ends_every_other_of_that_person(office: Desk) -> None:
    """Of a thief's request and the person's own, both approved, the first to be used counts."""
    await request_recovery(office.authenticators, ELSEWHERE, "alice", office.now)
    theirs = await recovery_of(office.authenticators, ELSEWHERE, office.now)
    assert theirs is not None
    await approve(office, theirs.code)
    await approve(office, (await ask(office)).code)
    await register(office)
    with pytest.raises(DoorwardError, match="recovery-not-approved"):
        await begin_recovery_passkey(office.authenticators, ELSEWHERE, office.now)


async def test_the_person_is_told_at_every_step(office: Desk) -> None:
    told = await request_recovery(office.authenticators, HERE, "alice", office.now)
    assert told is not None
    person, notice = told
    assert (person.id, "Nothing has changed yet" in notice.text) == (ALICE, True)
    assert "If this was not you" in notice.text
    view = await recovery_of(office.authenticators, HERE, office.now)
    assert view is not None
    assert view.code not in notice.text
    await approve(office, view.code)
    assert "bob approved" in office.mailed[-1].text
    await register(office)
    assert "was recovered" in office.mailed[-1].subject


async def test_everything_is_audited_with_who_and_for_whom(office: Desk) -> None:
    await approve(office, (await ask(office)).code)
    await register(office)
    async with office.store.transaction() as transaction:
        entries = await transaction.audit.entries(after=0, limit=100)
    found = [(e.actor, e.act, e.target) for e in entries if e.act.startswith("recovery")]
    assert found == [
        ("anonymous", "recovery-requested", "user:alice"),
        ("user:bob", "recovery-approved", "user:alice"),
        ("user:alice", "recovery-completed", "user:alice"),
    ]


# Who may approve, and how often they may be wrong


@pytest.mark.parametrize(
    ("actor", "code"),
    [
        ("user:alice", "recovery-own"),
        ("service:reports", "recovery-needs-person"),
        ("system", "recovery-needs-person"),
    ],
)
async def test_only_another_person_approves(office: Desk, actor: str, code: str) -> None:
    view = await ask(office)
    with pytest.raises(DoorwardError) as caught:
        await approve(office, view.code, actor=actor)
    assert caught.value.code == code
    still = await recovery_of(office.authenticators, HERE, office.now)
    assert still is not None
    assert still.state == "waiting"


STALE: dict[str, Callable[[Desk], Awaitable[SessionId]]] = {
    "too old": lambda o: o.at_desk(BOB, age_seconds=901),
    "yet to come": lambda o: o.at_desk(BOB, age_seconds=-901),
    "by password": lambda o: o.at_desk(BOB, phishing_resistant=False),
    "of somebody else": lambda o: o.at_desk(CAROL),
}


@pytest.mark.parametrize("session", STALE.values(), ids=STALE)
async def test_whoever_approves_has_just_used_a_passkey(
    office: Desk, session: Callable[[Desk], Awaitable[SessionId]]
) -> None:
    """A session that was stolen, or left open, takes over nobody's account."""
    view = await ask(office)
    (found,) = await waiting(office)
    sealer = office.authenticators.sealer
    for shown in (await session(office), NO_SESSION, SessionId("ses_gone")):
        for code in ("00000000", view.code):
            with pytest.raises(DoorwardError, match="approver-stale"):
                await approve_recovery(
                    office.control, act(office), shown, sealer, found.id, code=code, keep=False
                )
    assert await waiting(office) == [found]
    await approve(office, view.code)
    await register(office)


@pytest.mark.parametrize("ending", [disable_user, leave])
async def test_an_approval_is_void_once_the_approver_is_gone(
    office: Desk, ending: Callable[[ControlPlane, Act, UserId], Awaitable[object]]
) -> None:
    await approve(office, (await ask(office)).code)
    options = await begin_recovery_passkey(office.authenticators, HERE, office.now)
    await ending(office.control, act(office, "operator"), BOB)
    with pytest.raises(DoorwardError, match="recovery-not-approved"):
        await recover_with_passkey(
            office.authenticators, HERE, office.device().create(options), office.now
        )
    assert await recovery_of(office.authenticators, HERE, office.now) is None


async def test_who_was_disabled_meanwhile_approves_nothing(office: Desk) -> None:
    """The request came in before; the transaction sees that the session has ended."""
    view = await ask(office)
    (found,) = await waiting(office)
    session = await office.at_desk(BOB)
    await disable_user(office.control, act(office, "operator"), BOB)
    sealer = office.authenticators.sealer
    with pytest.raises(DoorwardError, match="approver-stale"):
        await approve_recovery(
            office.control, act(office), session, sealer, found.id, code=view.code, keep=False
        )


async def test_ones_own_request_can_be_refused(office: Desk) -> None:
    await ask(office)
    (found,) = await waiting(office)
    await refuse_recovery(office.control, act(office, "user:alice"), found.id, "not me")
    assert not await waiting(office)
    assert (await office.audited("recovery-refused"))[0]["reason"] == "not me"


async def test_three_wrong_codes_end_the_request(office: Desk) -> None:
    view = await ask(office)
    (found,) = await waiting(office)
    wrong = f"{(int(view.code) + 1) % 10**8:08d}"
    for left in (2, 1, 0):
        with pytest.raises(DoorwardError, match="recovery-code-wrong") as caught:
            await approve(office, wrong, recovery=found.id)
        assert (f"{left} more" in caught.value.remedy) == (left > 0)
    with pytest.raises(DoorwardError, match="recovery-unknown"):
        await approve(office, view.code, recovery=found.id)
    assert len(await office.audited("recovery-code-wrong")) == MAX_TRIES
    with pytest.raises(DoorwardError, match="recovery-not-approved"):
        await begin_recovery_passkey(office.authenticators, HERE, office.now)


@pytest.mark.parametrize("code", ["", "0", "١٢٣٤٥٦٧٨", "1234567", "123456789", "x" * 5000])
async def test_a_malformed_code_is_a_wrong_code(office: Desk, code: str) -> None:
    await ask(office)
    with pytest.raises(DoorwardError, match="recovery-code-wrong"):
        await approve(office, code)


async def test_the_code_of_another_request_is_wrong(office: Desk) -> None:
    await request_recovery(office.authenticators, ELSEWHERE, "bob", office.now)
    other = await recovery_of(office.authenticators, ELSEWHERE, office.now)
    assert other is not None
    view = await ask(office)
    alices = next(item.id for item in await waiting(office) if item.user == ALICE)
    if other.code != view.code:
        with pytest.raises(DoorwardError, match="recovery-code-wrong"):
            await approve(office, other.code, actor="operator", recovery=alices)


async def test_a_request_is_decided_once(office: Desk) -> None:
    view = await ask(office)
    (found,) = await waiting(office)
    await approve(office, view.code, recovery=found.id)
    for again in (
        approve(office, view.code, recovery=found.id),
        refuse_recovery(office.control, act(office), found.id),
    ):
        with pytest.raises(DoorwardError, match="recovery-unknown"):
            await again


async def test_the_store_does_not_hold_the_code(office: Desk) -> None:
    view = await ask(office)
    assert view.code not in str(office.store.content())


# Only this browser, only in time, only an enabled person


async def test_another_browser_cannot_go_on(office: Desk) -> None:
    await approve(office, (await ask(office)).code)
    with pytest.raises(DoorwardError, match="recovery-not-approved"):
        await begin_recovery_passkey(office.authenticators, ELSEWHERE, office.now)
    options = await begin_recovery_passkey(office.authenticators, HERE, office.now)
    with pytest.raises(DoorwardError, match="recovery-not-approved"):
        await recover_with_passkey(
            office.authenticators, ELSEWHERE, office.device().create(options), office.now
        )


async def test_a_request_and_an_approval_end(office: Desk) -> None:
    view = await ask(office)
    (found,) = await waiting(office)
    office.now += LIFETIME_SECONDS
    assert not await waiting(office)
    assert await recovery_of(office.authenticators, HERE, office.now) is None
    with pytest.raises(DoorwardError, match="recovery-unknown"):
        await approve(office, view.code, recovery=found.id)
    view = await ask(office)
    await approve(office, view.code)
    office.now += 900
    with pytest.raises(DoorwardError, match="recovery-not-approved"):
        await begin_recovery_passkey(office.authenticators, HERE, office.now)
    await sweep_expired(office.control, office.now)
    async with office.store.transaction() as transaction:
        assert await transaction.recoveries.of_flow(HERE.flow) is None


async def test_a_disabled_person_neither_asks_nor_is_approved_nor_goes_on(office: Desk) -> None:
    view = await ask(office)
    (found,) = await waiting(office)
    await office.disable(ALICE)
    with pytest.raises(DoorwardError, match="user-disabled"):
        await approve(office, view.code, recovery=found.id)
    assert await request_recovery(office.authenticators, ELSEWHERE, "alice", office.now) is None


async def test_a_person_disabled_after_the_approval_does_not_go_on(office: Desk) -> None:
    await approve(office, (await ask(office)).code)
    options = await begin_recovery_passkey(office.authenticators, HERE, office.now)
    await office.disable(ALICE)
    with pytest.raises(DoorwardError, match="user-disabled"):
        await recover_with_passkey(
            office.authenticators, HERE, office.device().create(options), office.now
        )
    async with office.store.transaction() as transaction:
        assert not await transaction.credentials.passkeys(ALICE)


async def test_an_approval_does_not_outlive_being_disabled(office: Desk) -> None:
    await approve(office, (await ask(office)).code)
    await disable_user(office.control, act(office), ALICE, "stolen phone")
    await enable_user(office.control, act(office), ALICE)
    with pytest.raises(DoorwardError, match="recovery-not-approved"):
        await begin_recovery_passkey(office.authenticators, HERE, office.now)


async def test_a_person_disabled_at_the_last_moment_does_not_go_on(office: Desk) -> None:
    await approve(office, (await ask(office)).code)
    new = await begin_recovery_totp(office.authenticators, HERE, office.now)
    office.totp_secrets["alice"] = new.enrolment.secret

    async def disabling_hash(password: str) -> str:
        await office.disable(ALICE)
        return password

    office.hasher.hash = disabling_hash  # type: ignore[method-assign]
    with pytest.raises(DoorwardError, match="user-disabled"):
        await recover_with_password(
            office.authenticators,
            HERE,
            ticket=new.ticket,
            password=PASSWORD,
            code=office.code(ALICE),
            now=office.now,
        )
    async with office.store.transaction() as transaction:
        assert await transaction.credentials.password(ALICE) is None


async def test_a_lying_registration_keeps_approval_and_former_credentials(office: Desk) -> None:
    old = await office.with_passkey(ALICE)
    await approve(office, (await ask(office)).code)
    liar = office.device()
    liar.origin = "https://evil.example"
    with pytest.raises(PasskeyRejectedError):
        await register(office, liar)
    assert (await office.by_passkey(old)).user == ALICE
    await register(office)


# What nobody learns


async def test_an_unknown_name_takes_every_step_that_a_known_one_takes(office: Desk) -> None:
    seen = []
    for name in ("alice", "mallory", "ALICE@example.test"):
        before = len(await office.audited("recovery-requested"))
        view = await ask(office, name)
        assert view.code.isdigit()
        seen.append(
            (
                view.state,
                len(view.code),
                view.expires_at,
                len(await office.audited("recovery-requested")) - before,
            )
        )
    assert len(set(seen)) == 1


async def test_a_request_for_nobody_is_in_no_list_and_sends_no_mail(office: Desk) -> None:
    assert await request_recovery(office.authenticators, HERE, "mallory", office.now) is None
    assert not await waiting(office)
    async with office.store.transaction() as transaction:
        found = await transaction.recoveries.of_flow(HERE.flow)
    assert found is not None
    with pytest.raises(DoorwardError, match="recovery-unknown"):
        await approve(office, "00000000", actor="operator", recovery=found.id)


async def test_a_refusal_looks_like_waiting(office: Desk) -> None:
    view = await ask(office)
    (found,) = await waiting(office)
    await refuse_recovery(office.control, act(office), found.id)
    assert await recovery_of(office.authenticators, HERE, office.now) == view


# However many others ask in the same name


async def others_ask(office: Desk, name: str, number: int) -> int:
    """So many strangers, each from an address and a browser of their own; how many mails."""
    mails = 0
    for index in range(number):
        stranger = Browser(f"10.0.{index // 250}.{index % 250}", "Test", f"{index:064x}")
        sent = await request_recovery(office.authenticators, stranger, name, office.now)
        mails += sent is not None
    return mails


async def test_requests_of_strangers_do_not_hide_ones_own(office: Desk) -> None:
    await others_ask(office, "alice", 40)
    view = await ask(office)
    await others_ask(office, "alice", 40)
    assert len(await waiting(office)) == LISTED_OF_EACH
    (found,) = await find(office, f"{view.code[:4]}-{view.code[4:]}")
    assert (found.user, found.flow) == (ALICE, HERE.flow)
    await approve(office, view.code, recovery=found.id)
    await register(office)


async def test_requests_in_one_name_do_not_hide_those_in_another(office: Desk) -> None:
    await ask(office, "carol")
    await others_ask(office, "alice", 300)
    assert "carol" in {item.user for item in await waiting(office)}


@pytest.mark.parametrize("name", ["alice", "mallory"])
async def test_a_flood_of_requests_is_no_flood_of_mail(office: Desk, name: str) -> None:
    mails = await others_ask(office, name, RECOVERY_MAIL.attempts + 5)
    assert mails == (RECOVERY_MAIL.attempts if name == "alice" else 0)
    async with office.store.transaction() as transaction:
        subject = ALICE if name == "alice" else digest(name)
        counted = await transaction.attempts.get(RECOVERY_MAIL.purpose, subject)
    assert counted is not None
    assert len(counted.moments) == RECOVERY_MAIL.attempts


@pytest.mark.parametrize("code", ["", "1", "x" * 5000, "00000000"])
async def test_a_code_that_nobody_shows_finds_nothing_and_is_audited(
    office: Desk, code: str
) -> None:
    await ask(office, "mallory")
    with pytest.raises(DoorwardError, match="recovery-code-unknown"):
        await find(office, code)
    assert len(await office.audited("recovery-code-unknown")) == 1


async def test_the_code_of_nobody_finds_nothing(office: Desk) -> None:
    view = await ask(office, "mallory")
    with pytest.raises(DoorwardError, match="recovery-code-unknown"):
        await find(office, view.code)


async def test_an_approver_tries_few_codes_and_success_starts_anew(office: Desk) -> None:
    view = await ask(office)
    for last in (True, False):
        for _ in range(RECOVERY_CODE.attempts - last):
            with pytest.raises(DoorwardError, match="recovery-code-unknown"):
                await find(office, "nothing")
        if last:
            assert len(await find(office, view.code)) == 1
    with pytest.raises(DoorwardError, match="too-many-attempts"):
        await find(office, view.code)
    assert len(await find(office, view.code, actor="operator")) == 1
    with pytest.raises(DoorwardError, match="recovery-needs-person"):
        await find(office, view.code, actor="service:reports")


@pytest.mark.parametrize("name", ["alice", "mallory"])
async def test_an_address_is_stopped_whoever_it_asks_for(office: Desk, name: str) -> None:
    for number in range(LIMITS["recovery-address"].attempts):
        await request_recovery(office.authenticators, HERE, f"{name}-{number}", office.now)
    with pytest.raises(TooManyAttemptsError):
        await request_recovery(office.authenticators, HERE, name, office.now)


async def test_a_name_that_nobody_has_is_not_written_down(office: Desk) -> None:
    await ask(office, "my password typed here")
    assert "my password typed here" not in str(office.store.content())
    assert BOB not in str(await office.audited("recovery-requested"))
