"""What federation needs from the outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from doorward.model.ids import UnixSeconds


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider answered; `date` is its clock, from the header, None without one."""

    status: int
    body: bytes
    date: UnixSeconds | None = None


class ProviderHttp(Protocol):
    """HTTP to a provider: no redirects, bounded in time and size, TLS verified.

    `issuer` is who named the address, or is it: where its own name does not lead into a private
    network, no other that does is called.
    Raises DoorwardError `provider-unreachable`, or `provider-invalid` for an answer that is too
    large or leads elsewhere.
    """

    async def get(self, url: str, *, issuer: str, bearer: str = "") -> Answer: ...

    async def post(
        self,
        url: str,
        fields: Mapping[str, str],
        *,
        issuer: str,
        basic: tuple[str, str] | None = None,
    ) -> Answer: ...


class UnverifiedToken(msgspec.Struct, frozen=True, kw_only=True):
    """What a JWT's header claims, before anything of it is believed."""

    text: str
    algorithm: str
    key_id: str
    type: str


class VerifiedToken(msgspec.Struct, frozen=True, kw_only=True):
    """A JWT whose signature is right; whom its claims are for is not known yet."""

    type: str
    algorithm: str
    claims: Mapping[str, object]


class TokenVerifier(Protocol):
    """Signatures of JWTs (RFC 7515). Raises FederationRejectedError."""

    def read(self, token: str) -> UnverifiedToken: ...

    def verify(
        self,
        token: UnverifiedToken,
        keys: Sequence[Mapping[str, object]],
        algorithms: Sequence[str],
    ) -> VerifiedToken:
        """`keys` are JWKs (RFC 7517); `algorithms` names all that are accepted."""
        ...
