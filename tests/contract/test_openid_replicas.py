"""Two control processes on one store: what works once works once in both together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest

from doorward.adapters.live_snapshot import StoreReplica
from doorward.adapters.openid.jose import JoseTokenSigner
from doorward.adapters.sealer import AesGcmSealer
from doorward.adapters.secrets import SystemSecrets
from doorward.adapters.store.store import open_store
from doorward.adapters.throttle import SlidingWindowThrottle
from doorward.administrator.control_plane import Act
from doorward.administrator.openid.authorize import CodeIssued, authorize
from doorward.administrator.openid.decisions import Origin
from doorward.administrator.openid.exchange_code import exchange_code
from doorward.administrator.openid.provider import Provider
from doorward.administrator.openid.refresh import refresh_tokens
from doorward.administrator.openid.signing_keys import ALGORITHMS, keep_keys
from doorward.administrator.openid.tell_clients import Teller
from doorward.administrator.openid.tokens import Tokens
from doorward.administrator.openid.use_token import userinfo
from doorward.administrator.ports import Store
from doorward.administrator.revoke_session import revoke_session
from doorward.model.estate import Label, User
from doorward.model.identity import Session
from doorward.model.ids import LabelId, SessionId
from doorward.model.snapshot import change
from doorward.protocol.openid.authorization import AuthorizationRequest
from doorward.protocol.openid.claims import code_challenge
from doorward.protocol.openid.errors import OpenidRefusedError
from tests.fakes.openid import KeptLogouts
from tests.fakes.openid_desk import CALLBACK, VERIFIER, client, declared
from tests.fakes.sign_in import ALICE, AUTH, NOON
from tests.fakes.store import MemoryStore, control_plane

pytestmark = pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
"""A file of SQLite is one process's own."""

SESSION = Session(
    id=SessionId("ses_alice"),
    user=ALICE,
    started_at=NOON,
    expires_at=NOON + 3600,
    authenticated_at=NOON,
    methods=("passkey",),
    phishing_resistant=True,
    multi_factor=True,
    aal=2,
    address="192.0.2.1",
)
REQUEST = AuthorizationRequest(
    client=client("wiki").id,
    redirect_uri=CALLBACK,
    scopes=("openid", "offline_access"),
    challenge=code_challenge(VERIFIER),
)


class Process:
    """One control process: its own replica of the store, and its own opened keys."""

    def __init__(self, store: Store) -> None:
        self.replica = StoreReplica(store)
        control = replace(
            control_plane(MemoryStore()), store=store, live=self.replica, secrets=SystemSecrets()
        )
        self.logouts = KeptLogouts()
        self.provider = Provider(
            control=control,
            signer=JoseTokenSigner(AesGcmSealer(bytes(32))),
            logouts=self.logouts,
            throttle=SlidingWindowThrottle({}),
            issuer=AUTH,
            session_seconds=3600,
            country=lambda _address: None,
        )
        self.teller = Teller(self.provider)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.replica.run())
        try:
            async with asyncio.timeout(5):
                await self.replica.reached(1)
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def code(self) -> str:
        origin = Origin("192.0.2.1", None, "GET", "/openid/authorize")
        outcome = await authorize(
            self.provider, REQUEST, client("wiki"), SESSION, origin, asked_at=NOON, now=NOON
        )
        assert isinstance(outcome, CodeIssued)
        return outcome.code

    async def exchange(self, code: str) -> Tokens:
        return await exchange_code(
            self.provider,
            client("wiki"),
            code=code,
            redirect_uri=CALLBACK,
            verifier=VERIFIER,
            now=NOON + 1,
        )

    async def refresh(self, token: str) -> Tokens:
        return await refresh_tokens(
            self.provider, client("wiki"), refresh=token, scope="", now=NOON + 2
        )


@pytest.fixture
async def pair(store_url: str) -> AsyncIterator[list[Process]]:
    stores = [open_store(store_url, poll_seconds=0.05) for _ in range(2)]
    async with stores[0].transaction() as transaction:
        await transaction.snapshot.publish(
            [
                change("user", User(id=ALICE, name="Alice", email="alice@example.test")),
                change("label", Label(id=LabelId("internal"), name="Internal", sensitivity=20)),
                *declared(),
                change("session", SESSION),
            ]
        )
    processes = [Process(store) for store in stores]
    async with processes[0].running(), processes[1].running():
        await asyncio.gather(*(keep_keys(item.provider, NOON) for item in processes))
        yield processes
    for store in stores:
        await store.close()


async def at_once(*asked: Awaitable[Tokens]) -> list[Tokens]:
    """What was given of several requests at once; the others were refused."""
    found = await asyncio.gather(*asked, return_exceptions=True)
    given = [item for item in found if isinstance(item, Tokens)]
    refused = [item for item in found if isinstance(item, OpenidRefusedError)]
    assert {item.error for item in refused} <= {"invalid_grant"}
    assert len(given) + len(refused) == len(found), found
    return given


async def test_both_agree_on_one_key_of_each_algorithm(pair: list[Process]) -> None:
    async with pair[1].provider.control.store.transaction() as transaction:
        keys = await transaction.openid.keys.all()
    assert sorted(key.algorithm for key in keys) == sorted(ALGORITHMS)


async def test_a_code_at_both_at_once_is_used_once_and_what_it_gave_ends(
    pair: list[Process],
) -> None:
    here, there = pair
    code = await here.code()
    given = await at_once(here.exchange(code), there.exchange(code))
    assert len(given) == 1
    for process in pair:
        with pytest.raises(OpenidRefusedError, match="access token"):
            await userinfo(process.provider, given[0].access, NOON + 2)


async def test_a_refresh_token_at_both_at_once_works_once_and_ends_its_grant(
    pair: list[Process],
) -> None:
    here, there = pair
    first = await here.exchange(await there.code())
    assert (await userinfo(there.provider, first.access, NOON + 2))["sub"] == ALICE
    given = await at_once(here.refresh(first.refresh), there.refresh(first.refresh))
    assert len(given) == 1
    assert await at_once(here.refresh(given[0].refresh), there.refresh(given[0].refresh)) == []
    async with here.provider.control.store.transaction() as transaction:
        entries = await transaction.audit.latest(20)
    assert [entry.act for entry in entries].count("refresh-token-reused") == 1


async def test_a_session_that_one_ends_gives_no_tokens_at_the_other(pair: list[Process]) -> None:
    here, there = pair
    code, other = await here.code(), await here.code()
    tokens = await there.exchange(other)
    await revoke_session(here.provider.control, Act("operator", NOON + 1), SESSION.id, "gone")
    assert await at_once(there.exchange(code), there.refresh(tokens.refresh)) == []
    told = await asyncio.gather(*(process.teller.tell(NOON + 2) for process in pair))
    assert sorted(told) == [0, 1]
