"""doorward as relying party of a real, certified provider that is not ours."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
import pytest

from doorward.adapters.clock import now
from doorward.adapters.federation.http import HttpxProviderHttp
from doorward.administrator.control_plane import Act
from doorward.administrator.federation.back_channel_logout import log_out
from doorward.administrator.federation.provider_secret import set_provider_secret
from doorward.administrator.federation_table import FederatedIdentity
from doorward.errors import DoorwardError
from doorward.model.estate import AssuranceRow, Group, IdentityProvider, ProviderGroup
from doorward.model.ids import GroupId, ProviderId, UserId
from doorward.model.snapshot import change
from tests.fakes.sign_in import AUTH, Desk, desk
from tests.integration.real_provider import CLIENT_ID, CLIENT_SECRET, RealProvider, running

CALLBACK = f"{AUTH}/federation/work/callback"


@pytest.fixture(scope="module")
def provider() -> Iterator[RealProvider]:
    with running([CALLBACK], f"{AUTH}/federation/work/logout") as real:
        yield real


@dataclass
class Stand:
    desk: Desk
    provider: RealProvider
    document: IdentityProvider
    browser: httpx.AsyncClient
    elsewhere: httpx.AsyncClient

    async def declare(self, **changed: object) -> None:
        self.document = msgspec.structs.replace(self.document, **changed)
        async with self.desk.store.transaction() as transaction:
            await transaction.snapshot.publish([change("provider", self.document)])

    async def link(self, user: str, subject: str) -> None:
        async with self.desk.store.transaction() as transaction:
            await transaction.federation.put(
                FederatedIdentity(
                    provider=ProviderId("work"),
                    issuer=self.document.issuer,
                    subject=subject,
                    user=UserId(user),
                    linked_at=now(),
                    last_used_at=now(),
                )
            )

    async def location(self, **fields: str) -> str:
        """The address at the provider that the page leads to."""
        await self.browser.get("/sign-in")
        page = await self.browser.post(
            "/federation/work/start", data=fields, headers={"origin": AUTH}
        )
        found = re.search(r'<a class="button" href="([^"]*)"', page.text)
        assert found, page.text
        return found[1].replace("&amp;", "&")

    async def at_provider(self, location: str, name: str) -> str:
        """The person signs in there; the address that the browser is sent back to."""
        answer = await self.elsewhere.get(location)
        if "/interaction/" in answer.headers["location"]:
            form = await self.elsewhere.get(answer.headers["location"])
            assert "Sign in at the provider" in form.text
            data = {"cancel": "1"} if name == "cancel" else {"name": name}
            answer = await self.elsewhere.post(answer.headers["location"], data=data)
            answer = await self.elsewhere.get(answer.headers["location"])
        back: str = answer.headers["location"]
        assert back.startswith(CALLBACK)
        return back

    async def sign_in(self, name: str = "alice", **fields: str) -> httpx.Response:
        return await self.browser.get(await self.at_provider(await self.location(**fields), name))


@asynccontextmanager
async def stand_at(provider: RealProvider) -> AsyncIterator[Stand]:
    office = await desk(HttpxProviderHttp())
    office.now = now()
    document = IdentityProvider(
        id=ProviderId("work"),
        name="Work",
        issuer=provider.issuer,
        client_id=CLIENT_ID,
        scopes=("openid", "email", "groups"),
        groups_claim="groups",
        groups=(ProviderGroup(value="Finance", group=GroupId("finance")),),
        acr=(AssuranceRow(value="phr", aal=2, phishing_resistant=True),),
    )
    async with office.store.transaction() as transaction:
        await transaction.snapshot.publish(
            [
                change("provider", document),
                change("group", Group(id=GroupId("finance"), name="Finance")),
            ]
        )
    await set_provider_secret(office.federation, Act("operator", office.now), "work", CLIENT_SECRET)
    outside = httpx.AsyncClient(base_url=provider.issuer, trust_env=False)
    async with office.client() as browser, outside as elsewhere:
        yield Stand(office, provider, document, browser, elsewhere)


@pytest.fixture
async def stand(provider: RealProvider) -> AsyncIterator[Stand]:
    async with stand_at(provider) as ready:
        yield ready


async def test_discovery_finds_what_the_provider_is(stand: Stand) -> None:
    state = await stand.desk.federation.directory.check(stand.document, now())
    assert state.error is None
    assert state.metadata is not None
    assert "ES256" in state.metadata.algorithms
    assert state.metadata.authorization_response_iss_parameter_supported
    assert state.metadata.backchannel_logout_supported
    assert state.metadata.code_challenge_methods_supported == ("S256",)
    assert state.skew_seconds is not None
    assert abs(state.skew_seconds) < 5


async def test_a_person_signs_in_with_groups_and_assurance(stand: Stand) -> None:
    await stand.link("alice", "alice")
    back = await stand.sign_in()
    assert (back.status_code, back.headers["location"]) == (303, "/"), back.text
    snapshot = stand.desk.control.live.current
    (session,) = snapshot.sessions.values()
    assert (session.user, session.methods, session.aal) == ("alice", ("federated",), 2)
    assert session.phishing_resistant
    assert session.provider_session
    assert abs(session.authenticated_at - now()) < 30
    assert snapshot.standings["alice"].groups == ("finance",)


async def test_an_address_is_believed_where_it_is_verified(stand: Stand) -> None:
    await stand.declare(match="email", domains=("example.com",))
    refused = await stand.sign_in("mallory")
    assert refused.status_code == 403
    assert not stand.desk.control.live.current.sessions
    alice = stand.desk.control.live.current.users["alice"]
    moved = msgspec.structs.replace(alice, email="Alice@example.com")
    async with stand.desk.store.transaction() as transaction:
        await transaction.snapshot.publish([change("user", moved)])
    stand.elsewhere.cookies.clear()
    assert (await stand.sign_in("alice")).headers["location"] == "/"


async def test_the_provider_refuses_a_wrong_verifier_and_a_used_code(stand: Stand) -> None:
    """It is a real one: what doorward relies on, it does."""
    await stand.link("alice", "alice")
    back = await stand.at_provider(await stand.location(), "alice")
    stolen = parse_qs(urlsplit(back).query)["code"][0]
    other = await stand.at_provider(await stand.location(), "alice")
    own = {name: values[0] for name, values in parse_qs(urlsplit(other).query).items()}
    injected = await stand.browser.get(CALLBACK, params={**own, "code": stolen})
    assert injected.status_code == 400
    assert (await stand.desk.audited("sign-in-rejected"))[-1]["why"] == "code-refused-by-provider"
    assert not stand.desk.control.live.current.sessions


async def test_a_step_up_is_a_new_sign_in_there(stand: Stand) -> None:
    await stand.link("alice", "alice")
    await stand.sign_in()
    (before,) = stand.desk.control.live.current.sessions.values()
    location = await stand.location(intent="step-up", need="phishing-resistant")
    answer = await stand.elsewhere.get(location)
    assert "/interaction/" in answer.headers["location"], "the provider asked for no new sign-in"
    stand.elsewhere.cookies.clear()
    location = await stand.location(intent="step-up", need="phishing-resistant")
    back = await stand.browser.get(await stand.at_provider(location, "alice"))
    assert back.headers["location"] == "/"
    (after,) = stand.desk.control.live.current.sessions.values()
    assert after.id == before.id
    assert after.authenticated_at >= before.authenticated_at


async def test_a_person_who_cancels_is_told_so(stand: Stand) -> None:
    back = await stand.sign_in("cancel")
    assert back.status_code == 403
    assert "Work did not sign you in." in back.text


async def test_a_wrong_secret_is_told_so(stand: Stand) -> None:
    act = Act("operator", stand.desk.now)
    await set_provider_secret(stand.desk.federation, act, "work", "wrong")
    await stand.link("alice", "alice")
    back = await stand.sign_in()
    assert back.status_code == 502
    assert "doorward provider secret work" in back.text


async def test_what_is_no_logout_token_of_the_provider_ends_nothing(stand: Stand) -> None:
    await stand.link("alice", "alice")
    await stand.sign_in()
    for token in ("", "a.b.c", "eyJhbGciOiJub25lIn0.e30."):
        with pytest.raises(DoorwardError, match="federation-refused"):
            await log_out(stand.desk.federation, "work", token, address="::1", now=now())
    assert stand.desk.control.live.current.sessions


async def test_a_provider_that_went_down_changes_nothing() -> None:
    async with AsyncExitStack() as stack:
        with running([CALLBACK], f"{AUTH}/federation/work/logout") as short_lived:
            stand = await stack.enter_async_context(stand_at(short_lived))
            await stand.link("alice", "alice")
            back = await stand.at_provider(await stand.location(), "alice")
        before = stand.desk.control.live.current
        answer = await stand.browser.get(back)
        assert answer.status_code == 503
        assert "127.0.0.1 does not answer." in answer.text
        assert stand.desk.control.live.current is before
