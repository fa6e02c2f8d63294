"""A person's own pages: what they say, and what their forms do."""

from __future__ import annotations

import html
import re
from urllib.parse import urlencode

import httpx
import msgspec
import pytest

from doorward.administrator.attempt_ports import Attempts
from doorward.administrator.attempts import recorded
from doorward.administrator.authentication import AttemptRejectedError
from doorward.administrator.guesses import MOST_IN_A_ROW, PASSWORD_OF_PERSON
from doorward.administrator.issue_resource_cookie import issue_resource_cookie
from doorward.model.decision import DecisionRecord
from doorward.model.estate import Group, Network, Policy
from doorward.model.identity import Standing
from doorward.model.ids import GroupId, NetworkId, PolicyId, ResourceId
from doorward.model.snapshot import Change, change
from tests.fakes.account import FIREFOX, IPHONE, OwnBrowser, browser, enrol, sessions, sign_ins
from tests.fakes.certificates import certificate, header_of
from tests.fakes.office import decision_record
from tests.fakes.sign_in import ALICE, BOB, ELSEWHERE, HANDBOOK, Desk, desk
from tests.fakes.store import KeptMail

DAY = 86_400


@pytest.fixture
async def office() -> Desk:
    return await desk()


async def publish(office: Desk, *changes: Change) -> None:
    async with office.store.transaction() as transaction:
        await transaction.snapshot.publish(changes)


def policy(name: str, description: str, body: str) -> Change:
    text = f'@id("{name}") @description("{description}") {body}'
    return change(
        "policy",
        Policy(id=PolicyId(name), text=text, file="p.cedar", line=1, description=description),
    )


async def words(here: OwnBrowser, path: str) -> str:
    """A page as it is read: without markup, with single spaces."""
    answer = await here.get(path)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", answer.text)))


# Sessions


async def test_sessions_are_told_in_words(office: Desk) -> None:
    await publish(
        office,
        change(
            "network", Network(id=NetworkId("hq"), name="Head office", ranges=("192.0.2.0/24",))
        ),
    )
    other = await browser(office, agent=IPHONE, address="203.0.113.9")
    await issue_resource_cookie(
        office.control, session=other.session, resource=ResourceId("handbook")
    )
    here = await browser(office, agent=FIREFOX)
    page = await words(here, "/account/sessions")
    assert page.index("Firefox on Windows This one") < page.index("Safari on iPhone")
    assert "From 192.0.2.1 (Head office)" in page
    assert "From 203.0.113.9 " in page
    assert "Signed in by a passkey" in page
    assert "Opened Handbook" in page
    assert "in 60 min" in page


async def test_ending_a_session_ends_that_one_at_once(office: Desk) -> None:
    here, other, third = [await browser(office) for _ in range(3)]
    answer = await here.post("/account/sessions/end", session=other.session)
    assert answer.headers["location"] == "/account/sessions?done=session-ended"
    assert sessions(office) == {here.session, third.session}
    assert office.gateways.waited[-1] == office.control.live.current.number
    assert (await other.get("/account")).status_code == 303
    assert "That session has ended." in await words(here, answer.headers["location"])


async def test_a_gateway_that_is_behind_is_told_of(office: Desk) -> None:
    here, other = await browser(office), await browser(office)
    office.gateways.obeys = False
    answer = await here.post("/account/sessions/end", session=other.session)
    assert "Not every gateway has said yet" in await words(here, answer.headers["location"])


async def test_ending_ones_own_session_signs_out(office: Desk) -> None:
    here, other = await browser(office), await browser(office)
    answer = await here.post("/account/sessions/end", session=here.session)
    assert "You are signed out" in answer.text
    assert "max-age=0" in answer.headers["set-cookie"].lower()
    assert sessions(office) == {other.session}


async def test_all_others_end_and_this_one_stays(office: Desk) -> None:
    here, bob = await browser(office), await browser(office, BOB)
    await browser(office)
    await browser(office)
    answer = await here.post("/account/sessions/end-others")
    assert answer.headers["location"].endswith("done=others-ended")
    assert sessions(office) == {here.session}
    assert sessions(office, BOB) == {bob.session}
    assert await office.audited("other-sessions-ended") == [
        {"target": "user:alice", "kept": here.session}
    ]


@pytest.mark.parametrize(("path", "left"), [("sessions/end-all", 0), ("sign-out", 1)])
async def test_signing_out_here_or_everywhere(office: Desk, path: str, left: int) -> None:
    here, _ = await browser(office), await browser(office)
    answer = await here.post(f"/account/{path}")
    assert "You are signed out" in answer.text
    assert len(sessions(office)) == left
    assert here.session not in sessions(office)


# Devices


async def test_devices_are_told_in_words(office: Desk) -> None:
    await enrol(office, "laptop", healthy=False, reason="the disk is not encrypted", risk=40)
    await enrol(office, "phone", healthy=True)
    await enrol(office, "tablet")
    page = await words(await browser(office), "/account/devices")
    assert "laptop Unhealthy" in page
    assert "health rules of your organisation: the disk is not encrypted." in page
    assert "Risk 40 of 100" in page
    assert "phone Healthy" in page
    assert "tablet Unknown It has never said how well it is" in page


async def test_removing_a_device_needs_a_fresh_sign_in(office: Desk) -> None:
    await enrol(office, "laptop")
    await office.with_passkey(ALICE)
    here = await browser(office)
    office.now += 601
    answer = await here.post("/account/devices/remove", device="laptop")
    back = urlencode({"return": "/account/devices", "need": "fresh"})
    assert answer.headers["location"] == f"/step-up?{back}"
    assert "laptop" in office.control.live.current.devices
    page = await here.get(answer.headers["location"])
    assert 'data-path="/account/devices"' in page.text
    office.now -= 1
    answer = await here.post("/account/devices/remove", device="laptop")
    assert answer.headers["location"] == "/account/devices?done=device-removed"
    assert "laptop" not in office.control.live.current.devices
    assert [item["target"] for item in await office.audited("device-removed")] == ["device:laptop"]


# Recent sign-ins


async def fail(office: Desk, times: int = 1) -> None:
    for _ in range(times):
        office.now += 1
        with pytest.raises(AttemptRejectedError):
            async with recorded(
                office.authenticators,
                ELSEWHERE,
                method="password",
                target="user:alice",
                at=office.now,
            ):
                raise AttemptRejectedError("sign-in-rejected", "No.", "", why="wrong-code")


async def test_sign_ins_are_told_newest_first(office: Desk) -> None:
    here = await browser(office)
    await fail(office)
    page = await words(here, "/account/sign-ins")
    failed, succeeded = page.index("Tried to sign in Failed"), page.index("Signed in This session")
    assert failed < succeeded
    assert "By a password, with An unknown browser, from 203.0.113.9." in page
    assert "By a passkey, with Firefox on Windows, from 192.0.2.1." in page


async def test_what_was_wrong_with_an_attempt_is_not_told(office: Desk) -> None:
    """Whoever sits in a stolen session would learn that they have guessed the password."""
    here = await browser(office)
    await fail(office)
    assert (await sign_ins(office))[0].why == "wrong-code"
    pages = [(await here.get(path)).text for path in ("/account/sign-ins", "/account")]
    assert not [page for page in pages if "wrong" in page or "code" in page]


async def test_older_ones_are_a_page_further(office: Desk) -> None:
    here = await browser(office)
    for _ in range(24):
        await browser(office)
    first = (await here.get("/account/sign-ins")).text
    assert first.count('<li class="card">') == 20
    link = re.search(r'href="(/account/sign-ins\?before=[0-9]+)"', first)
    assert link
    second = (await here.get(link[1])).text
    assert second.count('<li class="card">') == 5
    assert "Older" not in second
    assert 'href="/account/sign-ins">Newest' in second


async def test_this_was_not_me(office: Desk) -> None:
    here, stranger = await browser(office), await browser(office, address="203.0.113.9")
    seq = str((await sign_ins(office))[0].seq)
    answer = await here.post("/account/sign-ins/disown", sign_in=seq)
    assert sessions(office) == {here.session}
    assert (await stranger.get("/account")).status_code == 303
    assert office.control.live.current.standings["alice"].risk == 80
    page = await words(here, answer.headers["location"])
    assert "your risk is raised" in page
    assert "Signed in Not you" in page
    assert "Replace a passkey under Ways to sign in" in page
    overview = await words(here, "/account")
    assert "Your risk is raised It is 80 of 100" in overview


async def test_this_was_not_me_of_the_session_that_one_is_in(office: Desk) -> None:
    here = await browser(office)
    await browser(office)
    seq = str((await sign_ins(office))[-1].seq)
    answer = await here.post("/account/sign-ins/disown", sign_in=seq)
    assert "You are signed out" in answer.text
    assert "max-age=0" in answer.headers["set-cookie"].lower()
    assert sessions(office) == set()


async def test_the_security_contact_of_the_settings_is_told(office: Desk) -> None:
    here, _ = await browser(office), await browser(office)
    here.client._transport = httpx.ASGITransport(office.app(security_contact="sec@example.test"))
    seq = str((await sign_ins(office))[0].seq)
    await here.post("/account/sign-ins/disown", sign_in=seq)
    assert isinstance(office.control.mailer, KeptMail)
    assert office.control.mailer.sent[-1].to == "sec@example.test"


async def test_an_attempt_that_was_not_me(office: Desk) -> None:
    here, other = await browser(office), await browser(office)
    await fail(office)
    seq = str((await sign_ins(office))[0].seq)
    answer = await here.post("/account/sign-ins/disown", sign_in=seq)
    assert answer.headers["location"].endswith("done=attempt-disowned")
    assert sessions(office) == {here.session, other.session}
    assert office.control.live.current.standings["alice"].risk == 30


# Access


async def test_access_says_what_is_open_and_by_which_policy(office: Desk) -> None:
    await publish(
        office,
        policy(
            "handbook",
            "Everybody reads the handbook.",
            'permit (principal, action == Action::"read", resource == Resource::"handbook");',
        ),
        policy(
            "bob-writes",
            "Bob keeps the handbook.",
            'permit (principal == User::"bob", action, resource == Resource::"handbook");',
        ),
    )
    here = await browser(office)
    page = await words(here, "/account/access")
    assert "See it Yes Everybody reads the handbook. handbook" in page
    assert "Change it No You have no access to this. Ask for access" in page
    assert f'href="{HANDBOOK}/"' in (await here.get("/account/access")).text
    assert "Payroll" not in page
    assert "Change it Yes Bob keeps" in await words(await browser(office, BOB), "/account/access")


async def test_access_says_what_is_missing_and_leads_there(office: Desk) -> None:
    await publish(
        office,
        policy(
            "payroll",
            "Payroll, freshly signed in, on a known device.",
            'permit (principal, action, resource == Resource::"payroll") when {'
            " context has device && context has authentication_age_minutes &&"
            " context.authentication_age_minutes < 5 };",
        ),
    )
    here = await browser(office)
    office.now += 600
    page = await here.get("/account/access")
    assert "See and change it Not yet Something is missing." in await words(here, "/account/access")
    back = html.escape(urlencode({"need": "step-up", "return": "/account/access"}))
    assert f'<a href="/step-up?{back}">Confirm that it is you</a>' in page.text
    assert '<a href="/account/devices">Use an enrolled device</a>' in page.text


async def test_access_knows_the_device_by_the_gateways_word(office: Desk) -> None:
    await publish(
        office,
        policy(
            "payroll",
            "Payroll, on a healthy device.",
            'permit (principal, action, resource == Resource::"payroll") when {'
            " context has device.healthy && context.device.healthy };",
        ),
    )
    await enrol(office, "laptop", healthy=True)
    here = await browser(office)
    assert "See and change it Not yet" in await words(here, "/account/access")
    here.client.headers["doorward-check-certificate"] = header_of(certificate("laptop"))
    assert "See and change it Yes" in await words(here, "/account/access")


async def test_a_policy_that_forbids_is_named(office: Desk) -> None:
    await publish(
        office,
        policy(
            "no-risk",
            "Nobody at risk reads the handbook.",
            'forbid (principal is User, action, resource == Resource::"handbook")'
            " when { principal.risk > 50 && context.session.aal < 3 };",
        ),
        change("standing", Standing(id=ALICE, risk=80)),
    )
    page = await words(await browser(office), "/account/access")
    assert "Nobody at risk reads the handbook. no-risk" in page


def decided(number: int, **changed: object) -> DecisionRecord:
    record = decision_record(number, subject="alice")
    return msgspec.structs.replace(record, **{"resource": "handbook", **changed})


async def test_decisions_are_ones_own_and_in_words(office: Desk) -> None:
    await office.store.append_decisions(
        [
            decided(1, outcome="allow", reason="permitted", policies=(PolicyId("gone"),)),
            decided(2, outcome="deny", reason="no-policy-permits", resource="vault", policies=()),
            decided(3, subject="bob", resource="the-business-of-bob"),
        ]
    )
    page = await words(await browser(office), "/account/access")
    assert "Handbook See it Let in You may enter" in page
    assert "vault See it Kept out You have no access to this" in page
    assert "the-business-of-bob" not in page


async def test_older_decisions_are_a_page_further(office: Desk) -> None:
    await office.store.append_decisions([decided(number) for number in range(14)])
    here = await browser(office)
    first = (await here.get("/account/access")).text
    assert first.count("<tr>") == 1 + 12
    link = re.search(r'href="(/account/access\?before=[0-9]+)"', first)
    assert link
    assert (await here.get(link[1])).text.count("<tr>") == 1 + 2


# Overview


async def test_the_overview_says_who_one_is(office: Desk) -> None:
    alice = office.control.live.current.users["alice"]
    await publish(
        office,
        change("group", Group(id=GroupId("finance"), name="Finance department")),
        change("group", Group(id=GroupId("partners"), name="Partner companies")),
        change("user", msgspec.structs.replace(alice, groups=(GroupId("finance"),))),
        change(
            "standing",
            Standing(
                id=ALICE, ial=2, ial_until=office.now + 90 * DAY, groups=(GroupId("partners"),)
            ),
        ),
    )
    page = await words(await browser(office), "/account")
    assert "Alice Adams alice@example.test" in page
    assert "Groups Finance department, Partner companies" in page
    assert "Signed in by a passkey" in page
    assert "Strong: it cannot be phished" in page
    assert "Identity Verified, level 2 of 3, until 21 Feb 2027" in page
    assert "Nothing needs your attention." in page


async def test_proofing_that_has_run_out_is_none(office: Desk) -> None:
    await publish(office, change("standing", Standing(id=ALICE, ial=2, ial_until=office.now)))
    assert "Identity Not verified" in await words(await browser(office), "/account")


async def concern(office: Desk, title: str) -> bool:
    return title in await words(await browser(office), "/account")


async def test_a_password_that_is_off_is_a_concern(office: Desk) -> None:
    await office.with_password(ALICE)
    here, title = await browser(office), "Your password is off"
    assert title not in await words(here, "/account")
    tried = Attempts(purpose=PASSWORD_OF_PERSON.purpose, subject=ALICE, in_a_row=MOST_IN_A_ROW)
    async with office.store.transaction() as transaction:
        await transaction.attempts.put(tried)
    assert title in await words(here, "/account")
    assert "It is off. Somebody failed too often" in await words(here, "/account/credentials")
    step_up = await words(here, "/step-up")
    assert "Your password is off" in step_up
    assert "Sign out" not in step_up
    # A passkey's sign-in, which `browser` makes, allows it again.
    assert title not in await words(await browser(office), "/account")


async def test_one_passkey_alone_is_a_concern(office: Desk) -> None:
    title = "You have one passkey and no other way in"
    assert not await concern(office, title)
    await office.with_passkey(ALICE)
    assert await concern(office, title)
    await office.with_password(ALICE)
    assert not await concern(office, title)


async def test_two_passkeys_are_none(office: Desk) -> None:
    await office.with_passkey(ALICE)
    await office.with_passkey(ALICE)
    assert not await concern(office, "no other way in")


@pytest.mark.parametrize(("risk", "told"), [(29, False), (30, True), (100, True)])
async def test_risk_that_policies_may_hold_against_one(office: Desk, risk: int, told: bool) -> None:
    await publish(
        office, change("standing", Standing(id=ALICE, risk=risk, reason="impossible travel"))
    )
    assert await concern(office, "Why: impossible travel.") is told


@pytest.mark.parametrize(("healthy", "told"), [(False, True), (True, False), (None, False)])
async def test_an_unhealthy_device(office: Desk, healthy: bool | None, told: bool) -> None:
    await enrol(office, "laptop", healthy=healthy)
    await enrol(office, "bob-laptop", BOB, healthy=False)
    assert await concern(office, "A device of yours is unhealthy laptop:") is told


@pytest.mark.parametrize(("days", "told"), [(0, False), (1, True), (29, True), (31, False)])
async def test_proofing_that_runs_out(office: Desk, days: int, told: bool) -> None:
    until = office.now + days * DAY
    await publish(office, change("standing", Standing(id=ALICE, ial=2, ial_until=until)))
    assert await concern(office, "The verification of your identity runs out") is told


@pytest.mark.parametrize(("times", "told"), [(2, False), (3, True)])
async def test_failures_since_one_signed_in(office: Desk, times: int, told: bool) -> None:
    here = await browser(office)
    await fail(office, times)
    assert (f"{times} times since you signed in" in await words(here, "/account")) is told
    assert not await concern(office, "Somebody failed to sign in as you")


# Ways there and back


async def test_the_applications_lead_to_the_account(office: Desk) -> None:
    assert 'href="/account"' in (await (await browser(office)).get("/")).text


async def test_sign_in_leads_back_to_the_page_that_was_asked_for(office: Desk) -> None:
    await office.with_password(ALICE)
    client = office.client()
    asked = await client.get("/account/sign-ins")
    page = await client.get(asked.headers["location"])
    assert '<input type="hidden" name="return" value="/account/sign-ins">' in page.text
    fields = {"name": "alice", "password": "four words in a row", "code": office.code(ALICE)}
    answer = await client.post(
        "/sign-in",
        data={**fields, "return": "/account/sign-ins"},
        headers={"origin": "https://auth.doorward.localhost:8081"},
    )
    assert answer.headers["location"] == "/account/sign-ins"


async def test_no_link_makes_a_page_say_more_than_it_has_words_for(office: Desk) -> None:
    here = await browser(office)
    page = (await here.get("/account?done=Your+account+is+closed.+Call+555")).text
    assert "555" not in page
    assert 'role="status"' not in page
