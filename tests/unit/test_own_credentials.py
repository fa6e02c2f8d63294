"""A person changes how they sign in: how sure doorward is of them, and what ends with it."""

from __future__ import annotations

import pytest

from doorward.administrator.authentication import PasskeyRejectedError, Proof
from doorward.administrator.control_plane import Act
from doorward.administrator.credentials.add_passkey import add_passkey, begin_adding
from doorward.administrator.credentials.assurance import (
    FRESH_SECONDS,
    Need,
    StepUpNeededError,
    password_proof,
)
from doorward.administrator.credentials.own_password import (
    begin_password,
    remove_own_password,
    revoke_password,
    set_own_password,
)
from doorward.administrator.credentials.passkey_names import suggested_name
from doorward.administrator.credentials.recovery_codes import make_recovery_codes
from doorward.administrator.credentials.register_passkey import MAX_PASSKEYS
from doorward.administrator.credentials.remove_passkey import remove_own_passkey, revoke_passkey
from doorward.administrator.credentials.rename_passkey import rename_passkey
from doorward.administrator.ports import Passkey, Password
from doorward.administrator.strengthen_session import strengthen_session
from doorward.errors import DoorwardError
from doorward.model.estate import Authenticator
from doorward.model.ids import AuthenticatorId, SessionId, UserId
from tests.fakes.attestation import Maker
from tests.fakes.authenticator import SoftwareAuthenticator
from tests.fakes.sign_in import ALICE, BOB, ELSEWHERE, HERE, PASSWORD, Desk, desk

OPERATOR = Act("operator", 0)
MODEL = "2fc0579f-8113-47ea-b116-bb5a8db9202a"


@pytest.fixture
async def office() -> Desk:
    return await desk()


async def add(
    office: Desk, session: SessionId, device: SoftwareAuthenticator | None = None, name: str = ""
) -> Passkey:
    options = await begin_adding(office.authenticators, HERE, session, office.now)
    made = (device or office.device()).create(options)
    return await add_passkey(office.authenticators, HERE, session, made, name=name, now=office.now)


async def passkeys(office: Desk, user: UserId = ALICE) -> list[Passkey]:
    async with office.store.transaction() as transaction:
        return list(await transaction.credentials.passkeys(user))


def live(office: Desk) -> set[SessionId]:
    return set(office.control.live.current.sessions)  # type: ignore[arg-type]


# How sure doorward has to be


async def test_a_second_passkey_is_added_named_told_and_audited(office: Desk) -> None:
    first = await office.with_passkey(ALICE)
    session = await office.session(await office.by_passkey(first))
    device = office.device()
    added = await add(office, session, device, name="  My  key ")
    assert (added.name, added.user, added.created_at) == ("My key", ALICE, office.now)
    assert (await office.by_passkey(device)).user == ALICE
    assert (await office.by_passkey(first)).user == ALICE
    (entry,) = await office.audited("passkey-added")
    assert (entry["target"], entry["name"]) == ("user:alice", "My key")
    mail = office.mailed[-1]
    assert mail.to == "alice@example.test"
    assert "My key" in mail.text
    assert "If this was not you" in mail.text
    assert HERE.address in mail.text


WEAK: dict[str, tuple[Proof, float, Need]] = {
    "too long ago": (
        Proof(ALICE, ("passkey",), phishing_resistant=True, multi_factor=True, aal=2),
        FRESH_SECONDS + 1,
        "phishing-resistant",
    ),
    "before the clock jumped back": (
        Proof(ALICE, ("passkey",), phishing_resistant=True, multi_factor=True, aal=2),
        -3600,
        "phishing-resistant",
    ),
    "by password": (
        Proof(ALICE, ("password", "totp"), phishing_resistant=False, multi_factor=True, aal=2),
        0,
        "phishing-resistant",
    ),
    "by recovery": (
        Proof(ALICE, ("recovery-approval",), phishing_resistant=False, multi_factor=False, aal=1),
        0,
        "phishing-resistant",
    ),
    "by another provider": (
        Proof(ALICE, ("federated",), phishing_resistant=False, multi_factor=True, aal=2),
        0,
        "phishing-resistant",
    ),
}


@pytest.mark.parametrize("weak", WEAK)
async def test_a_weak_session_changes_nothing(office: Desk, weak: str) -> None:
    proof, age, need = WEAK[weak]
    await office.with_password(ALICE)
    await office.with_passkey(ALICE)
    before = await passkeys(office)
    session = await office.session(proof, age_seconds=age)
    fresh = await office.session(await office.by_passkey(await office.with_passkey(ALICE)))
    device = office.device()
    made = device.create(await begin_adding(office.authenticators, HERE, fresh, office.now))
    attempts = (
        begin_adding(office.authenticators, HERE, session, office.now),
        add_passkey(office.authenticators, HERE, session, made, name="", now=office.now),
        rename_passkey(office.control, session, before[0].id, "Mine", office.now),
        remove_own_passkey(office.control, session, before[0].id, office.now),
        begin_password(office.authenticators, HERE, session, office.now),
        set_own_password(
            office.authenticators,
            HERE,
            session,
            ticket="t",
            password=PASSWORD,
            code="1",
            now=office.now,
        ),
        remove_own_password(office.control, session, office.now),
        make_recovery_codes(office.control, session, office.now),
    )
    for attempt in attempts:
        with pytest.raises(StepUpNeededError) as caught:
            await attempt
        assert caught.value.need == need
    assert before[0] in await passkeys(office)
    with pytest.raises(PasskeyRejectedError):
        await office.by_passkey(device)


async def test_a_passkey_of_hardware_is_asked_for_where_the_person_has_one(office: Desk) -> None:
    maker = Maker(MODEL)
    office.trust(maker)
    for item in (
        Authenticator(id=AuthenticatorId(MODEL), name="Hard key", aal3=True),
        Authenticator(id=AuthenticatorId("any"), name="Any other"),
    ):
        await office.publish("authenticator", item)
    soft = await office.with_passkey(ALICE)
    session = await office.session(await office.by_passkey(soft))
    hard = office.device(aaguid=MODEL, maker=maker)
    await add(office, session, hard)
    with pytest.raises(StepUpNeededError) as caught:
        await add(office, session)
    assert caught.value.need == "hardware-key"
    await add(office, await office.session(await office.by_passkey(hard)))


async def test_who_has_nothing_yet_needs_a_fresh_session_only(office: Desk) -> None:
    provider = Proof(BOB, ("federated",), phishing_resistant=False, multi_factor=False, aal=1)
    old = await office.session(provider, age_seconds=FRESH_SECONDS + 1)
    with pytest.raises(StepUpNeededError) as caught:
        await add(office, old)
    assert caught.value.need == "fresh"
    assert (await add(office, await office.session(provider))).user == BOB


async def test_a_session_that_has_ended_or_whose_person_is_disabled_changes_nothing(
    office: Desk,
) -> None:
    device = await office.with_passkey(ALICE)
    session = await office.session(await office.by_passkey(device))
    await office.disable(ALICE)
    with pytest.raises(DoorwardError, match="user-disabled"):
        await begin_adding(office.authenticators, HERE, session, office.now)
    with pytest.raises(DoorwardError, match="session-unknown"):
        await begin_adding(office.authenticators, HERE, SessionId("ses_none"), office.now)


async def test_a_registration_begun_in_another_browser_is_refused(office: Desk) -> None:
    session = await office.session(await office.by_passkey(await office.with_passkey(ALICE)))
    options = await begin_adding(office.authenticators, ELSEWHERE, session, office.now)
    with pytest.raises(PasskeyRejectedError):
        await add_passkey(
            office.authenticators,
            HERE,
            session,
            office.device().create(options),
            name="",
            now=office.now,
        )


async def test_a_refused_passkey_is_audited_and_is_no_attempt_to_sign_in(office: Desk) -> None:
    session = await office.session(await office.by_passkey(await office.with_passkey(ALICE)))
    liar = office.device()
    liar.origin = "https://evil.example"
    with pytest.raises(PasskeyRejectedError):
        await add(office, session, liar)
    (entry,) = await office.audited("credential-refused")
    assert (entry["target"], entry["address"]) == ("user:alice", HERE.address)
    async with office.store.transaction() as transaction:
        log = await transaction.sign_ins.of(ALICE)
    assert {item.outcome for item in log} == {"signed-in"}
    assert len(await passkeys(office)) == 1


# Names


@pytest.mark.parametrize(
    ("aaguid", "agent", "taken", "name"),
    [
        ("fbfc3007-154e-4ecc-8c0b-6e020557d7bd", "", (), "Apple Passwords"),
        ("x", "Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0 Safari/537.36", (), "Chrome on Linux"),
        ("x", "Mozilla/5.0 (Macintosh) Version/19 Safari/605", (), "Safari on Mac"),
        ("x", "Mozilla/5.0 (Windows NT) Chrome/1 Safari/1 Edg/1", (), "Edge on Windows"),
        ("x", "curl/8", (), "Passkey"),
        ("x", "", ("Passkey", "Passkey 2"), "Passkey 3"),
    ],
)
def test_a_name_is_suggested(aaguid: str, agent: str, taken: tuple[str, ...], name: str) -> None:
    assert suggested_name(aaguid, agent, taken) == name


@pytest.mark.parametrize("name", ["", "  ", "x" * 65, "a\u202eb", "a\x00b"])
async def test_a_name_that_cannot_be_read_is_refused(office: Desk, name: str) -> None:
    session = await office.session(await office.by_passkey(await office.with_passkey(ALICE)))
    (passkey,) = await passkeys(office)
    with pytest.raises(DoorwardError, match="passkey-name-invalid"):
        await rename_passkey(office.control, session, passkey.id, name, office.now)


async def test_a_passkey_gets_another_name(office: Desk) -> None:
    session = await office.session(await office.by_passkey(await office.with_passkey(ALICE)))
    (passkey,) = await passkeys(office)
    await rename_passkey(office.control, session, passkey.id, "Blue key", office.now)
    assert [item.name for item in await passkeys(office)] == ["Blue key"]
    (entry,) = await office.audited("passkey-renamed")
    assert (entry["was"], entry["name"]) == ("Passkey", "Blue key")


async def test_a_persons_passkeys_are_bounded(office: Desk) -> None:
    session = await office.session(await office.by_passkey(await office.with_passkey(ALICE)))
    for _ in range(MAX_PASSKEYS - 1):
        await add(office, session)
    with pytest.raises(DoorwardError, match="too-many-passkeys"):
        await add(office, session)


# Removing


async def test_a_removed_passkey_signs_nobody_in_and_its_sessions_end(office: Desk) -> None:
    lost, kept = await office.with_passkey(ALICE), await office.with_passkey(ALICE)
    stolen = await office.session(await office.by_passkey(lost))
    own = await office.session(await office.by_passkey(kept))
    others = await office.session(await office.by_passkey(await office.with_passkey(BOB)))
    done = await remove_own_passkey(office.control, own, lost.name, office.now)
    assert live(office) == {own, others}
    assert stolen not in live(office)
    assert office.gateways.waited[-1] == done.number
    with pytest.raises(PasskeyRejectedError) as caught:
        await office.by_passkey(lost)
    assert caught.value.why == "passkey-unknown"
    assert (await office.by_passkey(kept)).user == ALICE
    assert [entry["passkey"] for entry in await office.audited("passkey-removed")] == [lost.name]
    assert "removed" in office.mailed[-1].subject


async def test_the_session_that_rests_on_it_ends_too(office: Desk) -> None:
    first, _ = await office.with_passkey(ALICE), await office.with_passkey(ALICE)
    session = await office.session(await office.by_passkey(first))
    await remove_own_passkey(office.control, session, first.name, office.now)
    assert session not in live(office)


async def test_what_is_removed_between_proof_and_session_begins_none(office: Desk) -> None:
    """Whoever races the removal of the passkey that they planted is not in afterwards."""
    planted = await office.with_passkey(ALICE)
    await office.with_password(ALICE)
    proof = await office.by_passkey(planted)
    late = await office.by_passkey(planted)
    own = await office.session(await office.by_password(ALICE))
    act = Act("operator", office.now)
    (passkey,) = await passkeys(office)
    await revoke_passkey(office.control, act, ALICE, passkey.id)
    with pytest.raises(DoorwardError, match="session-unknown"):
        await office.session(proof)
    with pytest.raises(DoorwardError, match="session-unknown"):
        await strengthen_session(office.control, act, session=own, proof=late, browser=HERE)
    assert set(office.control.live.current.sessions) == {own}


async def test_a_password_replaced_between_proof_and_session_begins_none(office: Desk) -> None:
    await office.with_password(ALICE)
    own = await office.session(await office.by_password(ALICE))
    stolen, late = await office.by_password(ALICE), await office.by_password(ALICE)
    await set_password(office, own, "another long password")
    with pytest.raises(DoorwardError, match="session-unknown"):
        await office.session(stolen)
    with pytest.raises(DoorwardError, match="session-unknown"):
        await strengthen_session(
            office.control, Act("user:alice", office.now), session=own, proof=late, browser=HERE
        )
    assert live(office) == {own}


async def test_a_password_replaced_while_it_was_verified_begins_no_session(office: Desk) -> None:
    """Whoever keeps the hasher busy makes that moment last seconds."""
    await office.with_password(ALICE)
    own = await office.session(await office.by_password(ALICE))
    stolen = office.code(ALICE, 1)
    office.hasher.meanwhile = set_password(office, own, "another long password")
    proof = await office.by_password(ALICE, stolen)
    with pytest.raises(DoorwardError, match="session-unknown"):
        await office.session(proof)


async def test_a_step_up_moves_what_a_session_rests_on(office: Desk) -> None:
    first, second = await office.with_passkey(ALICE), await office.with_passkey(ALICE)
    session = await office.session(await office.by_passkey(first))
    await strengthen_session(
        office.control,
        Act("user:alice", office.now),
        session=session,
        proof=await office.by_passkey(second),
        browser=HERE,
    )
    await remove_own_passkey(office.control, session, first.name, office.now)
    assert session in live(office)


async def test_the_last_way_in_stays(office: Desk) -> None:
    device = await office.with_passkey(ALICE)
    session = await office.session(await office.by_passkey(device))
    with pytest.raises(DoorwardError, match="last-credential"):
        await remove_own_passkey(office.control, session, device.name, office.now)
    await office.with_password(BOB)
    await make_recovery_codes(
        office.control, await office.session(await office.by_password(BOB)), office.now
    )
    with pytest.raises(DoorwardError, match="last-credential"):
        await remove_own_password(
            office.control, await office.session(await office.by_password(BOB)), office.now
        )


async def test_nobody_removes_or_renames_the_passkey_of_another(office: Desk) -> None:
    other = await office.with_passkey(BOB)
    session = await office.session(await office.by_passkey(await office.with_passkey(ALICE)))
    await add(office, session)
    with pytest.raises(DoorwardError, match="passkey-unknown"):
        await remove_own_passkey(office.control, session, other.name, office.now)
    with pytest.raises(DoorwardError, match="passkey-unknown"):
        await rename_passkey(office.control, session, other.name, "Mine", office.now)
    assert (await office.by_passkey(other)).user == BOB


async def test_an_administrator_removes_also_the_last_and_the_person_is_told(office: Desk) -> None:
    device = await office.with_passkey(ALICE)
    session = await office.session(await office.by_passkey(device))
    await revoke_passkey(office.control, OPERATOR, ALICE, device.name)
    assert session not in live(office)
    assert not await passkeys(office)
    assert "an administrator" in office.mailed[-1].text
    with pytest.raises(DoorwardError, match="passkey-unknown"):
        await revoke_passkey(office.control, OPERATOR, ALICE, device.name)


# Password with TOTP


async def set_password(office: Desk, session: SessionId, password: str) -> None:
    new = await begin_password(office.authenticators, HERE, session, office.now)
    office.totp_secrets["alice"] = new.enrolment.secret
    await set_own_password(
        office.authenticators,
        HERE,
        session,
        ticket=new.ticket,
        password=password,
        code=office.code(ALICE),
        now=office.now,
    )
    office.now += 30


async def test_a_new_password_replaces_the_old_and_ends_other_sessions_of_it(office: Desk) -> None:
    await office.with_password(ALICE, "another long password")
    old = office.totp_secrets["alice"]
    proof = password_proof(Password(user=ALICE, hash="hash of another long password"), "totp")
    other, own = await office.session(proof), await office.session(proof)
    await office.with_password(BOB)
    bobs = await office.session(await office.by_password(BOB))
    await set_password(office, own, PASSWORD)
    assert live(office) == {own, bobs}
    assert other not in live(office)
    assert (await office.by_password(ALICE)).user == ALICE
    office.totp_secrets["alice"] = old
    with pytest.raises(DoorwardError, match="sign-in-rejected"):
        await office.by_password(ALICE)
    assert len(await office.audited("password-replaced")) == 1


async def test_a_password_is_set_beside_a_passkey_and_removed_again(office: Desk) -> None:
    session = await office.session(await office.by_passkey(await office.with_passkey(ALICE)))
    await set_password(office, session, PASSWORD)
    await make_recovery_codes(office.control, session, office.now)
    by_password = await office.session(await office.by_password(ALICE))
    await remove_own_password(office.control, session, office.now)
    assert live(office) == {session}
    assert by_password not in live(office)
    async with office.store.transaction() as transaction:
        assert await transaction.recovery_codes.left(ALICE) == 0
        assert await transaction.credentials.totp(ALICE) is None
    with pytest.raises(DoorwardError, match="password-unknown"):
        await remove_own_password(office.control, session, office.now)


async def test_an_administrator_removes_a_password(office: Desk) -> None:
    await office.with_password(ALICE)
    session = await office.session(await office.by_password(ALICE))
    await revoke_password(office.control, OPERATOR, ALICE)
    assert session not in live(office)
    with pytest.raises(DoorwardError, match="sign-in-rejected"):
        await office.by_password(ALICE)
    with pytest.raises(DoorwardError, match="password-unknown"):
        await revoke_password(office.control, OPERATOR, ALICE)


async def test_mail_that_cannot_be_sent_stops_nothing(office: Desk) -> None:
    office.control.mailer.broken = True  # type: ignore[attr-defined]
    session = await office.session(await office.by_passkey(await office.with_passkey(ALICE)))
    await add(office, session)
    assert len(await passkeys(office)) == 2
