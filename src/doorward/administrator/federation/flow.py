"""A sign-in on its way to a provider and back: one-time data, bound to one browser."""

from __future__ import annotations

import base64
from typing import Literal

import msgspec

from doorward.administrator.authentication import Authenticators, digest
from doorward.administrator.federation.id_token import Expected
from doorward.administrator.ports import OneTime
from doorward.model.estate import IdentityProvider
from doorward.model.ids import ProviderId, SessionId, UnixSeconds, UserId

LIFETIME_SECONDS = 600
_PURPOSE = "federation"

Intent = Literal["sign-in", "step-up", "link", "invitation"]


class Wish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the person wants of the provider's word.

    `session` is theirs where they step up or link; `need` is what a step-up has to reach;
    `invitation` is the SHA-256 of the secret of one for `user`; `onward` is where the pages go on.
    """

    intent: Intent
    session: SessionId | Literal[""] = ""
    need: str = "fresh"
    invitation: str = ""
    user: UserId | Literal[""] = ""
    onward: dict[str, str] = {}


class Flow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the way back is checked against. `browser` is the SHA-256 of its flow cookie.

    The store holds the SHA-256 of the nonce, and the PKCE verifier sealed.
    """

    provider: ProviderId
    issuer: str
    browser: str
    redirect_uri: str
    nonce_digest: str
    sealed_verifier: str
    begun_at: UnixSeconds
    fresh: bool
    wish: Wish

    def expected(self, provider: IdentityProvider) -> Expected:
        """What the ID token has to say."""
        return Expected(
            provider.issuer, provider.client_id, self.nonce_digest, self.begun_at, self.fresh
        )


def seal_verifier(authenticators: Authenticators, state: str, verifier: str) -> str:
    """The PKCE verifier as the store may hold it."""
    sealed = authenticators.sealer.seal(verifier.encode(), _context(state))
    return base64.b64encode(sealed).decode()


def open_verifier(authenticators: Authenticators, state: str, flow: Flow) -> str:
    """Raises DoorwardError `seal-broken`."""
    sealed = base64.b64decode(flow.sealed_verifier)
    return authenticators.sealer.open(sealed, _context(state)).decode()


async def keep_flow(authenticators: Authenticators, state: str, flow: Flow) -> None:
    """Keep `flow` for the one who comes back with `state`."""
    item = OneTime(
        purpose=_PURPOSE,
        key=digest(state),
        data=msgspec.Raw(msgspec.json.encode(flow)),
        expires_at=flow.begun_at + LIFETIME_SECONDS,
    )
    async with authenticators.control.store.transaction() as transaction:
        await transaction.one_time.put(item)


async def take_flow(authenticators: Authenticators, state: str, now: UnixSeconds) -> Flow | None:
    """The flow of `state`, once; used up by whoever presents it, rightly or wrongly."""
    async with authenticators.control.store.transaction() as transaction:
        item = await transaction.one_time.take(_PURPOSE, digest(state), now)
    return None if item is None else msgspec.json.decode(item.data, type=Flow)


def _context(state: str) -> str:
    return f"federation:{digest(state)}"
