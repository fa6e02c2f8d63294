"""A new list of authenticators, and the passkeys and sessions that there were before it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward.administrator.apply_estate import apply_estate
from doorward.administrator.attempt_ports import Attempts
from doorward.administrator.authentication import AttemptRejectedError, Proof
from doorward.administrator.control_plane import Act
from doorward.administrator.credentials.accepted import why_refused
from doorward.administrator.credentials.assurance import passkey_aal, refusal, strongest, ways
from doorward.administrator.credentials.held import Held, held_by
from doorward.administrator.credentials.register_passkey import registration_options
from doorward.administrator.credentials.remove_passkey import remove_own_passkey
from doorward.administrator.federation_table import FederatedIdentity
from doorward.administrator.guesses import MOST_IN_A_ROW, PASSWORD_OF_PERSON
from doorward.administrator.ports import Passkey, Transaction
from doorward.administrator.relisted import ShutOut, shut_out
from doorward.administrator.sign_in_passkey import begin_passkey
from doorward.administrator.strengthen_session import strengthen_session
from doorward.errors import DoorwardError
from doorward.estate import parse_estate
from doorward.estate.parse import Estate
from doorward.model.estate import Authenticator
from doorward.model.ids import AuthenticatorId, ProviderId, UserId
from doorward.model.snapshot import Snapshot
from tests.fakes.account import browser, sign_ins
from tests.fakes.attestation import Maker
from tests.fakes.authenticator import SoftwareAuthenticator
from tests.fakes.sign_in import ALICE, BOB, HERE, Desk, desk

MODEL = "2fc0579f-8113-47ea-b116-bb5a8db9202a"
OTHER = "ee882879-721c-4913-9775-3dfcce97072a"
ACT = Act("operator", 5.0)
PEOPLE = "".join(
    f'[[user]]\nid = "{name}"\nname = "{name.title()} Adams"\nemail = "{name}@example.test"\n'
    for name in ("alice", "bob", "carol")
)
CEDAR = '@id("all") permit (principal, action, resource);'
LISTED = f'[[authenticator]]\nid = "{MODEL}"\nname = "Good key"\n'
STRONG = LISTED + "aal3 = true\n"
ANY = '[[authenticator]]\nid = "any"\nname = "Any passkey"\n'
LIST_OTHER = f'[[authenticator]]\nid = "{OTHER}"\nname = "Other key"\n'


def estate(models: str, people: str = PEOPLE) -> Estate:
    return parse_estate({"estate.toml": people + models, "policies.cedar": CEDAR})


async def apply(office: Desk, models: str, *, may_shut_out: bool = False) -> ShutOut:
    act = Act("operator", office.now)
    done = await apply_estate(office.control, act, estate(models), may_shut_out=may_shut_out)
    return done.shut_out


@pytest.fixture
async def office() -> Desk:
    """Alice has a passkey on an approved key; the estate lets everything be registered."""
    office, maker = await desk(), Maker(MODEL)
    office.trust(maker)
    await apply(office, STRONG + ANY)
    device = office.device(maker=maker, aaguid=MODEL, backup_eligible=False)
    await office.with_passkey(ALICE, device)
    office.alice = device  # type: ignore[attr-defined]
    return office


def alices(office: Desk) -> SoftwareAuthenticator:
    device: SoftwareAuthenticator = office.alice  # type: ignore[attr-defined]
    return device


def live(office: Desk) -> Snapshot:
    return office.control.live.current


def authenticators(*ids: str, aal3: bool = False) -> dict[str, Authenticator]:
    return {key: Authenticator(id=AuthenticatorId(key), name=key, aal3=aal3) for key in ids}


def passkey(**changed: object) -> Passkey:
    plain = Passkey(
        id="k",
        user=ALICE,
        name="Key",
        public_key=b"",
        sign_count=0,
        transports=(),
        aaguid=MODEL,
        created_at=0,
        attested=True,
        backup_eligible=False,
    )
    return msgspec.structs.replace(plain, **changed)


@pytest.mark.parametrize(
    ("models", "attested", "why"),
    [
        ((), False, ""),
        ((MODEL,), True, ""),
        ((MODEL,), False, "unattested"),
        ((OTHER,), True, "unlisted"),
        ((OTHER,), False, "unattested"),
        ((OTHER, "any"), False, ""),
        (("any",), True, ""),
    ],
)
def test_what_a_list_takes(models: tuple[str, ...], attested: bool, why: str) -> None:
    listed = authenticators(*models)
    assert refusal(MODEL, listed, attested=attested) == why
    assert bool(why_refused(passkey(attested=attested), listed)) == bool(why)


@given(st.sets(st.sampled_from([MODEL, OTHER, "any"])), st.booleans(), st.booleans(), st.booleans())
def test_a_passkey_that_is_refused_reaches_nothing_and_is_no_way_in(
    ids: set[str], aal3: bool, attested: bool, password: bool
) -> None:
    models, own = authenticators(*ids, aal3=aal3), passkey(attested=attested)
    aal = passkey_aal(own, models)
    assert (aal == 0) == bool(refusal(MODEL, models, attested=attested))
    assert aal < 3 or (aal3 and attested and MODEL in ids)
    held = Held(passkeys=[own], password=password, recovery_codes=0)
    assert ways(held, models) == (aal > 0) + password
    assert strongest(held, models).phishing_resistant == (aal > 0)


async def test_a_passkey_that_the_list_no_longer_names_signs_in_nobody(office: Desk) -> None:
    await office.with_password(ALICE)
    await apply(office, LIST_OTHER)
    with pytest.raises(AttemptRejectedError) as refused:
        await office.by_passkey(alices(office))
    assert refused.value.code == "authenticator-refused"
    assert "no longer signs you in" in refused.value.detail
    assert "Other key" in (refused.value.remedy or "")
    (entry,) = [item for item in await sign_ins(office) if item.outcome == "rejected"]
    assert entry.why == "authenticator-unlisted"
    assert (await office.audited("sign-in-rejected"))[-1]["target"] == "user:alice"
    with pytest.raises(DoorwardError, match="no-such-passkey"):
        await begin_passkey(office.authenticators, HERE, user=ALICE, now=office.now)


async def test_one_whose_model_nothing_proves_signs_in_nobody(office: Desk) -> None:
    device = await office.with_passkey(BOB, office.device(aaguid=MODEL))
    await office.with_password(BOB)
    await apply(office, LISTED)
    with pytest.raises(AttemptRejectedError, match="authenticator-refused"):
        await office.by_passkey(device)
    assert (await office.by_passkey(alices(office))).aal == 2


async def test_it_comes_back_with_the_list(office: Desk) -> None:
    await apply(office, LIST_OTHER, may_shut_out=True)
    await apply(office, STRONG)
    assert (await office.by_passkey(alices(office))).aal == 3


async def test_sessions_that_rest_on_it_end_with_the_apply(office: Desk) -> None:
    session = await office.session(await office.by_passkey(alices(office)))
    await office.with_password(ALICE)
    kept = await office.session(await office.by_password(ALICE))
    elsewhere = await browser(office, BOB)
    found = await apply(office, LIST_OTHER)
    assert (found.ended, found.lowered) == (1, 0)
    assert set(live(office).sessions) == {kept, elsewhere.session}
    assert session not in {cookie.session for cookie in live(office).cookies.values()}
    applied = (await office.audited("estate-applied"))[-1]
    assert (applied["passkeys-refused"], applied["sessions-ended"]) == ("1", "1")


async def test_a_withdrawn_aal3_lowers_sessions_and_never_raises_any(office: Desk) -> None:
    session = await office.session(await office.by_passkey(alices(office)))
    assert live(office).sessions[session].aal == 3
    found = await apply(office, LISTED)
    assert (found.passkeys, found.ended, found.lowered) == (0, 0, 1)
    assert live(office).sessions[session].aal == 2
    assert await apply(office, STRONG) == ShutOut()
    assert live(office).sessions[session].aal == 2


async def test_who_is_removed_with_it_stays_removed(office: Desk) -> None:
    await office.session(await office.by_passkey(alices(office)))
    others = PEOPLE.split("[[user]]", 2)[2]
    wanted = estate(LISTED, "[[user]]" + others)
    await apply_estate(office.control, Act("operator", office.now), wanted)
    assert live(office).sessions == {}
    assert ALICE not in live(office).users


async def test_what_was_proved_before_the_apply_opens_no_session_after_it(office: Desk) -> None:
    proof = await office.by_passkey(alices(office))
    session = await office.session(proof)
    await apply(office, LISTED)
    with pytest.raises(DoorwardError, match="session-unknown"):
        await office.session(proof)
    act = Act("user:alice", office.now)
    with pytest.raises(DoorwardError, match="session-unknown"):
        await strengthen_session(office.control, act, session=session, proof=proof, browser=HERE)
    await apply(office, LIST_OTHER, may_shut_out=True)
    with pytest.raises(DoorwardError, match="session-unknown"):
        await office.session(_weaker(proof))


def _weaker(proof: Proof) -> Proof:
    return Proof(
        proof.user,
        proof.methods,
        phishing_resistant=True,
        multi_factor=True,
        aal=2,
        credential=proof.credential,
    )


async def test_the_plan_tells_whom_it_shuts_out_and_changes_nothing(office: Desk) -> None:
    await office.with_passkey(BOB)
    await office.with_password(BOB)
    await office.session(await office.by_passkey(alices(office)))
    before = office.store.content()
    found = await shut_out(office.control, estate(LIST_OTHER))
    assert found == ShutOut(2, (ALICE, BOB), (ALICE,), ended=1, lowered=0)
    assert await shut_out(office.control, estate(STRONG + ANY)) == ShutOut()
    assert office.store.content() == before


async def test_nobody_is_locked_out_unasked(office: Desk) -> None:
    session = await office.session(await office.by_passkey(alices(office)))
    number = live(office).number
    with pytest.raises(DoorwardError, match="estate-shuts-out") as refused:
        await apply(office, LIST_OTHER)
    assert "alice" in refused.value.detail
    assert live(office).number == number
    assert session in live(office).sessions
    assert (await apply(office, LIST_OTHER, may_shut_out=True)).no_way == (ALICE,)
    assert live(office).sessions == {}


class Meanwhile:
    """The office's store, where something happens just before a transaction, counted from 1."""

    def __init__(self, office: Desk, before: int, happens: Callable[[], Awaitable[None]]) -> None:
        self._store, self._before, self._happens = office.store, before, happens
        self.happened = False

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        self._before -= 1
        if not self._before:
            await self._happens()
            self.happened = True
        async with self._store.transaction() as transaction:
            yield transaction


@pytest.mark.parametrize("before", [1, 2, 3])
@pytest.mark.parametrize("agreed", [False, True])
async def test_what_happens_meanwhile_is_seen_or_comes_after(
    office: Desk, before: int, agreed: bool
) -> None:
    """Whatever the moment: nobody is shut out unasked, and what is told is what came about."""
    await office.with_password(ALICE)
    await office.session(await office.by_passkey(alices(office)))

    async def another_passkey_and_no_password_any_more() -> None:
        await office.with_passkey(BOB)
        async with office.store.transaction() as transaction:
            await transaction.credentials.remove_all(ALICE)
            await transaction.credentials.put(passkey(user=ALICE))

    store = Meanwhile(office, before, another_passkey_and_no_password_any_more)
    control = replace(office.control, store=store)  # type: ignore[arg-type]
    wanted, act = estate(LIST_OTHER), Act("operator", office.now)
    if before == 1 and not agreed:
        with pytest.raises(DoorwardError, match="estate-shuts-out") as refused:
            await apply_estate(control, act, wanted)
        assert "2 people would have no way left to sign in: alice, bob." in refused.value.detail
        assert MODEL in live(office).authenticators
        return
    found = (await apply_estate(control, act, wanted, may_shut_out=agreed)).shut_out
    both = ((ALICE, BOB), (ALICE, BOB)) if store.happened else ((ALICE,), ())
    assert (found.people, found.no_way) == both
    assert store.happened == (before == 1)


async def test_a_plan_that_leaves_the_list_as_it_is_waits_for_no_writer(office: Desk) -> None:
    async with office.store.transaction(), asyncio.timeout(5):
        assert await shut_out(office.control, estate(STRONG + ANY)) == ShutOut()


async def test_a_password_that_is_off_is_no_way_left(office: Desk) -> None:
    await office.with_password(ALICE)
    assert (await shut_out(office.control, estate(LIST_OTHER))).no_way == ()
    off = Attempts(purpose=PASSWORD_OF_PERSON.purpose, subject=ALICE, in_a_row=MOST_IN_A_ROW)
    async with office.store.transaction() as transaction:
        await transaction.attempts.put(off)
    assert (await shut_out(office.control, estate(LIST_OTHER))).no_way == (ALICE,)


def corp(issuer: str = "https://id.example.org") -> str:
    return (
        f'[[provider]]\nid = "corp"\nname = "Corp"\nissuer = "{issuer}"\nclient_id = "doorward"\n'
    )


async def link(office: Desk, user: UserId) -> None:
    """Somebody is known to `corp`, whether it is declared or not."""
    own = FederatedIdentity(
        provider=ProviderId("corp"),
        issuer="https://id.example.org",
        subject=f"s-{user}",
        user=user,
        linked_at=1.0,
        last_used_at=1.0,
    )
    async with office.store.transaction() as transaction:
        await transaction.federation.put(own)


async def test_a_provider_that_the_estate_declares_is_a_way_left(office: Desk) -> None:
    await link(office, ALICE)
    assert (await shut_out(office.control, estate(LIST_OTHER))).no_way == (ALICE,)
    assert (await shut_out(office.control, estate(LIST_OTHER + corp()))).no_way == ()


@pytest.mark.parametrize("after", ["", corp("https://id.example.net")])
async def test_whoever_has_nothing_but_their_provider_is_not_locked_out_unasked(
    office: Desk, after: str
) -> None:
    """Alice has a passkey besides, bob has not; carol has no account there."""
    await apply(office, STRONG + ANY + corp())
    await link(office, ALICE)
    await link(office, BOB)
    assert await shut_out(office.control, estate(STRONG + ANY + corp())) == ShutOut()
    planned = await shut_out(office.control, estate(STRONG + ANY + after))
    assert planned == ShutOut(no_way=(BOB,))
    with pytest.raises(DoorwardError, match="estate-shuts-out") as refused:
        await apply(office, STRONG + ANY + after)
    assert "bob" in refused.value.detail
    assert "corp" in live(office).providers
    await office.with_password(BOB)
    assert await apply(office, STRONG + ANY + after) == ShutOut()


@pytest.mark.parametrize("passkey_too", [False, True])
async def test_whoever_is_disabled_is_shut_out_by_no_list(office: Desk, passkey_too: bool) -> None:
    """They sign in by nothing now, and could not add another way if they were asked to."""
    await apply(office, STRONG + ANY + corp())
    await office.with_password(ALICE)
    await link(office, BOB)
    if passkey_too:
        await office.with_passkey(BOB)
    assert (await shut_out(office.control, estate(LIST_OTHER))).no_way == (BOB,)
    await office.disable(BOB)
    assert await apply(office, LIST_OTHER) == ShutOut(1, (ALICE,), ())


async def test_both_lists_together_shut_out_whom_each_alone_does_not(office: Desk) -> None:
    await apply(office, STRONG + ANY + corp())
    await link(office, ALICE)
    assert (await shut_out(office.control, estate(LIST_OTHER + corp()))).no_way == ()
    assert (await shut_out(office.control, estate(STRONG + ANY))).no_way == ()
    assert (await shut_out(office.control, estate(LIST_OTHER))).no_way == (ALICE,)


async def test_whoever_is_removed_with_the_provider_is_not_told_of(office: Desk) -> None:
    await apply(office, STRONG + ANY + corp())
    await link(office, BOB)
    users = [f"[[user]]{part}" for part in PEOPLE.split("[[user]]") if part and "bob" not in part]
    wanted = estate(STRONG + ANY, "".join(users))
    assert await shut_out(office.control, wanted) == ShutOut()


async def test_the_last_way_that_signs_in_stays_and_one_that_does_not_goes(office: Desk) -> None:
    await office.with_passkey(BOB)
    await office.with_password(BOB)
    await apply(office, LIST_OTHER, may_shut_out=True)
    session = await office.session(await office.by_password(BOB))
    async with office.store.transaction() as transaction:
        (refused,) = (await held_by(transaction, BOB)).passkeys
    await remove_own_passkey(office.control, session, refused.id, office.now)
    async with office.store.transaction() as transaction:
        held = await held_by(transaction, BOB)
    assert (held.passkeys, held.password) == ([], True)


async def test_a_device_whose_passkey_is_refused_may_make_another(office: Desk) -> None:
    bob = live(office).users[BOB]
    await office.with_passkey(BOB, office.device(aaguid=MODEL))
    options = await registration_options(office.authenticators, HERE, bob, office.now)
    assert len(options["excludeCredentials"]) == 1  # type: ignore[arg-type]
    await apply(office, LISTED, may_shut_out=True)
    options = await registration_options(office.authenticators, HERE, bob, office.now)
    assert not options.get("excludeCredentials")


async def test_the_own_page_says_what_is_wrong_and_what_to_do(office: Desk) -> None:
    await apply(office, LIST_OTHER, may_shut_out=True)
    here = await browser(office)
    page = await here.get("/account/credentials")
    assert "No longer accepted" in page.text
    assert "its model is not on your organisation&#39;s list" in page.text
    assert "Other key" in page.text
    home = await here.get("/account")
    assert "A passkey of yours is no longer accepted" in home.text
    other = await browser(office, BOB)
    assert "no longer accepted" not in (await other.get("/account")).text
