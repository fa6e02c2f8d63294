"""What the OpenID Provider keeps, in memory, and the outside that it speaks to.

`MemoryOpenid` is the state; `OpenidInMemory` is port `OpenidTables` on it. `KeptLogouts` is port
`LogoutSender` that keeps what it is given, or fails while `broken`. `signer()` makes tokens for
real, with keys that are made once for all tests: RSA takes its time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

import msgspec

from doorward.adapters.openid.jose import JoseTokenSigner
from doorward.adapters.sealer import AesGcmSealer
from doorward.administrator.openid_ports import (
    ClientSecret,
    ClientSession,
    Grant,
    SigningKey,
    Token,
)
from doorward.errors import DoorwardError
from doorward.model.estate import SigningAlgorithm
from doorward.model.ids import ClientId, SessionId, UnixSeconds
from doorward.model.snapshot import Snapshot


@dataclass
class MemoryOpenid:
    grants: dict[str, Grant] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    sessions: dict[str, ClientSession] = field(default_factory=dict)
    keys: dict[str, SigningKey] = field(default_factory=dict)
    secrets: dict[str, ClientSecret] = field(default_factory=dict)

    def __copy__(self) -> MemoryOpenid:
        return replace(
            self,
            grants=dict(self.grants),
            tokens=dict(self.tokens),
            sessions=dict(self.sessions),
            keys=dict(self.keys),
            secrets=dict(self.secrets),
        )


class OpenidInMemory:
    def __init__(self, state: MemoryOpenid, snapshot: Callable[[], Snapshot]) -> None:
        self.grants = _Grants(state)
        self.sessions = _Sessions(state, snapshot)
        self.keys = _Keys(state)
        self.secrets = _Secrets(state)


class _Grants:
    def __init__(self, state: MemoryOpenid) -> None:
        self._state = state

    async def put(self, grant: Grant) -> None:
        self._state.grants[grant.id] = grant

    async def get(self, grant_id: str) -> Grant | None:
        return self._state.grants.get(grant_id)

    async def of(self, sid: str) -> Sequence[Grant]:
        own = [grant for grant in self._state.grants.values() if grant.sid == sid]
        return sorted(own, key=lambda grant: (grant.created_at, grant.id))

    async def remove(self, grant_ids: Collection[str]) -> None:
        for grant_id in grant_ids:
            self._state.grants.pop(grant_id, None)
        tokens = self._state.tokens
        for gone in [key for key, token in tokens.items() if token.grant in grant_ids]:
            del tokens[gone]

    async def put_token(self, token: Token) -> None:
        self._state.tokens[token.hash] = token

    async def token(self, token_hash: str) -> Token | None:
        return self._state.tokens.get(token_hash)

    async def sweep(self, now: UnixSeconds) -> None:
        tokens = self._state.tokens
        for gone in [key for key, token in tokens.items() if token.expires_at <= now]:
            del tokens[gone]
        left = {token.grant for token in tokens.values()}
        for gone in [key for key in self._state.grants if key not in left]:
            del self._state.grants[gone]


class _Sessions:
    def __init__(self, state: MemoryOpenid, snapshot: Callable[[], Snapshot]) -> None:
        self._items = state.sessions
        self._snapshot = snapshot

    async def put(self, item: ClientSession) -> None:
        self._items[item.sid] = item

    async def get(self, sid: str) -> ClientSession | None:
        return self._items.get(sid)

    async def newest(self, session: SessionId, client: ClientId) -> ClientSession | None:
        found = [i for i in self._newest() if (i.session, i.client) == (session, client)]
        return min(found, key=lambda item: item.ended_at is not None, default=None)

    async def all(self) -> Sequence[ClientSession]:
        return self._newest()

    async def orphaned(self) -> Sequence[ClientSession]:
        live = self._snapshot().sessions
        return [i for i in self._newest() if i.ended_at is None and i.session not in live]

    async def due(
        self, now: UnixSeconds, limit: int, besides: Collection[ClientId] = ()
    ) -> Sequence[ClientSession]:
        ended = [i for i in self._items.values() if i.ended_at is not None]
        due = [i for i in ended if i.due_at <= now and i.client not in besides]
        return sorted(due, key=lambda item: (item.due_at, item.sid))[:limit]

    async def remove(self, sid: str) -> None:
        self._items.pop(sid, None)

    def _newest(self) -> list[ClientSession]:
        return sorted(self._items.values(), key=lambda i: (i.since, i.sid), reverse=True)


class _Keys:
    def __init__(self, state: MemoryOpenid) -> None:
        self._keys = state.keys

    async def all(self) -> Sequence[SigningKey]:
        return sorted(self._keys.values(), key=lambda key: (key.active_from, key.id))

    async def put(self, key: SigningKey) -> None:
        self._keys[key.id] = key

    async def remove(self, key_id: str) -> None:
        self._keys.pop(key_id, None)


class _Secrets:
    def __init__(self, state: MemoryOpenid) -> None:
        self._secrets = state.secrets

    async def all(self) -> Sequence[ClientSecret]:
        return sorted(self._secrets.values(), key=lambda item: (item.created_at, item.hash))

    async def of(self, client: ClientId, now: UnixSeconds) -> Sequence[ClientSecret]:
        return [
            item
            for item in await self.all()
            if item.client == client and (item.expires_at is None or item.expires_at > now)
        ]

    async def put(self, secret: ClientSecret) -> None:
        self._secrets[secret.hash] = secret

    async def remove(self, client: ClientId) -> None:
        for key in [key for key, item in self._secrets.items() if item.client == client]:
            del self._secrets[key]


class KeptLogouts:
    """Port `LogoutSender` that keeps what it is given; `broken` refuses it."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.attempts = 0
        self.broken = False

    async def send(self, uri: str, logout_token: str) -> None:
        self.attempts += 1
        if self.broken:
            raise DoorwardError("logout-undelivered", "The application answered 500.")
        self.sent.append((uri, logout_token))


class QuickSigner(JoseTokenSigner):
    """Port `TokenSigner` that makes few keys: those of one algorithm come round again."""

    def __init__(self) -> None:
        super().__init__(_SEALER)
        self._made: dict[str, int] = {}

    def generate(
        self, algorithm: SigningAlgorithm, now: UnixSeconds, active_from: UnixSeconds
    ) -> SigningKey:
        number = self._made[algorithm] = self._made.get(algorithm, -1) + 1
        key = _key(algorithm, number)
        return msgspec.structs.replace(key, created_at=now, active_from=active_from)


_SEALER = AesGcmSealer(bytes(32))


@cache
def _key(algorithm: SigningAlgorithm, number: int) -> SigningKey:
    del number
    return JoseTokenSigner(_SEALER).generate(algorithm, 0.0, 0.0)
