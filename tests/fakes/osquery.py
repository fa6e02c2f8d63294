"""The tables of osquery, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from doorward.administrator.fleet.osquery_ports import OsqueryHost, OsquerySecret
from doorward.model.ids import UnixSeconds


@dataclass
class OsqueryState:
    """What the tables hold; copied for each transaction."""

    secrets: dict[str, OsquerySecret] = field(default_factory=dict)
    hosts: dict[str, OsqueryHost] = field(default_factory=dict)

    def __copy__(self) -> OsqueryState:
        return OsqueryState(dict(self.secrets), dict(self.hosts))


class MemoryOsquerySecrets:
    """Port `OsquerySecretTable` in memory."""

    def __init__(self, items: dict[str, OsquerySecret]) -> None:
        self._items = items

    async def by_hash(self, hashed: str) -> OsquerySecret | None:
        return next((item for item in self._items.values() if item.hash == hashed), None)

    async def all(self) -> Sequence[OsquerySecret]:
        return sorted(self._items.values(), key=lambda item: (item.created_at, item.id))

    async def put(self, secret: OsquerySecret) -> None:
        self._items[secret.id] = secret

    async def remove(self, secret: str) -> bool:
        return self._items.pop(secret, None) is not None


class MemoryOsqueryHosts:
    """Port `OsqueryHostTable` in memory."""

    def __init__(self, items: dict[str, OsqueryHost]) -> None:
        self._items = items

    async def get(self, host: str) -> OsqueryHost | None:
        return self._items.get(host)

    async def by_key(self, hashed: str) -> OsqueryHost | None:
        return next((item for item in self._items.values() if item.key_hash == hashed), None)

    async def of_identifier(self, identifier: str) -> Sequence[OsqueryHost]:
        found = [item for item in self._items.values() if item.identifier == identifier]
        return sorted(found, key=lambda item: (item.enrolled_at, item.id))

    async def all(self) -> Sequence[OsqueryHost]:
        return [self._items[name] for name in sorted(self._items)]

    async def put(self, host: OsqueryHost) -> None:
        self._items[host.id] = host

    async def seen(self, moments: Mapping[str, UnixSeconds]) -> None:
        for name, moment in moments.items():
            host = self._items.get(name)
            if host and (host.last_seen_at is None or host.last_seen_at < moment):
                self._items[name] = msgspec.structs.replace(host, last_seen_at=moment)

    async def remove(self, host: str) -> bool:
        return self._items.pop(host, None) is not None


class MemoryOsquery:
    """Port `OsqueryTables` in memory."""

    def __init__(self, state: OsqueryState) -> None:
        self.secrets = MemoryOsquerySecrets(state.secrets)
        self.hosts = MemoryOsqueryHosts(state.hosts)
