"""A provider's logout ends the sessions it means, once, and nothing else does."""

from __future__ import annotations

from typing import Any

import pytest

from doorward.administrator.authentication import digest
from doorward.administrator.control_plane import Act, Effect
from doorward.administrator.federation.back_channel_logout import log_out
from doorward.administrator.open_session import open_session
from doorward.administrator.strengthen_session import strengthen_session
from doorward.errors import DoorwardError
from doorward.model.identity import ResourceCookie
from doorward.model.ids import ResourceId, SessionId
from doorward.model.snapshot import change
from tests.fakes.provider import LOGOUT_EVENT, new_key, signed
from tests.fakes.sign_in import HERE
from tests.unit.federation_world import World, world


@pytest.fixture
async def place() -> World:
    """Sessions of alice by two sign-ins at `work`, one at `other`, and one of her own."""
    place = await world()
    alice = {"provider_subject": digest("s-alice")}
    for session, provider, sid in (
        ("ses_1", "work", "sid-1"),
        ("ses_2", "work", "sid-2"),
        ("ses_3", "other", "sid-1"),
    ):
        by = {"provider": provider, "provider_session": digest(sid), **alice}
        await place.session("alice", session, **by)
    await place.session("alice", "ses_own")
    cookie = ResourceCookie(
        id="c0" * 32, session=SessionId("ses_1"), resource=ResourceId("payroll")
    )
    async with place.desk.store.transaction() as transaction:
        await transaction.snapshot.publish([change("cookie", cookie)])
    return place


async def send(place: World, token: str, provider: str = "work") -> Effect:
    return await log_out(
        place.desk.federation, provider, token, address="203.0.113.5", now=place.desk.now
    )


async def test_a_session_ends_with_the_one_at_the_provider(place: World) -> None:
    effect = await send(place, place.work.logout_token())
    assert effect.enforced
    assert set(place.snapshot.sessions) == {"ses_2", "ses_3", "ses_own"}
    assert not place.snapshot.cookies
    (entry,) = await place.desk.audited("session-revoked")
    assert (entry["target"], entry["user"]) == ("session:ses_1", "alice")


async def test_without_a_session_all_of_the_subject_end(place: World) -> None:
    await send(place, place.work.logout_token(sid=None))
    assert set(place.snapshot.sessions) == {"ses_3", "ses_own"}


async def test_a_session_is_named_without_a_subject(place: World) -> None:
    await send(place, place.work.logout_token(sub=None, sid="sid-2"))
    assert set(place.snapshot.sessions) == {"ses_1", "ses_3", "ses_own"}


async def test_a_sign_in_whose_session_was_not_named_ends_with_its_subject(place: World) -> None:
    """The ID token had no `sid`, the logout token has: it may be that session."""
    subject = digest("s-alice")
    await place.session("alice", "ses_5", provider="work", provider_subject=subject)
    await send(place, place.work.logout_token())
    assert set(place.snapshot.sessions) == {"ses_2", "ses_3", "ses_own"}
    await place.session("alice", "ses_6", provider="work", provider_subject=subject)
    await send(place, place.work.logout_token(sub=None))
    await send(place, place.work.logout_token(sub="s-bob"))
    assert "ses_6" in place.snapshot.sessions


async def test_a_logout_that_ends_nothing_is_fine(place: World) -> None:
    before = place.snapshot.sessions
    await send(place, place.work.logout_token(sid="sid-unknown"))
    assert place.snapshot.sessions == before


@pytest.mark.parametrize("provider_type", ["logout+jwt", "JWT", "application/logout+jwt", None])
async def test_tokens_are_typed_or_not_typed(place: World, provider_type: str | None) -> None:
    place.work.header = {} if provider_type is None else {"typ": provider_type}
    if provider_type is None:
        key = place.work.keys[0]
        place.work.resign = lambda claims: signed(claims, key, "ES256", kid="k1")
    await send(place, place.work.logout_token())
    assert "ses_1" not in place.snapshot.sessions


@pytest.mark.parametrize("other", ["at+jwt", "secevent+jwt", "dpop+jwt"])
async def test_a_token_of_another_kind_is_no_logout_token(place: World, other: str) -> None:
    place.work.header = {"typ": other}
    await refused(place, place.work.logout_token(), "not-a-logout-token")


LIES: list[tuple[dict[str, Any], str]] = [
    ({"iss": "https://evil.example"}, "issuer-wrong"),
    ({"aud": "another"}, "audience-wrong"),
    ({"aud": ["doorward", "another"]}, "authorized-party-wrong"),
    ({"iat": None}, "issued-in-the-future"),
    ({"iat": 4102444800}, "issued-in-the-future"),
    ({"iat": 1795435200 - 400}, "expired"),
    ({"exp": 1795435200 - 90}, "expired"),
    ({"exp": "x"}, "exp-malformed"),
    ({"events": None}, "logout-event-missing"),
    ({"events": {}}, "logout-event-missing"),
    ({"events": [LOGOUT_EVENT]}, "logout-event-missing"),
    ({"events": {LOGOUT_EVENT: True}}, "logout-event-missing"),
    ({"events": {"https://example.org/other": {}}}, "logout-event-missing"),
    ({"nonce": "n"}, "logout-with-a-nonce"),
    ({"nonce": ""}, "logout-with-a-nonce"),
    ({"jti": None}, "jti-malformed"),
    ({"jti": 4}, "jti-malformed"),
    ({"jti": ""}, "jti-malformed"),
    ({"sub": None, "sid": None}, "logout-of-nobody"),
    ({"sub": 3}, "subject-malformed"),
    ({"sid": ["sid-1"]}, "sid-malformed"),
]


@pytest.mark.parametrize(("lie", "why"), LIES, ids=str)
async def test_a_logout_token_that_lies_ends_nothing(
    place: World, lie: dict[str, Any], why: str
) -> None:
    await refused(place, place.work.logout_token(**lie), why)


async def refused(place: World, token: str, why: str, provider: str = "work") -> None:
    before = place.snapshot
    with pytest.raises(DoorwardError, match="federation-refused"):
        await send(place, token, provider)
    assert (await place.rejected())[-1] == why
    assert place.snapshot is before


async def test_a_token_works_once(place: World) -> None:
    token = place.work.logout_token()
    await send(place, token)
    await place.session("alice", "ses_4", provider="work", provider_session=digest("sid-1"))
    for later in (0, 60, 300):
        place.desk.now += later
        with pytest.raises(DoorwardError, match="federation-refused"):
            await send(place, token)
    assert "ses_4" in place.snapshot.sessions


async def test_an_id_token_is_no_logout_token(place: World) -> None:
    await refused(place, place.work.id_token("nonce"), "logout-event-missing")


async def test_an_id_token_with_an_event_is_no_logout_token(place: World) -> None:
    place.work.lies = {"events": {LOGOUT_EVENT: {}}, "jti": "x"}
    await refused(place, place.work.id_token("nonce"), "logout-with-a-nonce")


async def test_a_logout_of_one_provider_is_none_at_another(place: World) -> None:
    await refused(place, place.work.logout_token(), "signature-wrong", "other")
    place.other.keys = place.work.keys
    place.desk.now += 3601
    await refused(place, place.work.logout_token(), "issuer-wrong", "other")


async def test_a_forged_logout_ends_nothing(place: World) -> None:
    forged = new_key("k1")
    place.work.resign = lambda claims: signed(claims, forged, "ES256", kid="k1")
    await refused(place, place.work.logout_token(), "signature-wrong")
    place.work.resign = lambda claims: signed(claims, None, "none") + "AA"
    await refused(place, place.work.logout_token(), "algorithm-refused")


async def test_forgeries_do_not_fill_the_audit_log(place: World) -> None:
    for _ in range(30):
        with pytest.raises(DoorwardError, match="federation-refused"):
            await send(place, "a.b.c")
    assert len(await place.rejected()) == 10


async def test_a_provider_that_nobody_declared_ends_nothing(place: World) -> None:
    with pytest.raises(DoorwardError, match="provider-unknown"):
        await send(place, place.work.logout_token(), "nobody")


async def test_a_logout_overtakes_a_sign_in_that_is_on_its_way(place: World) -> None:
    await place.link("alice")
    came_back = place.work.authorize(await place.begin())
    await send(place, place.work.logout_token())
    with pytest.raises(DoorwardError, match="federation-refused"):
        await place.complete(came_back)
    assert (await place.rejected())[-1] == "session-ended-at-provider"


@pytest.mark.parametrize(
    ("named", "changed"),
    [(True, {}), (True, {"sid": None}), (True, {"sub": None}), (False, {}), (False, {"sid": None})],
    ids=str,
)
async def test_a_logout_overtakes_a_session_that_is_about_to_begin(
    place: World, named: bool, changed: dict[str, Any]
) -> None:
    """It comes after the provider's word was checked, and before the session is there.

    Where the ID token did not name its session, that of its subject is meant.
    """
    await place.link("alice")
    place.work.lies = {} if named else {"sid": None}
    proof = (await place.sign_in()).proof
    place.work.lies = {}
    await send(place, place.work.logout_token(**changed))
    with pytest.raises(DoorwardError, match="federation-refused"):
        await open_session(
            place.desk.control,
            Act("user:alice", place.desk.now),
            proof=proof,
            browser=HERE,
            lifetime_seconds=3600,
        )
    own = place.snapshot.sessions["ses_own"]
    with pytest.raises(DoorwardError, match="federation-refused"):
        await strengthen_session(
            place.desk.control,
            Act("user:alice", place.desk.now),
            session=own.id,
            proof=proof,
            browser=HERE,
        )
    assert place.snapshot.sessions["ses_own"] == own


async def test_signing_in_again_after_a_logout_works(place: World) -> None:
    await place.link("alice")
    await send(place, place.work.logout_token())
    place.work.claims |= {"sid": "sid-7"}
    assert await place.desk.session((await place.sign_in()).proof) in place.snapshot.sessions
