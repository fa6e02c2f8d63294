"""Invitations: once, in time, for one person, and nothing half kept."""

from __future__ import annotations

import pytest

from doorward.administrator.accept_invitation import (
    accept_with_passkey,
    accept_with_password,
    begin_registration,
    begin_totp,
    read_invitation,
)
from doorward.administrator.authentication import Browser, Proof
from doorward.administrator.control_plane import Act
from doorward.administrator.invite_user import invite_user
from doorward.administrator.set_standing import disable_user, enable_user
from doorward.errors import DoorwardError
from tests.fakes.authenticator import SoftwareAuthenticator
from tests.fakes.sign_in import ALICE, BOB, ELSEWHERE, HERE, PASSWORD, PAYROLL, Desk, desk


@pytest.fixture
async def office() -> Desk:
    return await desk()


async def register(office: Desk, secret: str, device: SoftwareAuthenticator) -> Proof:
    options = await begin_registration(office.authenticators, HERE, secret, office.now)
    return await accept_with_passkey(
        office.authenticators, HERE, secret, device.create(options), office.now
    )


async def set_password(
    office: Desk,
    secret: str,
    *,
    password: str = PASSWORD,
    code: str | None = None,
    browser: Browser = HERE,
) -> Proof:
    new = await begin_totp(office.authenticators, HERE, secret, office.now)
    office.totp_secrets["alice"] = new.enrolment.secret
    return await accept_with_password(
        office.authenticators,
        browser,
        secret,
        ticket=new.ticket,
        password=password,
        code=office.code(ALICE) if code is None else code,
        now=office.now,
    )


async def nothing_is_kept(office: Desk) -> bool:
    async with office.store.transaction() as transaction:
        credentials = transaction.credentials
        return not (
            await credentials.passkeys(ALICE)
            or await credentials.password(ALICE)
            or await credentials.totp(ALICE)
        )


async def test_a_passkey_is_registered_once(office: Desk) -> None:
    secret = await office.invite(ALICE)
    proof = await register(office, secret, office.device())
    assert (proof.user, proof.phishing_resistant) == (ALICE, True)
    with pytest.raises(DoorwardError, match="invitation-invalid"):
        await register(office, secret, office.device())
    assert [item["method"] for item in await office.audited("invitation-accepted")] == ["passkey"]


async def test_the_options_ask_for_what_is_verified(office: Desk) -> None:
    await office.with_passkey(ALICE)
    secret = await office.invite(ALICE)
    options = await begin_registration(office.authenticators, HERE, secret, office.now)
    selection = options["authenticatorSelection"]
    assert isinstance(selection, dict)
    assert (selection["residentKey"], selection["userVerification"]) == ("required", "required")
    assert options["attestation"] == "none"
    excluded, user = options["excludeCredentials"], options["user"]
    assert isinstance(excluded, list)
    assert isinstance(user, dict)
    assert len(excluded) == 1
    assert "alice" not in user["id"]


async def test_password_and_code_are_set_once(office: Desk) -> None:
    secret = await office.invite(ALICE)
    assert (await set_password(office, secret)).multi_factor
    with pytest.raises(DoorwardError, match="invitation-invalid"):
        await set_password(office, secret)


async def test_the_totp_secret_is_sealed_in_the_store(office: Desk) -> None:
    await set_password(office, await office.invite(ALICE))
    async with office.store.transaction() as transaction:
        totp = await transaction.credentials.totp(ALICE)
    assert totp is not None
    assert office.totp_secrets["alice"].encode() not in totp.sealed_secret


async def test_the_code_that_confirmed_does_not_sign_in(office: Desk) -> None:
    await set_password(office, await office.invite(ALICE))
    async with office.store.transaction() as transaction:
        totp = await transaction.credentials.totp(ALICE)
    assert totp is not None
    assert totp.last_step == int(office.now) // 30


async def test_a_wrong_code_keeps_nothing_and_may_be_tried_again(office: Desk) -> None:
    secret = await office.invite(ALICE)
    with pytest.raises(DoorwardError, match="code-wrong"):
        await set_password(office, secret, code="000000")
    assert await nothing_is_kept(office)
    assert (await set_password(office, secret)).user == ALICE


async def test_the_qr_code_of_one_browser_is_not_confirmed_by_another(office: Desk) -> None:
    secret = await office.invite(ALICE)
    with pytest.raises(DoorwardError, match="enrolment-expired"):
        await set_password(office, secret, browser=ELSEWHERE)
    assert await nothing_is_kept(office)


@pytest.mark.parametrize(
    "password",
    [
        "eleven char",
        "x" * 257,
        "aaaabbbbcccc",
        "alice adams 123",
        "AliceAdams!!1",
        "alice@example.test",
        "doorward-alice",
        "password1234",
        "iloveyou1234",
        "qwertyuiop12",
    ],
)
async def test_a_password_is_long_and_not_ones_own_name(office: Desk, password: str) -> None:
    secret = await office.invite(ALICE)
    with pytest.raises(DoorwardError, match="password-too-weak"):
        await set_password(office, secret, password=password)
    assert await nothing_is_kept(office)


@pytest.mark.parametrize("password", ["twelve chars", "Grüße an die Küche", "x1y2z3" * 42])
async def test_a_password_needs_no_particular_characters(office: Desk, password: str) -> None:
    secret = await office.invite(ALICE)
    assert (await set_password(office, secret, password=password)).user == ALICE


async def test_a_registration_for_another_person_is_refused(office: Desk) -> None:
    alices, bobs = await office.invite(ALICE), await office.invite(BOB)
    options = await begin_registration(office.authenticators, HERE, bobs, office.now)
    with pytest.raises(DoorwardError, match="passkey-rejected"):
        await accept_with_passkey(
            office.authenticators, HERE, alices, office.device().create(options), office.now
        )
    assert await nothing_is_kept(office)


@pytest.mark.parametrize(
    "lie", ["origin", "rp_id", "verifies_user", "cross_origin", "credential_id"]
)
async def test_a_lying_registration_is_refused_and_the_invitation_stays(
    office: Desk, lie: str
) -> None:
    device, secret = office.device(), await office.invite(ALICE)
    wrong = {
        "origin": PAYROLL,
        "rp_id": "localhost",
        "verifies_user": False,
        "cross_origin": True,
        "credential_id": b"x" * 1024,
    }
    setattr(device, lie, wrong[lie])
    with pytest.raises(DoorwardError, match="passkey-rejected"):
        await register(office, secret, device)
    assert await nothing_is_kept(office)
    assert (await register(office, secret, office.device())).user == ALICE


async def test_a_passkey_is_never_taken_over(office: Desk) -> None:
    device = await office.with_passkey(ALICE)
    with pytest.raises(DoorwardError, match="passkey-rejected"):
        await register(office, await office.invite(BOB), device)


async def test_an_invitation_expires(office: Desk) -> None:
    secret = await office.invite(ALICE)
    office.now += 3600
    with pytest.raises(DoorwardError, match="invitation-invalid"):
        await read_invitation(office.authenticators, HERE, secret, office.now)


async def test_a_disabled_person_cannot_accept(office: Desk) -> None:
    secret = await office.invite(ALICE)
    await office.disable(ALICE)
    with pytest.raises(DoorwardError, match="user-disabled"):
        await register(office, secret, office.device())


async def test_a_made_up_invitation_is_audited(office: Desk) -> None:
    with pytest.raises(DoorwardError, match="invitation-invalid"):
        await read_invitation(office.authenticators, HERE, "made-up", office.now)
    (entry,) = await office.audited("sign-in-rejected")
    assert entry["why"] == "invitation-invalid"
    assert "made-up" not in str(entry)


async def test_only_the_newest_invitation_of_a_person_counts(office: Desk) -> None:
    first = await invite_user(
        office.authenticators.control, Act("operator", office.now), ALICE, ttl_seconds=600
    )
    second = await invite_user(
        office.authenticators.control, Act("operator", office.now), ALICE, ttl_seconds=600
    )
    with pytest.raises(DoorwardError, match="invitation-invalid"):
        await read_invitation(office.authenticators, HERE, first, office.now)
    assert (await read_invitation(office.authenticators, HERE, second, office.now)).id == ALICE


async def test_an_invitation_that_another_replaces_meanwhile_counts_no_more(office: Desk) -> None:
    """Whoever makes a new one believes that the one before is in wrong hands."""
    former = await office.invite(ALICE)
    newer: list[str] = []

    async def inviting_hash(password: str) -> str:
        newer.append(await office.invite(ALICE))
        return password

    office.hasher.hash = inviting_hash  # type: ignore[method-assign]
    with pytest.raises(DoorwardError, match="invitation-invalid"):
        await set_password(office, former)
    assert await nothing_is_kept(office)
    user = await read_invitation(office.authenticators, HERE, newer[0], office.now)
    assert user.id == ALICE


async def test_a_password_by_invitation_ends_the_sessions_of_the_one_before(office: Desk) -> None:
    await office.with_password(ALICE)
    thief = await office.session(await office.by_password(ALICE))
    device = await office.with_passkey(ALICE)
    own = await office.session(await office.by_passkey(device))
    await set_password(office, await office.invite(ALICE))
    assert set(office.control.live.current.sessions) == {own}
    assert thief != own


@pytest.mark.parametrize(
    ("age_seconds", "phishing_resistant", "invites"),
    [(0, True, True), (899, True, True), (901, True, False), (0, False, False)],
)
async def test_who_can_sign_in_is_invited_by_somebody_who_has_just_used_a_passkey(
    office: Desk, age_seconds: float, phishing_resistant: bool, invites: bool
) -> None:
    """An invitation takes an account over: an open session of an administrator is not enough."""
    act = Act(f"user:{BOB}", office.now)
    session = await office.at_desk(
        BOB, age_seconds=age_seconds, phishing_resistant=phishing_resistant
    )
    await invite_user(office.control, act, ALICE, ttl_seconds=60, session=session)
    await office.with_passkey(ALICE)
    if invites:
        await invite_user(office.control, act, ALICE, ttl_seconds=60, session=session)
        return
    with pytest.raises(DoorwardError, match="approver-stale"):
        await invite_user(office.control, act, ALICE, ttl_seconds=60, session=session)


async def test_nobody_and_no_service_invites_with_the_session_of_another(office: Desk) -> None:
    session = await office.at_desk(BOB)
    await office.with_passkey(ALICE)
    for actor in ("user:carol", "service:hr"):
        act = Act(actor, office.now)
        for shown in (session, None):
            with pytest.raises(DoorwardError, match="approver-stale"):
                await invite_user(office.control, act, ALICE, ttl_seconds=60, session=shown)


async def test_who_is_disabled_is_not_invited(office: Desk) -> None:
    """It would wait for them to be enabled, and whoever has it would be first."""
    act = Act("operator", office.now)
    await disable_user(office.control, act, ALICE)
    with pytest.raises(DoorwardError, match="user-disabled"):
        await office.invite(ALICE)
    await enable_user(office.control, act, ALICE)
    assert await office.invite(ALICE)


async def test_disabling_a_person_voids_their_invitation(office: Desk) -> None:
    secret = await invite_user(
        office.authenticators.control, Act("operator", office.now), ALICE, ttl_seconds=600
    )
    await disable_user(office.authenticators.control, Act("operator", office.now), ALICE)
    await enable_user(office.authenticators.control, Act("operator", office.now), ALICE)
    with pytest.raises(DoorwardError, match="invitation-invalid"):
        await read_invitation(office.authenticators, HERE, secret, office.now)
