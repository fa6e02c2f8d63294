"""What is kept of osquery's hosts. Every adapter raises `DoorwardError` only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from doorward.model.device import Platform
from doorward.model.ids import DeviceId, UnixSeconds

HostState = Literal["candidate", "assigned", "duplicate"]
"""A candidate waits to be assigned to a device. A duplicate enrolled as a host that is alive."""


class OsquerySecret(msgspec.Struct, frozen=True, kw_only=True):
    """A secret with which hosts enrol, until `expires_at` where that is given.

    `hash` is the hex SHA-256 of it.
    """

    id: str
    hash: str
    note: str
    created_at: UnixSeconds
    expires_at: UnixSeconds | None = None


class OsqueryHost(msgspec.Struct, frozen=True, kw_only=True):
    """A host that enrolled with `secret` (its id). What it says of itself is unproved.

    `key_hash` is the hex SHA-256 of its node key. Its facts count for
    `device` while that is known by `device_key`: a device enrolled anew is another one.
    """

    id: str
    key_hash: str
    secret: str
    identifier: str
    state: HostState
    platform: Platform
    name: str
    hardware_uuid: str
    hardware_serial: str
    system: str
    osquery_version: str
    address: str
    enrolled_at: UnixSeconds
    device: DeviceId | None = None
    device_key: str = ""
    last_seen_at: UnixSeconds | None = None


class OsquerySecretTable(Protocol):
    """Secrets of enrolment, inside one transaction."""

    async def by_hash(self, hashed: str) -> OsquerySecret | None: ...

    async def all(self) -> Sequence[OsquerySecret]:
        """Every secret, the oldest first."""
        ...

    async def put(self, secret: OsquerySecret) -> None: ...

    async def remove(self, secret: str) -> bool:
        """Forget one; whether it was there."""
        ...


class OsqueryHostTable(Protocol):
    """Hosts, inside one transaction."""

    async def get(self, host: str) -> OsqueryHost | None: ...

    async def by_key(self, hashed: str) -> OsqueryHost | None: ...

    async def of_identifier(self, identifier: str) -> Sequence[OsqueryHost]:
        """The hosts that call themselves so, the first to enrol first."""
        ...

    async def all(self) -> Sequence[OsqueryHost]:
        """Every host, by id."""
        ...

    async def put(self, host: OsqueryHost) -> None:
        """Write it, in place of what there is of it."""
        ...

    async def seen(self, moments: Mapping[str, UnixSeconds]) -> None:
        """Note when these were heard of, where that is later than what is known."""
        ...

    async def remove(self, host: str) -> bool:
        """Forget one; whether it was there."""
        ...


class OsqueryTables(Protocol):
    """All tables of osquery."""

    @property
    def secrets(self) -> OsquerySecretTable: ...
    @property
    def hosts(self) -> OsqueryHostTable: ...
