"""Confirming by the API: a second verifier sees whom they confirm, and nobody else does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date

import httpx
import msgspec
import pytest

from doorward.administrator.identity.records import Case, Contact, Proposal, Training
from doorward.administrator.identity.verified_claims import Claims
from doorward.entrypoints.actors import OperatorSocket
from doorward.entrypoints.console.app import app
from doorward.model.ids import PolicyId, SessionId, UserId
from doorward.model.snapshot import change
from tests.fakes.office import CONSOLE, NOON, Office, office
from tests.fakes.proofing import VERIFIER_ROLE, an_evidence

API = "/api/v1/proofing/cases/idc_0001"
OWN_PAGE = {"sec-fetch-site": "same-origin"}
BOB = UserId("bob")
FOUND = {"given_name": "David", "family_name": "Dunn", "birthdate": "1990-02-03"}


@pytest.fixture
async def company() -> Office:
    """Bob decided the case of dave, which waits for alice, whose passkey is fresh."""
    made = await office()
    snapshot = made.control.live.current
    fresh = msgspec.structs.replace(snapshot.sessions["ses_alice"], authenticated_at=NOON - 60)
    bob = msgspec.structs.replace(snapshot.users["bob"], roles=(VERIFIER_ROLE,))
    claims = Claims(given_name="David", family_name="Dunn", birthdate=date(1990, 2, 3))
    async with made.store.transaction() as transaction:
        await transaction.snapshot.publish([change("session", fresh), change("user", bob)])
        await transaction.identity.contacts.put(
            Contact(user=UserId("dave"), value="dave@example.test", verified_at=NOON)
        )
        await transaction.identity.trainings.put(
            Training(user=BOB, trained_at=NOON, expires_at=NOON + 9000.0, recorded_by="operator")
        )
        case = await transaction.identity.cases.get("idc_0001")
        assert case is not None
        waiting = msgspec.structs.replace(
            case,
            verifier=BOB,
            evidence=(an_evidence(),),
            attributes="source",
            attribute_source="Road office",
            proposal=Proposal(by=BOB, at=NOON, ial=1, claims=claims),
        )
        await transaction.identity.cases.put(waiting)
    return made


@pytest.fixture
async def client(company: Office) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(company.console())
    async with httpx.AsyncClient(transport=transport, base_url=CONSOLE) as made:
        yield made


async def test_a_second_verifier_sees_whom_they_confirm(
    company: Office, client: httpx.AsyncClient
) -> None:
    case = (await client.get(API, headers=company.headers())).json()
    assert (case["subject"], case["name"], case["email"]) == (
        "dave",
        company.control.live.current.users["dave"].name,
        "dave@example.test",
    )
    assert case["proposal"]["claims"] == FOUND
    company.control.secrets.id("idv")  # the office's own verification has the first number
    answer = await client.post(f"{API}/confirm", headers={**company.headers(), **OWN_PAGE})
    assert answer.status_code == 200, answer.text
    verified = answer.json()["verification"]
    assert (verified["user"], verified["second_verifier"]) == ("dave", "alice")
    assert verified["verified_claims"]["claims"] == FOUND, "what was shown is what was recorded"


async def _untrained(company: Office) -> None:
    async with company.store.transaction() as transaction:
        await transaction.identity.trainings.remove(UserId("alice"))


async def _without_role(company: Office) -> None:
    alice = company.control.live.current.users["alice"]
    async with company.store.transaction() as transaction:
        await transaction.snapshot.publish(
            [change("user", msgspec.structs.replace(alice, roles=()))]
        )


async def _stale(company: Office) -> None:
    company.now = NOON + 900


async def _by_password(company: Office) -> None:
    session = company.control.live.current.sessions[SessionId("ses_alice")]
    weak = msgspec.structs.replace(session, phishing_resistant=False)
    async with company.store.transaction() as transaction:
        await transaction.snapshot.publish([change("session", weak)])


async def _read_only(company: Office) -> None:
    policy = company.control.live.current.policies[PolicyId("console-for-alice")]
    text = (
        '@id("console-for-alice")\npermit(principal == User::"alice", action == Action::"read", '
        'resource == Resource::"console");'
    )
    async with company.store.transaction() as transaction:
        await transaction.snapshot.publish(
            [change("policy", msgspec.structs.replace(policy, text=text))]
        )


async def _own_case(company: Office) -> None:
    await _changed(company, subject=UserId("alice"))


async def _changed(company: Office, **fields: object) -> None:
    async with company.store.transaction() as transaction:
        case = await transaction.identity.cases.get("idc_0001")
        assert isinstance(case, Case)
        await transaction.identity.cases.put(msgspec.structs.replace(case, **fields))


UNFIT: dict[str, Callable[[Office], Awaitable[None]]] = {
    "whose training is not recorded": _untrained,
    "without the role": _without_role,
    "whose passkey was used long ago": _stale,
    "who signed in with a password": _by_password,
    "who may only read": _read_only,
    "whose own case it is": _own_case,
}


@pytest.mark.parametrize("who", UNFIT)
async def test_whoever_may_not_decide_it_sees_no_claims(
    company: Office, client: httpx.AsyncClient, who: str
) -> None:
    await UNFIT[who](company)
    answer = await client.get(API, headers=company.headers())
    assert answer.status_code == 200, answer.text
    assert answer.json()["proposal"] == {
        "by": "bob",
        "at": "2026-11-23T12:00:00Z",
        "ial": 1,
        "claims": None,
    }
    assert "David" not in answer.text


async def test_a_list_and_a_machine_see_no_claims(
    company: Office, client: httpx.AsyncClient
) -> None:
    listed = await client.get("/api/v1/proofing/cases", headers=company.headers())
    assert [case["proposal"]["claims"] for case in listed.json() if case["proposal"]] == [None]
    service = company.headers(sub="service:reports", sid="")
    socket = httpx.ASGITransport(app(company.context(OperatorSocket())))
    async with httpx.AsyncClient(transport=socket, base_url=CONSOLE) as operator:
        for answer in (await operator.get(API), await client.get(API, headers=service)):
            assert answer.status_code == 200, answer.text
            assert answer.json()["proposal"]["claims"] is None
            assert "David" not in answer.text
