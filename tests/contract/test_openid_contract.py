"""What the OpenID Provider keeps, the same on SQLite, PostgreSQL and the fake."""

from __future__ import annotations

import msgspec
import pytest

from doorward.administrator.openid_ports import (
    Authorization,
    ClientSecret,
    ClientSession,
    Grant,
    SigningKey,
    Token,
)
from doorward.administrator.ports import Store
from doorward.model.identity import Session
from doorward.model.ids import ClientId, SessionId, UserId
from doorward.model.snapshot import change, removal
from tests.fakes.certificates import certificate

WIKI = ClientId("wiki")
SESSION = SessionId("ses_1")
AUTHORIZATION = Authorization(
    client=WIKI,
    user=UserId("alice"),
    session=SESSION,
    scopes=("openid", "email"),
    address="192.0.2.1",
    certificate=certificate("laptop"),
    auth_time=17,
    acr="urn:doorward:aal:2",
    amr=("pwd", "otp"),
)
KEY = SigningKey(
    id="k1",
    algorithm="RS256",
    public={"kty": "RSA", "n": "ä"},
    sealed=b"\x00\xff",
    created_at=1.5,
    active_from=2.5,
)


def grant(name: str, sid: str = "sid_1", at: float = 1.0) -> Grant:
    return Grant(id=name, sid=sid, authorization=AUTHORIZATION, created_at=at)


def token(name: str, of: str, expires_at: float = 100.0) -> Token:
    return Token(hash=name, grant=of, kind="refresh", issued_at=1.0, expires_at=expires_at)


def sign_in(sid: str, session: SessionId = SESSION, since: float = 1.0) -> ClientSession:
    return ClientSession(sid=sid, client=WIKI, session=session, user=UserId("alice"), since=since)


async def test_grants_are_kept_whole_and_removed_with_their_tokens(store: Store) -> None:
    async with store.transaction() as transaction:
        table = transaction.openid.grants
        await table.put(grant("b", at=2.0))
        await table.put(grant("a", at=1.0))
        await table.put(grant("c", sid="sid_2"))
        await table.put(grant("a", at=1.5))
        for name, of in (("t1", "a"), ("t2", "a"), ("t3", "b")):
            await table.put_token(token(name, of))
    async with store.transaction() as transaction:
        table = transaction.openid.grants
        assert await table.get("a") == grant("a", at=1.5)
        assert await table.of("sid_1") == [grant("a", at=1.5), grant("b", at=2.0)]
        await table.remove(["a", "unknown"])
        await table.remove([])
    async with store.transaction() as transaction:
        table = transaction.openid.grants
        assert await table.get("a") is None
        assert await table.token("t1") is None
        assert await table.token("t3") == token("t3", "b")


async def test_a_used_token_stays_with_its_moment(store: Store) -> None:
    async with store.transaction() as transaction:
        table = transaction.openid.grants
        await table.put(grant("a"))
        await table.put_token(token("t", "a"))
        used = msgspec.structs.replace(token("t", "a"), used_at=7.25)
        await table.put_token(used)
        assert await table.token("t") == used
        assert await table.token("unknown") is None


async def test_sweeping_takes_expired_tokens_and_grants_without_any(store: Store) -> None:
    async with store.transaction() as transaction:
        table = transaction.openid.grants
        for name, ends in (("a", 10.0), ("b", 11.0)):
            await table.put(grant(name))
            await table.put_token(token(f"t-{name}", name, ends))
        await table.put_token(token("t-b2", "b", 5.0))
        await table.sweep(10.0)
    async with store.transaction() as transaction:
        table = transaction.openid.grants
        assert await table.get("a") is None
        assert await table.get("b") == grant("b")
        assert await table.token("t-b2") is None
        assert await table.token("t-b") is not None


async def test_sign_ins_to_clients(store: Store) -> None:
    first, second = sign_in("s1", since=1.0), sign_in("s2", SessionId("ses_2"), since=2.0)
    async with store.transaction() as transaction:
        table = transaction.openid.sessions
        await table.put(first)
        await table.put(second)
    async with store.transaction() as transaction:
        table = transaction.openid.sessions
        assert await table.all() == [second, first]
        assert await table.newest(SESSION, WIKI) == first
        assert await table.newest(SESSION, ClientId("other")) is None
        ended = msgspec.structs.replace(first, ended_at=5.0, due_at=5.0, attempts=2)
        await table.put(ended)
        assert await table.get("s1") == ended
        assert await table.newest(SESSION, WIKI) == ended
        later = sign_in("s3", since=0.5)
        await table.put(later)
        assert await table.newest(SESSION, WIKI) == later
        await table.remove("s3")
        await table.remove("s1")
        assert await table.newest(SESSION, WIKI) is None
        assert await table.get("s1") is None


async def test_a_sign_in_whose_session_is_gone_is_an_orphan(store: Store) -> None:
    session = Session(
        id=SESSION,
        user=UserId("alice"),
        started_at=1.0,
        expires_at=100.0,
        authenticated_at=1.0,
        methods=("passkey",),
        phishing_resistant=True,
        multi_factor=True,
        address="192.0.2.1",
    )
    async with store.transaction() as transaction:
        await transaction.snapshot.publish([change("session", session)])
        table = transaction.openid.sessions
        await table.put(sign_in("s1"))
        await table.put(sign_in("s2", SessionId("ses_2")))
        told = msgspec.structs.replace(sign_in("s3", SessionId("ses_3")), ended_at=1.0)
        await table.put(told)
        assert [item.sid for item in await table.orphaned()] == ["s2"]
    async with store.transaction() as transaction:
        await transaction.snapshot.publish([removal("session", SESSION)])
        orphans = await transaction.openid.sessions.orphaned()
        assert {item.sid for item in orphans} == {"s1", "s2"}


async def test_what_is_due_is_found_in_order(store: Store) -> None:
    async with store.transaction() as transaction:
        table = transaction.openid.sessions
        for sid, due in (("a", 3.0), ("b", 1.0), ("c", 2.0), ("d", 9.0)):
            await table.put(msgspec.structs.replace(sign_in(sid), ended_at=1.0, due_at=due))
        await table.put(sign_in("e"))
        assert [item.sid for item in await table.due(3.0, 10)] == ["b", "c", "a"]
        assert [item.sid for item in await table.due(3.0, 2)] == ["b", "c"]
        assert await table.due(0.5, 10) == []
        assert await table.due(3.0, 10, besides=[WIKI]) == []
        assert len(await table.due(3.0, 10, besides=[ClientId("other")])) == 3


async def test_signing_keys_are_in_the_order_of_their_use(store: Store) -> None:
    earlier = msgspec.structs.replace(KEY, id="k0", active_from=1.0, algorithm="ES256")
    async with store.transaction() as transaction:
        await transaction.openid.keys.put(KEY)
        await transaction.openid.keys.put(earlier)
    async with store.transaction() as transaction:
        assert await transaction.openid.keys.all() == [earlier, KEY]
        await transaction.openid.keys.remove("k0")
        assert await transaction.openid.keys.all() == [KEY]


async def test_a_client_s_secrets_hold_until_they_end(store: Store) -> None:
    lasting = ClientSecret(client=WIKI, hash="a", created_at=2.0)
    ending = ClientSecret(client=WIKI, hash="b", created_at=1.0, expires_at=10.0)
    other = ClientSecret(client=ClientId("other"), hash="c", created_at=3.0)
    async with store.transaction() as transaction:
        table = transaction.openid.secrets
        for secret in (lasting, ending, other):
            await table.put(secret)
    async with store.transaction() as transaction:
        table = transaction.openid.secrets
        assert await table.of(WIKI, 9.0) == [ending, lasting]
        assert await table.of(WIKI, 10.0) == [lasting]
        assert await table.all() == [ending, lasting, other]
        await table.remove(WIKI)
        assert await table.all() == [other]


async def test_an_exception_leaves_nothing_of_the_provider(store: Store) -> None:
    async def fail() -> None:
        async with store.transaction() as transaction:
            await transaction.openid.keys.put(KEY)
            await transaction.openid.grants.put(grant("a"))
            await transaction.openid.sessions.put(sign_in("s"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with store.transaction() as transaction:
        assert await transaction.openid.keys.all() == []
        assert await transaction.openid.grants.get("a") is None
        assert await transaction.openid.sessions.all() == []
