"""By what else than a passkey people sign in: a port beside `ports.Transaction`, which holds it."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple, Protocol

from doorward.model.ids import ProviderId, UserId


class Link(NamedTuple):
    """Somebody is known to a provider, under the issuer that the link was made with."""

    user: UserId
    provider: ProviderId
    issuer: str


class OtherWays(Protocol):
    """Everybody's at once, inside one transaction: two queries, however many people there are."""

    async def passwords(self, purpose: str, below: int) -> Collection[UserId]:
        """Who has a password with TOTP beside it, and fewer than `below` attempts in a row.

        `purpose` is that of the attempts at the password of a person.
        """
        ...

    async def links(self) -> Collection[Link]: ...
