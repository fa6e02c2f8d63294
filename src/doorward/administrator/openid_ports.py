"""What the OpenID Provider keeps and needs. Every adapter raises `DoorwardError` only."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal, Protocol

import msgspec

from doorward.model.device import ClientCertificate
from doorward.model.estate import SigningAlgorithm
from doorward.model.ids import ClientId, SessionId, UnixSeconds, UserId
from doorward.protocol.openid.claims import Claims


class Authorization(msgspec.Struct, frozen=True, kw_only=True):
    """A person's sign-in to a client, as it was decided at the authorization endpoint.

    `address` and `certificate` are those of the person's browser: the client's later requests for
    this person are decided on them, also once that certificate has ended. `auth_time`, `acr` and
    `amr` are claims (Core 2).
    """

    client: ClientId
    user: UserId
    session: SessionId
    scopes: tuple[str, ...]
    address: str
    auth_time: int
    acr: str
    amr: tuple[str, ...]
    certificate: ClientCertificate | None = None


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What one authorization code was exchanged for: a family of tokens, which ends as one.

    `sid` names the sign-in to the client (`ClientSession`).
    """

    id: str
    sid: str
    authorization: Authorization
    created_at: UnixSeconds


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A token of a grant; `hash` is the hex SHA-256 of it.

    A refresh token that was used stays, with `used_at`, so that its second use is noticed.
    """

    hash: str
    grant: str
    kind: Literal["access", "refresh"]
    issued_at: UnixSeconds
    expires_at: UnixSeconds
    used_at: UnixSeconds | None = None


class ClientSession(msgspec.Struct, frozen=True, kw_only=True):
    """That a client knows of a session, under a name of its own (`sid`, Core's claim).

    From `ended_at` on the client is to be told; `due_at` is the next attempt, `attempts` how many
    there were.
    """

    sid: str
    client: ClientId
    session: SessionId
    user: UserId
    since: UnixSeconds
    ended_at: UnixSeconds | None = None
    due_at: UnixSeconds = 0.0
    attempts: int = 0


class SigningKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that signs from `active_from` until the next of its algorithm does.

    `public` is its JWK (RFC 7517); `sealed` its private half, sealed by a key outside the store.
    """

    id: str
    algorithm: SigningAlgorithm
    public: dict[str, str]
    sealed: bytes
    created_at: UnixSeconds
    active_from: UnixSeconds


class ClientSecret(msgspec.Struct, frozen=True, kw_only=True):
    """By what a client proves who it is; `hash` is the hex SHA-256 of 256 random bits."""

    client: ClientId
    hash: str
    created_at: UnixSeconds
    expires_at: UnixSeconds | None = None


class GrantTable(Protocol):
    """Grants and their tokens, inside one transaction."""

    async def put(self, grant: Grant) -> None: ...

    async def get(self, grant_id: str) -> Grant | None: ...

    async def of(self, sid: str) -> Sequence[Grant]:
        """The grants of one sign-in to a client, oldest first."""
        ...

    async def remove(self, grant_ids: Collection[str]) -> None:
        """Forget grants, with every token of theirs."""
        ...

    async def put_token(self, token: Token) -> None: ...

    async def token(self, token_hash: str) -> Token | None: ...

    async def sweep(self, now: UnixSeconds) -> None:
        """Forget tokens that have expired, and grants without any."""
        ...


class ClientSessionTable(Protocol):
    """Sign-ins to clients, inside one transaction."""

    async def put(self, item: ClientSession) -> None: ...

    async def get(self, sid: str) -> ClientSession | None: ...

    async def newest(self, session: SessionId, client: ClientId) -> ClientSession | None:
        """The one that has not ended, else the last that did."""
        ...

    async def all(self) -> Sequence[ClientSession]:
        """Every one, the newest first."""
        ...

    async def orphaned(self) -> Sequence[ClientSession]:
        """Those not ended whose session the snapshot of this transaction no longer has."""
        ...

    async def due(
        self, now: UnixSeconds, limit: int, besides: Collection[ClientId] = ()
    ) -> Sequence[ClientSession]:
        """Ended ones whose next attempt is due, the longest due first; none of `besides`."""
        ...

    async def remove(self, sid: str) -> None: ...


class SigningKeyTable(Protocol):
    """The provider's signing keys, inside one transaction."""

    async def all(self) -> Sequence[SigningKey]:
        """Every key, in the order in which they become active."""
        ...

    async def put(self, key: SigningKey) -> None: ...

    async def remove(self, key_id: str) -> None: ...


class ClientSecretTable(Protocol):
    """Clients' secrets, inside one transaction."""

    async def all(self) -> Sequence[ClientSecret]: ...

    async def of(self, client: ClientId, now: UnixSeconds) -> Sequence[ClientSecret]:
        """Those that hold at `now`."""
        ...

    async def put(self, secret: ClientSecret) -> None: ...

    async def remove(self, client: ClientId) -> None: ...


class OpenidTables(Protocol):
    """Everything that the provider keeps, inside one transaction."""

    @property
    def grants(self) -> GrantTable: ...
    @property
    def sessions(self) -> ClientSessionTable: ...
    @property
    def keys(self) -> SigningKeyTable: ...
    @property
    def secrets(self) -> ClientSecretTable: ...


class TokenSigner(Protocol):
    """JSON Web Tokens (RFC 7515, RFC 7519). Private keys never leave it unsealed."""

    def generate(
        self, algorithm: SigningAlgorithm, now: UnixSeconds, active_from: UnixSeconds
    ) -> SigningKey:
        """A new key: RSA of 2048 bits takes a third of a second."""
        ...

    def sign(self, key: SigningKey, token_type: str, claims: Claims) -> str:
        """A compact JWT with that `typ`. Raises DoorwardError `seal-broken`."""
        ...

    def verified(self, token: str, keys: Sequence[SigningKey]) -> Claims | None:
        """The claims of an ID token that one of `keys` signed by its own algorithm, else None.

        Its times are not looked at.
        """
        ...


class LogoutSender(Protocol):
    """Tells a client of a logout (Back-Channel Logout 1.0, 2.5)."""

    async def send(self, uri: str, logout_token: str) -> None:
        """Raises DoorwardError `logout-undelivered` where the client does not say that it is done.

        The error's detail holds no part of the answer.
        """
        ...
