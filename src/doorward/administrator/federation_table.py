"""The table that federation keeps: a port beside `ports.Transaction`, which holds it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from doorward.model.ids import ProviderId, UnixSeconds, UserId


class FederatedIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's `subject` is our `user`. `email` is what the provider said, to show only.

    `issuer` is the one that the link was made under: a provider that is given another issuer has
    other subjects.
    """

    provider: ProviderId
    issuer: str
    subject: str
    user: UserId
    linked_at: UnixSeconds
    last_used_at: UnixSeconds
    email: str = ""


class FederationTable(Protocol):
    """Links between people and providers, and clients' secrets, inside one transaction."""

    async def identity(self, provider: ProviderId, subject: str) -> FederatedIdentity | None: ...

    async def identities(self, user: UserId) -> Sequence[FederatedIdentity]:
        """By provider, then by when they were linked."""
        ...

    async def put(self, identity: FederatedIdentity) -> None:
        """Raises `store-conflict` where another person has this subject."""
        ...

    async def remove(self, provider: ProviderId | None, user: UserId | None) -> None:
        """Every link of that provider, that person, or both; None stands for any."""
        ...

    async def secret(self, provider: ProviderId) -> bytes | None:
        """The client's sealed secret."""
        ...

    async def put_secret(self, provider: ProviderId, sealed: bytes | None) -> None:
        """None forgets it."""
        ...
