"""The console's forms of identity verification, joiners, movers and leavers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import msgspec
import pytest

from doorward.administrator.identity.checklist import CHECKS
from doorward.administrator.identity.records import Case, Contact, Proposal, Training
from doorward.administrator.identity.verified_claims import Claims
from doorward.entrypoints.console.app import app
from doorward.model.ids import UserId
from doorward.model.snapshot import change
from tests.fakes.office import CONSOLE, HOSTILE, NOON, Office, office
from tests.fakes.proofing import VERIFIER_ROLE
from tests.fakes.store import KeptMail

OWN_PAGE = {"sec-fetch-site": "same-origin"}
CASE = "/identity/cases/idc_0001"
DAVE = UserId("dave")


@pytest.fixture
async def company() -> Office:
    made = await office()
    alice = made.control.live.current.sessions["ses_alice"]
    fresh = msgspec.structs.replace(alice, authenticated_at=NOON - 60)
    async with made.store.transaction() as transaction:
        await transaction.snapshot.publish([change("session", fresh)])
        await transaction.identity.contacts.put(
            Contact(user=DAVE, value="dave@example.test", verified_at=NOON)
        )
    return made


@pytest.fixture
async def browser(company: Office) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(company.console())
    async with httpx.AsyncClient(transport=transport, base_url=CONSOLE) as client:
        yield client


async def post(
    company: Office, browser: httpx.AsyncClient, path: str, **form: str
) -> httpx.Response:
    return await browser.post(path, data=form, headers={**company.headers(), **OWN_PAGE})


async def see(company: Office, browser: httpx.AsyncClient, path: str) -> str:
    answer = await browser.get(path, headers=company.headers())
    assert answer.status_code == 200, answer.text
    return answer.text


async def case(company: Office) -> Case:
    async with company.store.transaction() as transaction:
        found = await transaction.identity.cases.get("idc_0001")
    assert found is not None
    return found


def approval(**changed: str) -> dict[str, str]:
    return {
        "given_name": "Dave",
        "family_name": "Dunn",
        **{f"check-{check}": "yes" for check in CHECKS["onsite"]},
        **changed,
    }


async def test_a_case_is_worked_to_its_end_by_forms_alone(
    company: Office, browser: httpx.AsyncClient
) -> None:
    assert "Name and number were not checked" in await see(company, browser, CASE)
    answer = await post(
        company, browser, f"{CASE}/attributes", check="source", source="Road office"
    )
    assert answer.headers["location"] == f"{CASE}?done=case-worked.recorded"
    page = await see(company, browser, answer.headers["location"])
    assert "The case is brought up to date." in page
    assert "Every gateway enforces this." not in page
    assert "Verified at IAL1" in page
    await post(
        company,
        browser,
        f"{CASE}/evidence",
        kind="company-card",
        issuer="ACME",
        country="deu",
        number="12 34 56 78",
        expires_on="2027-05-01",
        validated="handled",
        owned="compared",
    )
    assert "Verified at IAL2" in await see(company, browser, CASE)
    answer = await post(company, browser, f"{CASE}/approve", **approval(birthdate="1990-02-03"))
    assert answer.status_code == 303, answer.text
    page = await see(company, browser, answer.headers["location"])
    assert "The identity is verified" in page
    assert "1990-02-03" in page
    standing = company.control.live.current.standings[DAVE]
    assert standing.ial == 2
    verification = answer.headers["location"].partition("?")[0]
    answer = await post(company, browser, f"{verification}/revoke", reason="forged")
    assert "unproofed" in await see(company, browser, answer.headers["location"])
    assert company.control.live.current.standings[DAVE].ial == 0


async def test_the_steps_for_each_method_are_told(
    company: Office, browser: httpx.AsyncClient
) -> None:
    found = await case(company)
    words = {"onsite": "ultraviolet", "video": "encrypted call", "documents": "Nobody is seen"}
    for method, word in words.items():
        async with company.store.transaction() as transaction:
            await transaction.identity.cases.put(msgspec.structs.replace(found, method=method))
        assert word in await see(company, browser, CASE)


async def test_who_may_not_work_it_is_told_why_and_sees_no_form(
    company: Office, browser: httpx.AsyncClient
) -> None:
    async with company.store.transaction() as transaction:
        await transaction.identity.trainings.remove(UserId("alice"))
    page = await see(company, browser, CASE)
    assert "Your training as a verifier is not recorded" in page
    assert "Record a piece of evidence" not in page
    before = await case(company)
    answer = await post(company, browser, f"{CASE}/evidence", kind="passport", issuer="x")
    assert answer.status_code == 403
    assert await case(company) == before


async def test_a_stale_sign_in_is_sent_to_the_passkey_and_back(
    company: Office, browser: httpx.AsyncClient
) -> None:
    company.now = NOON + 900
    page = await see(company, browser, CASE)
    assert "Use your passkey" in page
    assert (
        "//auth.doorward.localhost:8080/step-up?resource=console&amp;return=%2Fidentity%2Fcases"
        in page
    )
    answer = await post(company, browser, f"{CASE}/approve", **approval())
    assert answer.status_code == 403


async def test_what_was_not_confirmed_approves_nothing(
    company: Office, browser: httpx.AsyncClient
) -> None:
    await post(company, browser, f"{CASE}/attributes", check="source", source="x")
    form = approval()
    del form["check-no-coercion"]
    answer = await post(company, browser, f"{CASE}/approve", **form)
    assert answer.status_code == 409
    assert (await case(company)).state == "open"


@pytest.mark.parametrize(
    ("act", "form"),
    [
        ("evidence", {"kind": "library-card", "issuer": "x"}),
        ("evidence", {"kind": "passport", "issuer": "x", "validated": "smelled"}),
        ("evidence", {"kind": "passport", "issuer": "x", "owned": "asked"}),
        ("evidence", {"kind": "passport", "issuer": "x", "country": "Germany"}),
        ("evidence", {"kind": "passport", "issuer": "x", "expires_on": "soon"}),
        ("evidence", {"kind": "passport", "issuer": "x", "expires_on": "9999-01-01"}),
        ("evidence", {"kind": "passport", "issuer": "x" * 201}),
        ("evidence", {"kind": "passport", "issuer": "a\x1b[2J"}),
        ("evidence", {}),
        ("attributes", {"check": "guessed"}),
        ("attributes", {"check": "source", "source": " "}),
        ("approve", {}),
        ("reject", {"reason": " "}),
    ],
)
async def test_a_form_that_nobody_offered_changes_nothing(
    company: Office, browser: httpx.AsyncClient, act: str, form: dict[str, str]
) -> None:
    before = await case(company)
    answer = await post(company, browser, f"{CASE}/{act}", **form)
    assert answer.status_code in {400, 409}
    assert await case(company) == before


async def test_training_is_recorded_for_others(company: Office, browser: httpx.AsyncClient) -> None:
    answer = await post(company, browser, "/identity/verifiers", user="bob", until="2027-05-01")
    assert answer.headers["location"] == "/identity/verifiers?done=verifier-trained.recorded"
    page = await see(company, browser, answer.headers["location"])
    assert "The training is recorded." in page
    assert "Lacks the role" in page
    assert "Lacks the role" in await see(company, browser, "/identity")
    own = await post(company, browser, "/identity/verifiers", user=" alice ", until="2027-05-01")
    assert own.status_code == 403
    none = await post(company, browser, "/identity/verifiers", user="bob", until="")
    assert none.status_code == 400


async def test_an_invitation_shows_link_reach_and_what_is_missing(
    company: Office, browser: httpx.AsyncClient
) -> None:
    answer = await post(company, browser, "/people/bob/invite", mail="yes")
    assert answer.status_code == 200
    assert "/invitation#" in answer.text
    assert "payroll" in answer.text
    assert "A verified identity." in answer.text
    assert answer.headers["cache-control"] == "no-store"
    mailer = company.control.mailer
    assert isinstance(mailer, KeptMail)
    assert mailer.sent[0].to == "bob@example.test"


async def test_a_move_is_shown_before_it_is_made(
    company: Office, browser: httpx.AsyncClient
) -> None:
    page = await see(company, browser, "/people/dave/move?preview=1&group=payroll&group=nothing")
    assert "Gains" in page
    before = company.control.live.current.users["dave"]
    assert before.groups == ()
    answer = await post(company, browser, "/people/dave/move", groups="payroll")
    assert answer.headers["location"] == "/people/dave?done=user-moved"
    assert company.control.live.current.users["dave"].groups == ("payroll",)


async def test_leaving_is_confirmed_and_leads_to_what_is_left(
    company: Office, browser: httpx.AsyncClient
) -> None:
    assert "One act ends everything" in await see(company, browser, "/people/bob/leave")
    assert not company.control.live.current.standings.get("bob")
    answer = await post(company, browser, "/people/bob/leave", reason="gone")
    assert answer.headers["location"] == "/people/bob?done=user-left"
    page = await see(company, browser, answer.headers["location"])
    assert "Left" in page
    assert "/people/bob/invite" not in page
    owner = await post(company, browser, "/people/alice/leave")
    assert owner.headers["location"] == "/handover?done=user-left"


async def test_the_handover_page_lists_what_nobody_answers_for(
    company: Office, browser: httpx.AsyncClient
) -> None:
    assert "nothing to hand over" in await see(company, browser, "/handover")
    users = company.control.live.current.users
    async with company.store.transaction() as transaction:
        payroll = company.control.live.current.resources["payroll"]
        await transaction.snapshot.publish(
            [change("resource", msgspec.structs.replace(payroll, owner=users["bob"].id))]
        )
    await post(company, browser, "/people/bob/leave")
    page = await see(company, browser, "/handover")
    assert 'href="/resources/payroll"' in page


async def test_only_those_with_the_role_are_suggested_as_verifiers(
    company: Office, browser: httpx.AsyncClient
) -> None:
    """Not everybody: there may be 100,000."""
    page = await see(company, browser, "/identity/verifiers")
    assert '<option value="alice">' in page
    assert '<option value="bob">' not in page


async def test_a_second_verifier_is_shown_what_was_decided_and_confirms_it(
    company: Office, browser: httpx.AsyncClient
) -> None:
    await post(company, browser, f"{CASE}/attributes", check="source", source="Road office")
    card = {"kind": "company-card", "issuer": "ACME", "validated": "handled", "owned": "compared"}
    await post(company, browser, f"{CASE}/evidence", **card)
    decided = Proposal(
        by=UserId("bob"), at=NOON, ial=1, claims=Claims(given_name=HOSTILE, family_name="Dunn")
    )
    waiting = msgspec.structs.replace(await case(company), verifier=UserId("bob"), proposal=decided)
    async with company.store.transaction() as transaction:
        await transaction.identity.cases.put(waiting)
    page = await see(company, browser, CASE)
    assert "This waits for a second verifier." in page
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page
    assert "Record a piece of evidence" not in page
    assert f'action="{CASE}/take"' not in page
    assert "Waits for a second" in await see(company, browser, "/identity")
    unseen = await post(company, browser, f"{CASE}/confirm")
    assert unseen.status_code == 409
    assert "checklist-incomplete" in unseen.text
    refused = await post(company, browser, f"{CASE}/confirm", looked="yes")
    assert refused.status_code == 409
    assert "first-verifier-unfit" in refused.text
    bob = company.control.live.current.users["bob"]
    async with company.store.transaction() as transaction:
        qualified = msgspec.structs.replace(bob, roles=(VERIFIER_ROLE,))
        await transaction.snapshot.publish([change("user", qualified)])
        await transaction.identity.trainings.put(
            Training(user=bob.id, trained_at=NOON, expires_at=NOON + 9000.0, recorded_by="operator")
        )
    unseen = await post(company, browser, f"{CASE}/confirm", looked="")
    assert "checklist-incomplete" in unseen.text
    assert DAVE not in company.control.live.current.standings
    answer = await post(company, browser, f"{CASE}/confirm", looked="yes")
    assert answer.status_code == 303, answer.text
    assert "confirmed by alice" in await see(company, browser, answer.headers["location"])
    assert company.control.live.current.standings[DAVE].ial == 1


async def test_where_two_must_agree_the_first_is_told_so(company: Office) -> None:
    context = company.context(company.gateway_assertion())
    strict = replace(context, proofing=replace(context.proofing, second_verifier_from=1))
    transport = httpx.ASGITransport(company.behind(app(strict)))
    async with httpx.AsyncClient(transport=transport, base_url=CONSOLE) as client:
        await post(company, client, f"{CASE}/attributes", check="source", source="Road office")
        assert "This level takes two" in await see(company, client, CASE)
        body = {"given_name": "Dave", "family_name": "Dunn", "checks": list(CHECKS["onsite"])}
        api = "/api/v1/proofing/cases/idc_0001"
        answer = await client.post(
            f"{api}/approve", json=body, headers={**company.headers(), **OWN_PAGE}
        )
        assert answer.status_code == 202, answer.text
        assert answer.json()["proposal"]["by"] == "alice"
        answer = await client.post(f"{api}/confirm", headers={**company.headers(), **OWN_PAGE})
        assert (answer.status_code, answer.json()["code"]) == (403, "second-verifier-needed")
        page = await see(company, client, CASE)
    assert "You decided this" in page
    assert "You found in the evidence: <strong>Dave Dunn</strong>." in page
    assert "How to go about it" not in page
    assert f'action="{CASE}/confirm"' not in page
    assert f'action="{CASE}/reject"' in page
    assert DAVE not in company.control.live.current.standings
