"""Logout in both directions: an application asks for it, and applications are told of it."""

from __future__ import annotations

from typing import Any

import pytest
from joserfc import jws

from doorward.administrator.control_plane import Act
from doorward.administrator.openid import tell_clients
from doorward.administrator.openid.end_client_session import end_client_session
from doorward.administrator.openid.tell_clients import CALLS_TO_ONE_CLIENT, PAUSES_SECONDS, Teller
from doorward.administrator.revoke_session import revoke_session
from doorward.administrator.set_standing import disable_user
from doorward.administrator.sign_out_everywhere import sign_out_everywhere
from doorward.administrator.sweep_expired import sweep_expired
from doorward.errors import DoorwardError
from doorward.model.ids import SessionId
from doorward.model.snapshot import change
from tests.fakes.openid_desk import BACKCHANNEL, GOODBYE, SAME, Round, Stand, client, said, stand
from tests.fakes.sign_in import ALICE, AUTH

EVENT = "http://schemas.openid.net/event/backchannel-logout"


@pytest.fixture
async def office() -> Stand:
    return await stand()


def act(office: Stand) -> Act:
    return Act("operator", office.desk.now)


async def tell(office: Stand) -> int:
    return await Teller(office.desk.openid).tell(office.desk.now)


async def known(office: Stand) -> list[tuple[str, str]]:
    async with office.desk.store.transaction() as transaction:
        return [(item.client, item.user) for item in await transaction.openid.sessions.all()]


# An application asks


async def test_an_application_that_knows_the_session_ends_it_without_a_question(
    office: Stand,
) -> None:
    visit = await office.round()
    hint = (await visit.signed_in())["id_token"]
    # The hint may have expired; the session has not.
    office.desk.now += 600
    answer = await visit.browser.get(
        f"/openid/logout?id_token_hint={hint}&post_logout_redirect_uri={GOODBYE}&state=back"
    )
    assert (answer.status_code, answer.headers["location"]) == (303, f"{GOODBYE}?state=back")
    assert not office.desk.control.live.current.sessions
    assert (await visit.browser.get("/")).headers["location"] == "/sign-in"
    (entry,) = await office.desk.audited("session-revoked")
    assert entry["reason"] == "signed out at wiki"


async def test_any_other_logout_asks_the_person_first(office: Stand) -> None:
    visit = await office.round()
    page = await visit.browser.get(
        f"/openid/logout?client_id=wiki&post_logout_redirect_uri={GOODBYE}&state=back"
    )
    assert "Wiki asks to sign you out, Alice Adams." in page.text
    policy = page.headers["content-security-policy"]
    assert "form-action 'self' https://wiki.example.org;" in policy
    assert office.desk.control.live.current.sessions
    fields = {"client_id": "wiki", "post_logout_redirect_uri": GOODBYE, "state": "back"}
    answer = await visit.browser.post("/openid/logout/confirm", data=fields, headers=SAME)
    assert answer.headers["location"] == f"{GOODBYE}?state=back"
    assert not office.desk.control.live.current.sessions


async def test_a_hint_of_an_earlier_session_asks(office: Stand) -> None:
    visit = await office.round()
    hint = (await visit.signed_in())["id_token"]
    await visit.browser.post("/sign-in", data=await office.form(), headers=SAME)
    page = await visit.browser.get(f"/openid/logout?id_token_hint={hint}")
    assert "Sign out?" in page.text
    assert office.desk.control.live.current.sessions


async def test_whoever_is_signed_out_already_goes_on(office: Stand) -> None:
    visit = Round(office, office.desk.client())
    answer = await visit.browser.get(
        f"/openid/logout?client_id=wiki&post_logout_redirect_uri={GOODBYE}"
    )
    assert answer.headers["location"] == GOODBYE
    answer = await visit.browser.get("/openid/logout")
    assert "You are signed out" in answer.text


async def test_client_and_hint_must_agree(office: Stand) -> None:
    visit = await office.round()
    hint = (await visit.signed_in())["id_token"]
    answer = await visit.browser.get(f"/openid/logout?id_token_hint={hint}&client_id=vault")
    assert answer.status_code == 400
    assert office.desk.control.live.current.sessions


# Applications are told


@pytest.mark.parametrize("how", ["everywhere", "revoked", "disabled", "expired", "signed in anew"])
async def test_clients_are_told_whatever_ended_the_session(office: Stand, how: str) -> None:
    visit = await office.round()
    claims = await office.claims((await visit.signed_in())["id_token"])
    assert await tell(office) == 0
    control = office.desk.control
    (session,) = control.live.current.sessions
    if how == "everywhere":
        await sign_out_everywhere(control, act(office), ALICE)
    elif how == "revoked":
        await revoke_session(control, act(office), SessionId(session))
    elif how == "disabled":
        await disable_user(control, act(office), ALICE)
    elif how == "expired":
        office.desk.now += 3600
        await sweep_expired(control, office.desk.now)
    else:
        await visit.browser.post("/sign-in", data=await office.form(), headers=SAME)
    assert await tell(office) == 1
    ((uri, token),) = office.logouts.sent
    assert uri == BACKCHANNEL
    header = jws.extract_compact(token.encode()).headers()
    assert (header["typ"], header["alg"]) == ("logout+jwt", "RS256")
    told = await office.claims(token)
    assert (told["iss"], told["aud"], told["sub"]) == (AUTH, "wiki", "alice")
    assert told["sid"] == claims["sid"]
    assert told["events"] == {EVENT: {}}
    assert 0 < told["exp"] - told["iat"] <= 120
    assert told["jti"]
    assert "nonce" not in told
    assert await tell(office) == 0
    assert await known(office) == []


async def test_a_client_that_does_not_answer_is_tried_again_and_given_up(office: Stand) -> None:
    await (await office.round()).signed_in()
    await sign_out_everywhere(office.desk.control, act(office), ALICE)
    office.logouts.broken = True
    for number, pause in enumerate(PAUSES_SECONDS, 1):
        assert await tell(office) == 1
        assert await tell(office) == 0
        assert office.logouts.attempts == number
        office.desk.now += pause
    assert await known(office) == [("wiki", "alice")]
    assert await tell(office) == 1
    assert await known(office) == []
    (entry,) = await office.desk.audited("client-not-told")
    assert entry["why"] == "The application answered 500."


async def test_a_client_that_answers_later_is_told_once(office: Stand) -> None:
    await (await office.round()).signed_in()
    await sign_out_everywhere(office.desk.control, act(office), ALICE)
    office.logouts.broken = True
    await tell(office)
    office.logouts.broken = False
    office.desk.now += PAUSES_SECONDS[0]
    assert await tell(office) == 1
    assert await tell(office) == 0
    assert len(office.logouts.sent) == 1


async def test_of_two_control_planes_one_tells(office: Stand) -> None:
    await (await office.round()).signed_in()
    await sign_out_everywhere(office.desk.control, act(office), ALICE)
    first, second = Teller(office.desk.openid), Teller(office.desk.openid)
    reserved = await first.reserve(office.desk.now)
    assert len(reserved) == 1
    assert await second.reserve(office.desk.now) == []


async def test_a_client_that_hangs_holds_up_nobody_else(office: Stand) -> None:
    for _ in range(CALLS_TO_ONE_CLIENT + 1):
        await (await office.round()).signed_in()
    await (await office.round("app")).signed_in()
    for session in tuple(office.desk.control.live.current.sessions):
        await revoke_session(office.desk.control, act(office), SessionId(session))
    teller = Teller(office.desk.openid)
    reserved = [message.item.client for message in await teller.reserve(office.desk.now)]
    assert reserved.count(client("wiki").id) == CALLS_TO_ONE_CLIENT
    assert "app" in reserved


async def test_a_long_queue_of_one_client_holds_up_nobody_else(
    office: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More of its messages are due than are looked at in one go, and it hangs."""
    monkeypatch.setattr(tell_clients, "_LOOKED_AT", CALLS_TO_ONE_CLIENT)
    for _ in range(2 * CALLS_TO_ONE_CLIENT):
        await (await office.round()).signed_in()
    await sign_out_everywhere(office.desk.control, act(office), ALICE)
    teller = Teller(office.desk.openid)
    assert len(await teller.reserve(office.desk.now)) == CALLS_TO_ONE_CLIENT
    assert not teller.waiting
    await (await office.round("app")).signed_in()
    await sign_out_everywhere(office.desk.control, act(office), ALICE)
    (message,) = await teller.reserve(office.desk.now)
    assert message.item.client == "app"


async def test_what_waits_its_turn_is_known(office: Stand) -> None:
    for _ in range(CALLS_TO_ONE_CLIENT + 1):
        await (await office.round()).signed_in()
    await sign_out_everywhere(office.desk.control, act(office), ALICE)
    teller = Teller(office.desk.openid)
    first = await teller.reserve(office.desk.now)
    assert teller.waiting
    for message in first:
        await teller.deliver(message, office.desk.now)
    assert len(await teller.reserve(office.desk.now)) == 1
    assert not teller.waiting


async def test_messages_that_were_not_reserved_hold_up_none(
    office: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store or a key that fails for a while must not use up the calls to a client."""
    for _ in range(2):
        await (await office.round()).signed_in()
    await sign_out_everywhere(office.desk.control, act(office), ALICE)
    teller, signer = Teller(office.desk.openid), office.desk.openid.signer
    sign, calls = signer.sign, 0

    def broken(*arguments: Any) -> str:
        nonlocal calls
        calls += 1
        if calls % 2 == 0:
            raise DoorwardError("seal-broken", "The key does not open.")
        return sign(*arguments)

    monkeypatch.setattr(signer, "sign", broken)
    for _ in range(CALLS_TO_ONE_CLIENT):
        with pytest.raises(DoorwardError, match="seal-broken"):
            await teller.reserve(office.desk.now)
    monkeypatch.undo()
    assert len(await teller.reserve(office.desk.now)) == 2


async def test_a_client_without_an_address_is_forgotten(office: Stand) -> None:
    await office.publish(change("client", client("wiki", backchannel_logout_uri="")))
    await (await office.round()).signed_in()
    await sign_out_everywhere(office.desk.control, act(office), ALICE)
    assert await tell(office) == 0
    assert await known(office) == []


async def test_one_sign_in_is_ended_and_the_session_stays(office: Stand) -> None:
    visit = await office.round()
    sid = (await office.claims((await visit.signed_in())["id_token"]))["sid"]
    await end_client_session(office.desk.control, act(office), sid)
    assert (await visit.userinfo()).status_code == 401
    assert said(await visit.refresh())["error"] == "invalid_grant"
    assert office.desk.control.live.current.sessions
    assert await tell(office) == 1
    with pytest.raises(DoorwardError, match="client-session-unknown"):
        await end_client_session(office.desk.control, act(office), sid)
    # The next sign-in of the same session goes by another name.
    again = await office.claims((await visit.signed_in())["id_token"])
    assert again["sid"] != sid


async def test_one_session_has_one_name_at_one_client(office: Stand) -> None:
    visit = await office.round()
    first = await office.claims((await visit.signed_in())["id_token"])
    second = await office.claims((await visit.signed_in())["id_token"])
    other = Round(office, visit.browser, client="app", redirect_uri="http://127.0.0.1/cb")
    elsewhere = await office.claims((await other.signed_in())["id_token"])
    assert first["sid"] == second["sid"] != elsewhere["sid"]


async def test_sweeping_forgets_tokens_and_keeps_what_lasts(office: Stand) -> None:
    visit = await office.round()
    await visit.signed_in()
    short = Round(office, visit.browser)
    await short.signed_in(scope="openid")
    office.desk.now += 301
    await sweep_expired(office.desk.control, office.desk.now)
    assert len(office.desk.store._state.openid.grants) == 1
    assert (await visit.refresh()).status_code == 200
