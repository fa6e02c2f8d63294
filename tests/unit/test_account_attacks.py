"""What an attacker gets from a person's own pages. Every page and every form is found by itself."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doorward.administrator.issue_resource_cookie import issue_resource_cookie
from doorward.model.ids import ResourceId
from tests.fakes.account import SESSION, browser, enrol, sessions, sign_ins
from tests.fakes.sign_in import ALICE, AUTH, BOB, PAYROLL, Desk, desk

CROSS_SITE = [
    {"origin": "https://evil.example"},
    {"origin": PAYROLL, "sec-fetch-site": "same-site"},
    {"origin": "null"},
    {"origin": AUTH, "sec-fetch-site": "cross-site"},
    {},
]


@pytest.fixture
async def office() -> Desk:
    return await desk()


async def paths(method: str) -> list[str]:
    found = [
        route.path
        for route in (await desk()).app().routes
        if method in (getattr(route, "methods", None) or ())
        and hasattr(route, "path")
        and re.match(r"/account(/|$)", route.path)
    ]
    assert len(found) > 4, "the routes have moved: this test walks past them"
    return found


async def test_every_form_refuses_another_site_and_changes_nothing(office: Desk) -> None:
    here = await browser(office)
    for path in await paths("POST"):
        for headers in CROSS_SITE:
            before = office.store.content()
            answer = await here.client.post(path, data={}, headers=headers)
            assert answer.status_code == 403, (path, headers)
            assert office.store.content() == before, (path, headers)


async def test_no_form_answers_a_link(office: Desk) -> None:
    here = await browser(office)
    gets = set(await paths("GET"))
    before = office.store.content()
    for path in await paths("POST"):
        if path not in gets:
            assert (await here.get(path)).status_code in {404, 405}, path
    assert office.store.content() == before


async def test_every_page_is_shut_to_frames_caches_and_scripts_of_others(office: Desk) -> None:
    here = await browser(office)
    for path in await paths("GET"):
        answer = await here.get(path)
        headers = answer.headers
        assert answer.status_code == 200, path
        assert headers["cache-control"] == "no-store", path
        assert headers["x-frame-options"] == "DENY", path
        assert headers["referrer-policy"] == "same-origin", path
        policy = headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy, path
        assert "default-src 'none'" in policy, path
        assert "unsafe" not in policy, path
        assert "form-action 'self';" in policy, path
        assert "<script>" not in answer.text, path
        assert " style=" not in answer.text, path


async def test_strangers_are_sent_to_sign_in_and_can_do_nothing(office: Desk) -> None:
    await browser(office)
    before = office.store.content()
    for path in await paths("GET"):
        answer = await office.client().get(path)
        assert answer.headers["location"] == f"/sign-in?{urlencode({'return': path})}"
    for path in await paths("POST"):
        answer = await office.client().post(
            path, headers={"origin": AUTH, "sec-fetch-site": "same-origin"}
        )
        assert answer.status_code == 401, path
    assert office.store.content() == before


async def test_a_cookie_of_a_resource_opens_none_of_them(office: Desk) -> None:
    here = await browser(office)
    cookie = await issue_resource_cookie(
        office.control, session=here.session, resource=ResourceId("payroll")
    )
    thief = office.client()
    for path in await paths("GET"):
        answer = await thief.get(path, headers={"cookie": f"{SESSION}={cookie.secret}"})
        assert answer.status_code == 303, path
    for path in await paths("POST"):
        headers = {"origin": AUTH, "cookie": f"{SESSION}={cookie.secret}"}
        assert (await thief.post(path, headers=headers)).status_code == 401, path
    assert sessions(office) == {here.session}


async def test_no_host_but_that_of_sign_in_has_them(office: Desk) -> None:
    here = await browser(office)
    elsewhere = office.client(PAYROLL)
    for path in await paths("GET"):
        answer = await elsewhere.get(path, headers={"cookie": here.client.headers["cookie"]})
        assert answer.status_code == 404, path


FOREIGN = [
    ("/account/sessions/end", "session", "You have no such session"),
    ("/account/devices/remove", "device", "You have no such device"),
    ("/account/devices/lost", "device", "You have no such device"),
    ("/account/sign-ins/disown", "sign_in", "You have no such sign-in"),
]


@pytest.mark.parametrize(("path", "field", "words"), FOREIGN)
async def test_what_is_somebody_elses_is_nowhere(
    office: Desk, path: str, field: str, words: str
) -> None:
    here, bob = await browser(office), await browser(office, BOB)
    await enrol(office, "bob-laptop", BOB)
    theirs = {
        "session": bob.session,
        "device": "bob-laptop",
        "sign_in": str((await sign_ins(office, BOB))[0].seq),
    }[field]
    before = office.control.live.current
    answers = [await here.post(path, **{field: named}) for named in (theirs, "nobodys", "", "99")]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    assert words in answers[0].text
    assert office.control.live.current is before
    assert (await sign_ins(office, BOB))[0].disowned_at is None
    audited = await office.audited("not-own-refused")
    assert len(audited) == 4
    assert audited[0]["session"] == here.session
    assert audited[0]["target"].endswith(f":{theirs}")


async def test_a_flood_of_foreign_names_does_not_fill_the_audit(office: Desk) -> None:
    here = await browser(office)
    for _ in range(15):
        assert (await here.post("/account/sessions/end", session="ses_x")).status_code == 404
    assert len(await office.audited("not-own-refused")) == 10


async def test_nothing_of_anybody_else_is_shown(office: Desk) -> None:
    bob = await browser(office, BOB, address="203.0.113.77", agent="Bobs own browser")
    await enrol(office, "bob-laptop", BOB, healthy=False)
    here = await browser(office)
    for path in await paths("GET"):
        page = (await here.get(path)).text
        for trace in (bob.session, "203.0.113.77", "bob-laptop", "bob@example.test"):
            assert trace not in page, path


async def test_a_session_planted_before_is_nobodys(office: Desk) -> None:
    thief = office.client()
    answer = await thief.get("/account", headers={"cookie": f"{SESSION}=planted-by-an-attacker"})
    assert answer.status_code == 303


async def test_a_disabled_person_is_out(office: Desk) -> None:
    here = await browser(office)
    await office.disable(ALICE)
    assert (await here.get("/account")).status_code == 303
    assert (await here.post("/account/sessions/end-others")).status_code == 401


@pytest.mark.parametrize(
    "back",
    [
        "//evil.example",
        "/accounting",
        "/account//evil.example",
        "/account/../step-up",
        "/account\\evil",
        "/account/%2e%2e",
        "https://evil.example/account",
        "/account?x=//evil.example",
        "/account/sessions\r\nlocation: https://evil.example",
    ],
)
async def test_no_return_leads_out_of_the_account(office: Desk, back: str) -> None:
    here = await browser(office)
    answer = await here.client.get("/sign-in", params={"return": back})
    assert answer.headers["location"] == "/"
    page = await here.client.get("/step-up", params={"return": back})
    assert "evil" not in page.text


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=200)
    | st.dictionaries(
        st.sampled_from(["session", "device", "sign_in", "x"]),
        st.text(max_size=40).filter(lambda text: not text.isdecimal()),  # a sign-in of theirs
        max_size=4,
    ).map(lambda fields: urlencode(fields, errors="surrogatepass").encode()),
    query=st.text(st.characters(codec="ascii"), max_size=30),
)
async def test_what_is_malformed_changes_nothing(office: Desk, body: bytes, query: str) -> None:
    here = await browser(office)
    before = office.control.live.current
    for path, _, _ in FOREIGN:
        answer = await here.client.post(
            path, content=body, headers={"origin": AUTH, "sec-fetch-site": "same-origin"}
        )
        assert answer.status_code in {400, 404}
    for path in ("/account/sign-ins", "/account/access"):
        page = await here.client.get(path, params={"before": query, "done": query})
        assert page.status_code == 200
    assert office.control.live.current is before
