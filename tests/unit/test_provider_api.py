"""Providers in the API and the console: what is found, what is linked, and no secret."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from doorward.administrator.ports import AuditEntry
from doorward.entrypoints.actors import OperatorSocket
from doorward.entrypoints.api.app import app as api
from doorward.model.ids import UserId
from tests.fakes.office import CONSOLE, NOON, Office, office
from tests.fakes.provider import WORK_ISSUER, OidcProvider, Providers

SECRET = "a secret that nobody reads"


@pytest.fixture
def work() -> OidcProvider:
    return OidcProvider(WORK_ISSUER, lambda: NOON)


@pytest.fixture
async def company(work: OidcProvider) -> Office:
    return await office(Providers(work))


@pytest.fixture
async def operator(company: Office) -> AsyncIterator[httpx.AsyncClient]:
    application = api(company.context(OperatorSocket()))
    transport = httpx.ASGITransport(app=application)
    async with httpx.AsyncClient(transport=transport, base_url="http://doorward/api/v1") as client:
        yield client


@pytest.fixture
async def browser(company: Office) -> AsyncIterator[httpx.AsyncClient]:
    application = company.console()
    headers = {**company.headers(), "sec-fetch-site": "same-origin"}
    transport = httpx.ASGITransport(app=application)
    async with httpx.AsyncClient(transport=transport, base_url=CONSOLE, headers=headers) as client:
        yield client


async def test_a_provider_is_listed_before_it_was_asked(
    operator: httpx.AsyncClient, work: OidcProvider
) -> None:
    (view,) = (await operator.get("/providers")).json()
    assert view["id"] == "work"
    assert view["ok"] is None
    assert view["secret_set"] is False
    assert view["callback_urls"] == [
        "http://auth.doorward.localhost:8080/federation/work/callback",
        "https://auth.doorward.localhost:8081/federation/work/callback",
    ]
    assert view["logout_url"] == "https://auth.doorward.localhost:8081/federation/work/logout"
    assert work.asked == []


async def test_a_check_says_what_was_found(operator: httpx.AsyncClient, work: OidcProvider) -> None:
    work.skew = 30.0
    view = (await operator.post("/providers/work/check")).json()
    assert (view["ok"], view["problems"], view["clock_skew_seconds"]) == (True, [], 30.0)
    assert view["remarks"] == ["It signs with ES256."]
    work.document = {
        "code_challenge_methods_supported": None,
        "authorization_response_iss_parameter_supported": None,
        "backchannel_logout_supported": None,
    }
    assert len((await operator.post("/providers/work/check")).json()["remarks"]) == 4


async def test_a_check_says_what_is_wrong(operator: httpx.AsyncClient, work: OidcProvider) -> None:
    work.skew = -90.0
    view = (await operator.post("/providers/work/check")).json()
    assert (view["ok"], view["problems"]) == (False, ["Its clock and ours differ by 90 s."])
    work.document = {"issuer": "https://evil.example"}
    view = (await operator.post("/providers/work/check")).json()
    assert "another issuer" in view["problems"][0]
    work.down = True
    view = (await operator.post("/providers/work/check")).json()
    assert view["problems"][0] == "login.work.example does not answer."
    (listed,) = (await operator.get("/providers")).json()
    assert listed["ok"] is False


async def test_a_secret_is_set_and_never_answered(
    operator: httpx.AsyncClient, company: Office
) -> None:
    answer = await operator.put("/providers/work/secret", json={"secret": SECRET})
    assert answer.json() == {"secret_set": True}
    assert SECRET not in (await operator.get("/providers")).text
    assert SECRET not in repr(company.store.content())
    wrong = await operator.put("/providers/work/secret", json={"secret": f"{SECRET}\n"})
    assert wrong.status_code == 400
    assert SECRET not in wrong.text
    longer = await operator.put("/providers/work/secret", json={"secret": SECRET * 100})
    assert longer.status_code == 400
    assert SECRET not in longer.text
    answer = await operator.put("/providers/work/secret", json={"secret": ""})
    assert answer.json() == {"secret_set": False}


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/providers/nobody/check"), ("PUT", "/providers/nobody/secret")],
)
async def test_a_provider_of_nobody_is_not_found(
    operator: httpx.AsyncClient, method: str, path: str
) -> None:
    body = {"secret": "x"} if method == "PUT" else None
    answer = await operator.request(method, path, json=body)
    assert answer.status_code == 404
    assert answer.json()["code"] == "provider-unknown"


async def test_links_are_listed_and_taken_away(operator: httpx.AsyncClient) -> None:
    (link,) = (await operator.get("/users/bob/links")).json()
    assert (link["provider"], link["subject"], link["email"]) == (
        "work",
        "s-bob",
        "bob@work.example",
    )
    assert (await operator.get("/users/alice/links")).json() == []
    assert (await operator.delete("/users/bob/links/work")).json()["enforced"]
    assert (await operator.get("/users/bob/links")).json() == []
    again = await operator.delete("/users/bob/links/work")
    assert (again.status_code, again.json()["code"]) == (404, "identity-unknown")


async def test_the_console_shows_a_check_and_what_is_wrong(
    browser: httpx.AsyncClient, work: OidcProvider
) -> None:
    assert "Not asked yet" in (await browser.get("/providers")).text
    checked = await browser.post("/providers/work/check")
    assert checked.headers["location"] == "/providers#work"
    assert "agrees with ours" in (await browser.get("/providers")).text
    work.down = True
    await browser.post("/providers/work/check")
    page = await browser.get("/providers")
    assert "Not well" in page.text
    assert "login.work.example does not answer." in page.text


async def test_the_console_shows_and_removes_a_link(
    browser: httpx.AsyncClient, company: Office
) -> None:
    assert "bob@work.example" in (await browser.get("/people/bob")).text
    answer = await browser.post("/people/bob/links/work/remove")
    assert answer.headers["location"] == "/people/bob?done=account-unlinked"
    async with company.store.transaction() as transaction:
        assert await transaction.federation.identities(UserId("bob")) == []
    entry = (await latest(company))[0]
    assert (entry.act, entry.actor, entry.target) == (
        "identity-unlinked",
        "user:alice",
        "user:bob",
    )


async def latest(company: Office) -> list[AuditEntry]:
    async with company.store.transaction() as transaction:
        return list(await transaction.audit.latest(5))
