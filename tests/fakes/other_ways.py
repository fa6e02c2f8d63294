"""Port `OtherWays` in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from doorward.administrator.attempt_ports import Attempts
from doorward.administrator.federation_table import FederatedIdentity
from doorward.administrator.other_ways import Link
from doorward.administrator.ports import Password, Totp
from doorward.model.ids import UserId


class OtherWaysInMemory:
    """On what the other tables of the same transaction hold."""

    def __init__(
        self,
        passwords: Mapping[str, Password],
        totps: Mapping[str, Totp],
        attempts: Mapping[tuple[str, str], Attempts],
        identities: Mapping[tuple[str, str], FederatedIdentity],
    ) -> None:
        self._passwords = passwords
        self._totps = totps
        self._attempts = attempts
        self._identities = identities

    async def passwords(self, purpose: str, below: int) -> Collection[UserId]:
        none = Attempts(purpose=purpose, subject="")
        return {
            item.user
            for item in self._passwords.values()
            if item.user in self._totps
            and self._attempts.get((purpose, item.user), none).in_a_row < below
        }

    async def links(self) -> Collection[Link]:
        return {Link(item.user, item.provider, item.issuer) for item in self._identities.values()}
