"""What happens becomes events: each from the change that makes it, and nothing from any other."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from doorward.administrator.control_plane import Act
from doorward.administrator.openid.end_client_session import mark_ended
from doorward.administrator.openid_ports import ClientSession
from doorward.administrator.ports import Passkey, Password, Totp
from doorward.administrator.revoke_session import revoke_session
from doorward.administrator.set_session_risk import set_session_risk
from doorward.administrator.set_standing import disable_user, enable_user, set_user_risk
from doorward.administrator.signals.transmitting.differences import Credential
from doorward.administrator.signals.transmitting.events_of import risk_level
from doorward.administrator.sweep_expired import sweep_expired
from doorward.model.estate import Service, User
from doorward.model.identity import Standing
from doorward.model.ids import ClientId, GroupId, SessionId
from doorward.model.snapshot import change, removal
from tests.fakes.signals_desk import (
    ALICE,
    BOB,
    CRM,
    ISSUER,
    LAPTOP,
    NOON,
    SignalsDesk,
    device,
    names,
    payload,
    signals_desk,
)
from tests.fakes.signals_receiver import Claims

PERSON = {"format": "iss_sub", "iss": ISSUER, "sub": "alice"}
SESSION = {"format": "opaque", "id": "ses_1"}
DEVICE = {"format": "opaque", "id": "laptop"}


@pytest.fixture
async def desk() -> SignalsDesk:
    return await signals_desk()


async def one(desk: SignalsDesk, stream: Claims) -> tuple[str, Claims, Claims]:
    """The only event that waits: its name, its payload and its subject."""
    tokens = await desk.take(stream)
    assert len(tokens) == 1, names(tokens)
    return *payload(tokens[0]), tokens[0]["sub_id"]


async def test_a_revoked_session_is_told(desk: SignalsDesk) -> None:
    stream = await desk.polled()
    await desk.session(device=LAPTOP)
    await revoke_session(desk.control, desk.act, SessionId("ses_1"), "a private remark")
    name, event, subject = await one(desk, stream)
    assert name == "session-revoked"
    assert subject == {
        "format": "complex",
        "user": PERSON,
        "session": SESSION,
        "device": DEVICE,
    }
    assert event["event_timestamp"] == int(desk.now)
    assert event["initiating_entity"] == "admin"


async def test_a_session_that_runs_out_was_not_revoked(desk: SignalsDesk) -> None:
    stream = await desk.polled()
    await desk.session(expires_at=desk.now + 10)
    desk.now += 11
    assert await sweep_expired(desk.control, desk.now) == 1
    assert await desk.take(stream) == []


async def test_who_did_it_is_told_as_a_kind_and_never_by_name(desk: SignalsDesk) -> None:
    stream = await desk.polled()
    actors = {
        "user:alice": "user",
        "user:bob": "admin",
        "operator": "admin",
        "system": "system",
        "transmitter:bob": "system",
    }
    for actor, entity in actors.items():
        await desk.session()
        await desk.revoke(actor=actor)
        _, event, _ = await one(desk, stream)
        assert event["initiating_entity"] == entity
        assert "bob" not in repr(event)


async def test_every_event_says_why_and_what_people_wrote_stays_here(desk: SignalsDesk) -> None:
    stream = await desk.polled()
    await desk.session()
    await set_user_risk(desk.control, desk.act, ALICE, 90, "suspected of theft")
    await disable_user(desk.control, desk.act, ALICE, "suspected of theft")
    await enable_user(desk.control, desk.act, ALICE, "cleared")
    tokens = await desk.take(stream)
    assert len(tokens) == 4
    for claims in tokens:
        _, event = payload(claims)
        assert set(event["reason_admin"]) == set(event["reason_user"]) == {"en"}
        assert all(event["reason_admin"].values())
        assert all(event["reason_user"].values())
        assert "theft" not in repr(claims)
        assert "cleared" not in repr(claims)


async def test_a_person_disabled_and_enabled_again(desk: SignalsDesk) -> None:
    stream = await desk.polled()
    await desk.session()
    await disable_user(desk.control, desk.act, ALICE, "")
    tokens = await desk.take(stream)
    assert sorted(names(tokens)) == ["account-disabled", "session-revoked"]
    assert len({claims["txn"] for claims in tokens}) == 1, "one cause, one transaction"
    assert len({claims["jti"] for claims in tokens}) == 2
    await disable_user(desk.control, desk.act, ALICE, "")
    assert await desk.take(stream) == []
    await enable_user(desk.control, desk.act, ALICE, "")
    name, _, subject = await one(desk, stream)
    assert (name, subject) == ("account-enabled", PERSON)


async def test_a_person_who_is_removed_is_disabled_and_not_enabled(desk: SignalsDesk) -> None:
    await desk.put("standing", Standing(id=ALICE, disabled=True, risk=90, ial=2))
    stream = await desk.polled()
    await desk.publish(removal("user", ALICE), removal("standing", ALICE))
    name, _, subject = await one(desk, stream)
    assert (name, subject) == ("account-disabled", PERSON)


async def test_claims_that_change_are_told_with_their_new_values(desk: SignalsDesk) -> None:
    stream = await desk.polled()
    moved = User(
        id=ALICE, name="Alice B.", email="alice@example.org", groups=(GroupId("eng"), GroupId("b"))
    )
    await desk.put("user", moved)
    name, event, subject = await one(desk, stream)
    assert (name, subject) == ("token-claims-change", PERSON)
    assert event["claims"] == {"name": "Alice B.", "groups": ["b", "eng"]}
    await desk.publish(
        change("user", msgspec.structs.replace(moved, email="")),
        change("standing", Standing(id=ALICE, groups=(GroupId("b"), GroupId("c")))),
    )
    _, event, _ = await one(desk, stream)
    assert event["claims"] == {
        "email": None,
        "email_verified": None,
        "groups": ["b", "c", "eng"],
    }


async def test_what_no_token_says_changes_no_claims(desk: SignalsDesk) -> None:
    stream = await desk.polled()
    alice = desk.control.live.current.users["alice"]
    await desk.put("user", msgspec.structs.replace(alice, source="scim"))
    await desk.put("user", User(id=BOB, name="Bob", email=""))
    await desk.put("standing", Standing(id=ALICE, risk=5, reason="x"))
    assert await desk.take(stream) == []


async def test_an_authenticator_that_counts_for_less_is_no_other_sign_in(desk: SignalsDesk) -> None:
    """A list of authenticators that is applied lowers sessions; their people did nothing."""
    stream = await desk.polled()
    session = await desk.session(aal=3)
    await desk.put("session", msgspec.structs.replace(session, aal=2))
    _, lowered, _ = await one(desk, stream)
    later = msgspec.structs.replace(session, aal=3, authenticated_at=session.authenticated_at + 9)
    await desk.put("session", later)
    _, proved, _ = await one(desk, stream)
    assert "What your way to sign in counts for has changed" in str(lowered["reason_user"])
    assert "You signed in in another way" in str(proved["reason_user"])


async def test_assurance_of_a_session_and_of_an_identity(desk: SignalsDesk) -> None:
    stream = await desk.polled()
    session = await desk.session(aal=1)
    await desk.put("session", msgspec.structs.replace(session, aal=2))
    name, event, subject = await one(desk, stream)
    assert name == "assurance-level-change"
    assert subject == {"format": "complex", "user": PERSON, "session": SESSION}
    assert {
        key: event[key]
        for key in ("namespace", "current_level", "previous_level", "change_direction")
    } == {
        "namespace": "NIST-AAL",
        "current_level": "nist-aal2",
        "previous_level": "nist-aal1",
        "change_direction": "increase",
    }
    await desk.put("standing", Standing(id=ALICE, ial=2, ial_until=NOON + 99))
    await desk.put("standing", Standing(id=ALICE))
    up, down = await desk.take(stream)
    assert payload(up)[1]["namespace"] == "NIST-IAL"
    assert payload(down)[1]["change_direction"] == "decrease"
    assert up["sub_id"] == PERSON


async def test_risk_of_people_sessions_and_devices(desk: SignalsDesk) -> None:
    stream = await desk.polled()
    await desk.session()
    await desk.put("device", device())
    await desk.take(stream)
    await set_session_risk(desk.control, desk.act, SessionId("ses_1"), 80, "")
    await set_user_risk(desk.control, desk.act, ALICE, 40, "")
    await desk.put("device", device(risk=100))
    told = [payload(claims) for claims in await desk.take(stream)]
    assert [name for name, _ in told] == ["risk-level-change"] * 3
    assert [
        (event["principal"], event["previous_level"], event["current_level"]) for _, event in told
    ] == [("SESSION", "LOW", "HIGH"), ("USER", "LOW", "MEDIUM"), ("DEVICE", "LOW", "HIGH")]
    await set_user_risk(desk.control, desk.act, ALICE, 45, "")
    assert await desk.take(stream) == [], "the level is the same"


def test_risk_levels() -> None:
    assert [risk_level(risk) for risk in (0, 29, 30, 69, 70, 100)] == [
        "LOW",
        "LOW",
        "MEDIUM",
        "MEDIUM",
        "HIGH",
        "HIGH",
    ]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"healthy": True}, {"healthy": False}, ("compliant", "not-compliant")),
        ({"healthy": True}, {"healthy": None}, ("compliant", "not-compliant")),
        ({"healthy": None}, {"healthy": True}, ("not-compliant", "compliant")),
        ({"healthy": True}, {"suspended": "lost"}, ("compliant", "not-compliant")),
        ({"healthy": None}, {"healthy": False}, None),
        ({"healthy": True}, {"name": "other"}, None),
    ],
)
async def test_compliance_of_a_device(
    desk: SignalsDesk,
    before: dict[str, Any],
    after: dict[str, Any],
    told: tuple[str, str] | None,
) -> None:
    await desk.put("device", device(**before))
    stream = await desk.polled()
    await desk.put("device", device(**after))
    if told is None:
        assert await desk.take(stream) == []
        return
    name, event, subject = await one(desk, stream)
    assert name == "device-compliance-change"
    assert (event["previous_status"], event["current_status"]) == told
    assert subject == {"format": "complex", "user": PERSON, "device": DEVICE}


async def test_a_device_enrolled_and_removed_is_a_credential(desk: SignalsDesk) -> None:
    stream = await desk.polled()
    await desk.put("device", device(healthy=None))
    await desk.put("device", device(healthy=None, key="cd" * 32))
    await desk.publish(removal("device", LAPTOP))
    events = [payload(claims)[1] for claims in await desk.take(stream)]
    assert [event["change_type"] for event in events] == ["create", "update", "delete"]
    assert {event["credential_type"] for event in events} == {"x509"}
    assert events[0]["friendly_name"] == "Alice's laptop"


PASSKEY = Passkey(
    id="pk",
    user=ALICE,
    name="Key",
    public_key=b"k",
    sign_count=0,
    transports=("usb",),
    aaguid="accced6a-63f5-490a-9eea-e59bc1896cfc",
    created_at=NOON,
)
TOTP = Totp(user=ALICE, sealed_secret=b"s", last_step=1)
PHONE = msgspec.structs.replace(PASSKEY, id="ph", transports=("internal", "hybrid"))


@pytest.mark.parametrize(
    ("credential", "used", "kind"),
    [
        (PASSKEY, msgspec.structs.replace(PASSKEY, sign_count=9, name="Other"), "fido2-roaming"),
        (PHONE, msgspec.structs.replace(PHONE, last_used_at=NOON), "fido2-platform"),
        (Password(user=ALICE, hash="h"), Password(user=ALICE, hash="h"), "password"),
        (TOTP, msgspec.structs.replace(TOTP, last_step=7), "app"),
    ],
)
async def test_credentials_made_used_and_removed(
    desk: SignalsDesk, credential: Credential, used: Credential, kind: str
) -> None:
    stream = await desk.polled()
    for step in (credential, used):
        async with desk.store.transaction() as transaction:
            await transaction.credentials.put(step)
    async with desk.store.transaction() as transaction:
        await transaction.credentials.remove(credential)
        await transaction.credentials.remove(credential)
    events = [payload(claims)[1] for claims in await desk.take(stream)]
    assert [event["change_type"] for event in events] == ["create", "delete"]
    assert {event["credential_type"] for event in events} == {kind}
    if isinstance(credential, Passkey):
        assert events[0]["fido2_aaguid"] == credential.aaguid
        assert events[0]["friendly_name"] == "Key"


async def test_a_password_that_changes_and_all_that_goes_at_once(desk: SignalsDesk) -> None:
    stream = await desk.polled()
    await desk.with_password(ALICE, "one")
    await desk.with_password(ALICE, "two")
    async with desk.store.transaction() as transaction:
        await transaction.credentials.put(PASSKEY)
        await transaction.credentials.remove_all(ALICE)
    told = [payload(claims)[1] for claims in await desk.take(stream)]
    assert [(event["credential_type"], event["change_type"]) for event in told] == [
        ("password", "create"),
        ("password", "update"),
        ("fido2-roaming", "create"),
        ("fido2-roaming", "delete"),
        ("password", "delete"),
    ]


async def test_recovery_codes_made_used_replaced_and_removed(desk: SignalsDesk) -> None:
    stream = await desk.polled()

    async def make(*hashes: str) -> None:
        async with desk.store.transaction() as transaction:
            await transaction.recovery_codes.replace(ALICE, hashes, NOON)

    await make("a", "b")
    await make("c", "d")
    for code, known in (("a", False), ("c", True), ("c", False)):
        async with desk.store.transaction() as transaction:
            assert await transaction.recovery_codes.take(ALICE, code) is known
    await make()
    await make()
    await make("e")
    async with desk.store.transaction() as transaction:
        await transaction.credentials.remove_all(ALICE)
    told = [payload(claims)[1] for claims in await desk.take(stream)]
    assert [event["change_type"] for event in told] == [
        "create",
        "update",
        "update",
        "delete",
        "create",
        "delete",
    ]
    assert {event["credential_type"] for event in told} == {"recovery-code"}


async def test_what_is_rolled_back_is_not_told(desk: SignalsDesk) -> None:
    stream = await desk.polled()
    await desk.session()

    async def half_done() -> None:
        async with desk.store.transaction() as transaction:
            await transaction.snapshot.publish([removal("session", "ses_1")])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await half_done()
    assert await desk.take(stream) == []
    assert "ses_1" in desk.control.live.current.sessions


async def test_without_a_stream_nothing_is_read_or_written(desk: SignalsDesk) -> None:
    await desk.session()
    await revoke_session(desk.control, Act("operator", desk.now), SessionId("ses_1"))
    stream = await desk.polled()
    assert await desk.take(stream) == []
    assert await desk.waiting(stream) == []


async def test_people_are_named_as_the_stream_wants_it(desk: SignalsDesk) -> None:
    by_address = await desk.polled(format="email")
    for user in (ALICE, BOB):
        await disable_user(desk.control, desk.act, user, "")
    alice, bob = await desk.take(by_address)
    assert alice["sub_id"] == {"format": "email", "email": "alice@example.org"}
    assert bob["sub_id"] == {"format": "iss_sub", "iss": ISSUER, "sub": "bob"}


async def test_whoever_leaves_is_told_by_the_sid_that_the_application_knows(
    desk: SignalsDesk,
) -> None:
    await desk.put("service", Service(id=CRM, name="CRM", client=ClientId("crm-app")))
    stream = await desk.polled()
    session = await desk.session()
    known = ClientSession(
        sid="sid-1", client=ClientId("crm-app"), session=session.id, user=ALICE, since=desk.now
    )
    async with desk.store.transaction() as transaction:
        await transaction.openid.sessions.put(known)
    async with desk.store.transaction() as transaction:
        await mark_ended(transaction, known, desk.now)
        await transaction.snapshot.publish([removal("session", session.id)])
    _, _, subject = await one(desk, stream)
    assert subject["session"] == {"format": "opaque", "id": "sid-1"}
