"""The pages of ways to sign in, step-up and recovery over HTTP, as a browser and an attacker."""

from __future__ import annotations

import re
from typing import Any

import httpx
import msgspec
import pytest

from doorward.administrator.control_plane import Act
from doorward.administrator.open_session import SessionCookie
from doorward.administrator.recovery.decide_recovery import approve_recovery, waiting_recoveries
from doorward.administrator.strengthen_session import strengthen_session
from doorward.bootstrap import LIMITS
from doorward.entrypoints.login import step_up
from doorward.model.estate import Authenticator
from doorward.model.ids import AuthenticatorId
from tests.fakes.account import sign_ins
from tests.fakes.attestation import Maker
from tests.fakes.authenticator import SoftwareAuthenticator
from tests.fakes.sign_in import ALICE, AUTH, BOB, PASSWORD, Desk, desk

SESSION = "__Host-doorward-session"
SAME = {"origin": AUTH, "sec-fetch-site": "same-origin"}
HERE = "/account/credentials"
SIGN_IN = "/sign-in?return=%2Faccount%2Fcredentials"
MODEL = "2fc0579f-8113-47ea-b116-bb5a8db9202a"


@pytest.fixture
async def office() -> Desk:
    return await desk()


async def ceremony(
    client: httpx.AsyncClient,
    device: SoftwareAuthenticator,
    where: str,
    *,
    make: bool = False,
    asked: dict[str, str] | None = None,
    **fields: Any,
) -> httpx.Response:
    """Ask for options and answer them with `device`; without options, that answer."""
    answer = await client.post(f"{where}/options", json=asked or {}, headers=SAME)
    if answer.status_code != 200:
        return answer
    options = msgspec.json.decode(answer.content)
    credential = device.create(options) if make else device.get(options)
    return await client.post(where, json={"credential": credential, **fields}, headers=SAME)


async def by_passkey(office: Desk, device: SoftwareAuthenticator) -> httpx.AsyncClient:
    client = office.client()
    await client.get("/sign-in")
    assert (await ceremony(client, device, "/webauthn/sign-in")).status_code == 200
    return client


async def by_password(office: Desk, **changed: str) -> httpx.AsyncClient:
    client = office.client()
    await client.get("/sign-in")
    form = {"name": "alice", "password": PASSWORD, "code": office.code(ALICE), **changed}
    answer = await client.post("/sign-in", data=form, headers=SAME)
    assert answer.status_code == 303
    office.now += 30
    return client


def problem(answer: httpx.Response) -> dict[str, Any]:
    return msgspec.json.decode(answer.content, type=dict[str, Any])


async def test_the_page_is_for_who_is_signed_in(office: Desk) -> None:
    answer = await office.client().get(HERE)
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/sign-in?return=%2Faccount%2Fcredentials",
    )
    page = await office.client().get(answer.headers["location"])
    assert f'data-path="{HERE}"' in page.text


async def test_signing_in_leads_back_to_the_page(office: Desk) -> None:
    device = await office.with_passkey(ALICE)
    client = office.client()
    await client.get("/sign-in")
    answer = await ceremony(client, device, "/webauthn/sign-in", path=HERE)
    assert problem(answer) == {"location": HERE}
    await office.with_password(BOB)
    form = {"name": "bob", "password": PASSWORD, "code": office.code(BOB), "return": HERE}
    again = office.client()
    await again.get("/sign-in")
    answer = await again.post("/sign-in", data=form, headers=SAME)
    assert answer.headers["location"] == HERE


async def test_a_passkey_is_added_under_a_name_and_signs_in(office: Desk) -> None:
    client = await by_passkey(office, await office.with_passkey(ALICE))
    device = office.device()
    answer = await ceremony(client, device, f"{HERE}/passkeys", make=True, name=" Blue <key> ")
    assert problem(answer) == {"location": f"{HERE}?done=passkey-added"}
    page = (await client.get(f"{HERE}?done=passkey-added")).text
    assert "Blue &lt;key&gt;" in page
    assert "The passkey is added." in page
    assert (await (await by_passkey(office, device)).get("/")).status_code == 200


async def test_who_is_not_strong_is_led_to_the_step_up_and_back(office: Desk) -> None:
    device = await office.with_passkey(ALICE)
    await office.with_password(ALICE)
    client = await by_password(office)
    page = (await client.get(HERE)).text
    step_up = "/step-up?return=%2Faccount%2Fcredentials&need=phishing-resistant"
    assert step_up.replace("&", "&amp;") in page
    assert "passkeys/remove" not in page
    refused = await ceremony(client, office.device(), f"{HERE}/passkeys", make=True)
    assert (refused.status_code, problem(refused)["code"]) == (403, "step-up-needed")
    assert problem(refused)["location"] == step_up
    form = await client.post(f"{HERE}/passkeys/remove", data={"passkey": device.name}, headers=SAME)
    assert (form.status_code, form.headers["location"]) == (303, step_up)
    assert f'data-path="{HERE}"' in (await client.get(step_up)).text
    done = await ceremony(client, device, "/webauthn/step-up", path=HERE)
    assert problem(done) == {"location": HERE}
    assert "passkeys/rename" in (await client.get(HERE)).text


@pytest.mark.parametrize("done", ["All is lost", "<b>", "passkey-addedx"])
async def test_a_link_cannot_make_the_page_say_something(office: Desk, done: str) -> None:
    client = await by_passkey(office, await office.with_passkey(ALICE))
    page = (await client.get(HERE, params={"done": done})).text
    assert 'role="status"' not in page


async def test_removing_the_passkey_of_this_session_signs_out(office: Desk) -> None:
    first, second = await office.with_passkey(ALICE), await office.with_passkey(ALICE)
    client = await by_passkey(office, first)
    answer = await client.post(
        f"{HERE}/passkeys/remove", data={"passkey": first.name}, headers=SAME
    )
    assert answer.headers["location"] == SIGN_IN
    assert SESSION not in client.cookies
    other = await by_passkey(office, second)
    answer = await other.post(
        f"{HERE}/passkeys/remove", data={"passkey": second.name}, headers=SAME
    )
    assert answer.status_code == 409
    assert "your only way to sign in" in answer.text


async def test_a_passkey_is_renamed_and_a_bad_name_is_said(office: Desk) -> None:
    device = await office.with_passkey(ALICE)
    client = await by_passkey(office, device)
    fields = {"passkey": device.name, "name": "Blue key"}
    answer = await client.post(f"{HERE}/passkeys/rename", data=fields, headers=SAME)
    assert answer.headers["location"] == f"{HERE}?done=passkey-renamed"
    answer = await client.post(f"{HERE}/passkeys/rename", data={**fields, "name": ""}, headers=SAME)
    assert answer.status_code == 422
    assert "Blue key" in answer.text


async def test_a_password_is_set_and_codes_are_shown_once(office: Desk) -> None:
    client = await by_passkey(office, await office.with_passkey(ALICE))
    totp = problem(await client.post(f"{HERE}/totp", json={}, headers=SAME))
    office.totp_secrets["alice"] = totp["secret"]
    asked = {"ticket": totp["ticket"], "password": PASSWORD, "code": office.code(ALICE)}
    answer = await client.post(f"{HERE}/password", json=asked, headers=SAME)
    assert problem(answer) == {"location": f"{HERE}?done=password-set"}
    office.now += 30
    shown = await client.post(f"{HERE}/recovery-codes", headers=SAME)
    codes = re.findall(r"<code>([0-9a-z-]{29})</code>", shown.text)
    assert len(codes) == 10
    assert shown.headers["cache-control"] == "no-store"
    again = (await client.get(HERE)).text
    assert not any(code in again for code in codes)
    assert "You have 10 left." in again
    await by_password(office, code=codes[0].upper())
    assert "You have 9 left." in (await client.get(HERE)).text
    answer = await client.post(f"{HERE}/password/remove", headers=SAME)
    assert answer.headers["location"] == f"{HERE}?done=password-removed"
    assert "You have no password" in (await client.get(HERE)).text


async def test_who_has_a_password_alone_is_urged_to_make_recovery_codes(office: Desk) -> None:
    await office.with_password(ALICE)
    client = await by_password(office)
    assert "You have no unused recovery codes" in (await client.get("/account")).text
    await client.post(f"{HERE}/recovery-codes", headers=SAME)
    assert "unused recovery codes" not in (await client.get("/account")).text
    async with office.store.transaction() as transaction:
        await transaction.recovery_codes.replace(ALICE, ["5e" * 32], office.now)
    assert "You have only 1 unused recovery code<" in (await client.get("/account")).text


async def hardware(office: Desk) -> Maker:
    maker = Maker(MODEL)
    office.trust(maker)
    await office.publish(
        "authenticator", Authenticator(id=AuthenticatorId(MODEL), name="Hard Key 9", aal3=True)
    )
    await office.publish("authenticator", Authenticator(id=AuthenticatorId("any"), name="Any"))
    return maker


NEED = {"need": "hardware-key"}
STEP_UP = "/step-up?resource=payroll&return=/&need=hardware-key"


async def test_a_hardware_key_is_asked_for_and_only_one_satisfies(office: Desk) -> None:
    maker = await hardware(office)
    soft = await office.with_passkey(ALICE)
    hard = await office.with_passkey(ALICE, office.device(aaguid=MODEL, maker=maker))
    client = await by_passkey(office, soft)
    page = (await client.get(STEP_UP)).text
    assert "approved hardware" in page
    assert "password" not in page.lower()
    asked = problem(await client.post("/webauthn/step-up/options", json=NEED, headers=SAME))
    assert [item["id"] for item in asked["allowCredentials"]] == [hard.name]
    refused = await ceremony(client, soft, "/webauthn/step-up", asked=NEED, need="hardware-key")
    assert (refused.status_code, problem(refused)["code"]) == (403, "step-up-rejected")
    assert "not kept in hardware" in problem(refused)["title"]
    (session,) = office.control.live.current.sessions.values()
    assert session.aal == 2
    done = await ceremony(client, hard, "/webauthn/step-up", asked=NEED, need="hardware-key")
    assert done.status_code == 200
    (session,) = office.control.live.current.sessions.values()
    assert session.aal == 3


async def test_a_passkey_removed_meanwhile_steps_nobody_up_and_is_written_down(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = await office.with_passkey(ALICE)
    client = await by_passkey(office, device)
    before = office.control.live.current.sessions

    async def too_late(*args: Any, **kwargs: Any) -> SessionCookie:
        async with office.store.transaction() as transaction:
            await transaction.credentials.remove_all(ALICE)
        return await strengthen_session(*args, **kwargs)

    monkeypatch.setattr(step_up, "strengthen_session", too_late)
    answer = await ceremony(client, device, "/webauthn/step-up")
    assert (answer.status_code, problem(answer)["code"]) == (401, "session-unknown")
    assert office.control.live.current.sessions == before
    [entry] = await office.audited("sign-in-rejected")
    assert (entry["method"], entry["why"]) == ("passkey", "credential-ended-meanwhile")
    assert [item.outcome for item in await sign_ins(office)] == ["rejected", "signed-in"]


async def test_a_password_is_no_hardware_key(office: Desk) -> None:
    await hardware(office)
    await office.with_password(ALICE)
    client = await by_password(office)
    form = {"password": PASSWORD, "code": office.code(ALICE), **NEED}
    answer = await client.post("/step-up", data=form, headers=SAME)
    assert answer.status_code == 403
    assert "passkey is needed" in answer.text


async def test_who_has_no_hardware_key_reads_what_to_do(office: Desk) -> None:
    await hardware(office)
    client = await by_passkey(office, await office.with_passkey(ALICE))
    page = (await client.get(STEP_UP)).text
    assert "you have none" in page
    assert "Hard Key 9" in page
    assert HERE in page
    assert "data-passkey" not in page
    asked = await client.post("/webauthn/step-up/options", json=NEED, headers=SAME)
    assert (asked.status_code, problem(asked)["code"]) == (403, "no-such-passkey")


async def test_who_has_no_passkey_is_not_offered_one(office: Desk) -> None:
    await office.with_password(ALICE)
    client = await by_password(office)
    page = (await client.get("/step-up?resource=payroll&return=/&need=fresh")).text
    assert "data-passkey" not in page
    assert 'name="password"' in page
    page = (await client.get("/step-up?resource=payroll&return=/&need=phishing-resistant")).text
    assert "you have none" in page


# Recovery


async def asked(office: Desk, name: str, address: str = "192.0.2.1") -> httpx.AsyncClient:
    client = office.client(address=address)
    await client.get("/recovery")
    answer = await client.post("/recovery", data={"name": name}, headers=SAME)
    assert (answer.status_code, answer.headers["location"]) == (303, "/recovery")
    # An approval that comes late still finds the browser that it is for.
    assert "max-age=3600" in answer.headers["set-cookie"].lower()
    return client


def code_in(page: str) -> str:
    found = re.search(r"<code>(\d{4} \d{4})</code>", page)
    assert found
    return found[1]


async def state(client: httpx.AsyncClient) -> str:
    return str(problem(await client.post("/recovery/state", json={}, headers=SAME))["state"])


async def test_recovery_from_the_sign_in_page_to_a_new_passkey(office: Desk) -> None:
    await office.with_passkey(ALICE)
    assert 'href="/recovery"' in (await office.client().get("/sign-in")).text
    client = await asked(office, "alice")
    code = code_in((await client.get("/recovery")).text)
    assert await state(client) == "waiting"
    assert "asked to recover" in office.mailed[-1].subject
    (found,) = await waiting_recoveries(office.control, office.now)
    sealer, act = office.authenticators.sealer, Act("user:bob", office.now)
    vouching = await office.at_desk(BOB)
    await approve_recovery(office.control, act, vouching, sealer, found.id, code=code, keep=False)
    assert await state(client) == "approved"
    page = (await client.get("/recovery")).text
    assert "Welcome back, Alice Adams" in page
    device = office.device()
    answer = await ceremony(client, device, "/recovery/passkey", make=True)
    assert problem(answer) == {"location": HERE}
    live = office.control.live.current.sessions.values()
    (session,) = (item for item in live if item.user == ALICE)
    assert (session.methods, session.aal) == (("recovery-approval",), 1)
    page = (await client.get(HERE)).text
    assert "Confirm it is you" in page
    assert await state(client) == "over"


async def test_the_answers_are_alike_whoever_is_named(office: Desk) -> None:
    await office.disable(BOB)
    pages: set[tuple[str, str]] = set()
    for name in ("alice", "alice@example.test", "mallory", "bob", "", "<b>" * 50):
        client = await asked(office, name, address=f"10.0.0.{len(pages)}")
        page = (await client.get("/recovery")).text
        pages.add((await state(client), page.replace(code_in(page), "CODE")))
    assert len(pages) == 1
    assert len(office.mailed) == 2


async def test_the_code_is_for_the_browser_that_asked(office: Desk) -> None:
    client = await asked(office, "alice")
    code = code_in((await client.get("/recovery")).text)
    other = await office.client().get("/recovery")
    assert code not in other.text
    assert "Show me a code" in other.text


async def test_too_many_requests_are_told_on_the_page(office: Desk) -> None:
    client = office.client()
    await client.get("/recovery")
    for number in range(LIMITS["recovery-address"].attempts):
        await client.post("/recovery", data={"name": f"n{number}"}, headers=SAME)
    answer = await client.post("/recovery", data={"name": "alice"}, headers=SAME)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert "too many attempts" in answer.text


@pytest.mark.parametrize(
    "path",
    ["/recovery/passkey/options", "/recovery/totp", "/recovery/passkey", "/recovery/password"],
)
async def test_nothing_goes_on_without_an_approval(office: Desk, path: str) -> None:
    client = await asked(office, "alice")
    body = {"credential": {}, "ticket": "t", "password": PASSWORD, "code": "1"}
    answer = await client.post(path, json=body, headers=SAME)
    assert (answer.status_code, problem(answer)["code"]) == (403, "recovery-not-approved")


async def test_without_a_cookie_there_is_no_request(office: Desk) -> None:
    answer = await office.client().post("/recovery", data={"name": "alice"}, headers=SAME)
    assert answer.status_code == 400
    assert not await waiting_recoveries(office.control, office.now)


async def test_pages_hold_nothing_that_their_policy_blocks(office: Desk) -> None:
    client = await by_passkey(office, await office.with_passkey(ALICE))
    waiting = await asked(office, "alice")
    for answer in (
        await client.get(HERE),
        await client.get("/recovery"),
        await waiting.get("/recovery"),
    ):
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert not re.search(r"<script(?![^>]* src=)|style=|onclick=", answer.text)
