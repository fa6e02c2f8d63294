"""The federation's table in memory, for `MemoryStore`."""

from __future__ import annotations

from collections.abc import Sequence

from doorward.administrator.federation_table import FederatedIdentity
from doorward.errors import DoorwardError
from doorward.model.ids import ProviderId, UserId


class FederationInMemory:
    """Port `FederationTable` on two dictionaries, which it changes."""

    def __init__(
        self, identities: dict[tuple[str, str], FederatedIdentity], secrets: dict[str, bytes]
    ) -> None:
        self._identities = identities
        self._secrets = secrets

    async def identity(self, provider: ProviderId, subject: str) -> FederatedIdentity | None:
        return self._identities.get((provider, subject))

    async def identities(self, user: UserId) -> Sequence[FederatedIdentity]:
        own = [item for item in self._identities.values() if item.user == user]
        return sorted(own, key=lambda item: (item.provider, item.linked_at, item.subject))

    async def put(self, identity: FederatedIdentity) -> None:
        known = self._identities.get((identity.provider, identity.subject))
        if known is not None and known.user != identity.user:
            raise DoorwardError("store-conflict", "Another person has this subject.")
        self._identities[identity.provider, identity.subject] = identity

    async def remove(self, provider: ProviderId | None, user: UserId | None) -> None:
        for key, item in list(self._identities.items()):
            if provider in (None, item.provider) and user in (None, item.user):
                del self._identities[key]

    async def secret(self, provider: ProviderId) -> bytes | None:
        return self._secrets.get(provider)

    async def put_secret(self, provider: ProviderId, sealed: bytes | None) -> None:
        self._secrets.pop(provider, None)
        if sealed is not None:
            self._secrets[provider] = sealed
