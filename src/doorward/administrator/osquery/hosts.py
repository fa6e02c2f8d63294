"""The hosts that speak to this process, and what each answered last.

It is in memory; when a host was heard of is written for many at once, as `devices/roll.py` does.
What is lost with the process are answers, and each host is asked again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

import msgspec

from doorward.administrator.fleet.osquery_ports import OsqueryHost
from doorward.administrator.osquery.runs import Run
from doorward.administrator.ports import Store
from doorward.model.ids import UnixSeconds

WRITTEN_EVERY_SECONDS: Final = 300
WRITTEN_AT_ONCE: Final = 500
"""SQLite's writer runs on the event loop: 50,000 hosts are written in turn, each now and then."""


@dataclass(slots=True)
class KnownHost:
    """A host's record, and its answers.

    `answered` holds the time of the latest answer by query, `asked` when a query was handed out
    that is not answered yet, and `ignored` counts what came and meant nothing.
    """

    record: OsqueryHost
    answered: dict[str, UnixSeconds] = field(default_factory=dict)
    asked: dict[str, UnixSeconds] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    ignored: int = 0


class Hosts:
    """The hosts that this process has heard of."""

    def __init__(self) -> None:
        self._by_key: dict[str, KnownHost] = {}
        self._keys: dict[str, str] = {}
        self._seen: dict[str, UnixSeconds] = {}
        self._unwritten: dict[str, UnixSeconds] = {}
        self._written: dict[str, UnixSeconds] = {}
        self._forgotten = 0

    async def by_key(self, store: Store, hashed: str) -> KnownHost | None:
        """The host whose node key has this hash; None where there is none."""
        while hashed not in self._by_key:
            forgotten = self._forgotten
            async with store.transaction() as transaction:
                record = await transaction.devices.osquery.hosts.by_key(hashed)
            if record is None:
                return None
            # What was read is old where a host was written or removed meanwhile.
            if forgotten == self._forgotten:
                self._keys[record.id] = hashed
                self._by_key.setdefault(hashed, KnownHost(record))
        return self._by_key[hashed]

    def known(self, host: str) -> KnownHost | None:
        """The host, where this process has heard of it."""
        return self._by_key.get(self._keys.get(host, ""))

    def heard(self, known: KnownHost, now: UnixSeconds) -> None:
        """Note that the host used its key."""
        host = known.record.id
        self._seen[host] = now
        if now >= self._written.get(host, 0.0) + WRITTEN_EVERY_SECONDS:
            self._unwritten[host] = now

    def seen_at(self, record: OsqueryHost) -> UnixSeconds | None:
        """When it used its key last, None for never: as this process knows, else as is written."""
        moments = (self._seen.get(record.id), record.last_seen_at)
        return max((moment for moment in moments if moment is not None), default=None)

    def as_known(self, record: OsqueryHost) -> OsqueryHost:
        """The record with the time that this process knows."""
        return msgspec.structs.replace(record, last_seen_at=self.seen_at(record))

    def forget(self, host: str) -> None:
        """Read the record anew next time: it was written or removed. Its answers count no more."""
        self._by_key.pop(self._keys.pop(host, ""), None)
        self._forgotten += 1

    def compare(self, host: str, record: OsqueryHost | None) -> None:
        """Forget a host of which the store says something else, None for nothing."""
        known = self.known(host)
        if known is not None and (record is None or not _alike(record, known.record)):
            self.forget(host)

    def gone(self, host: str) -> None:
        """Its key is worth nothing any more: nobody has been heard of with the next one."""
        self.forget(host)
        self._seen.pop(host, None)
        self._unwritten.pop(host, None)
        self._written.pop(host, None)

    def unwritten(self) -> Mapping[str, UnixSeconds]:
        """When some hosts were heard of: not more of them than are written in a moment."""
        taken = dict(islice(self._unwritten.items(), WRITTEN_AT_ONCE))
        for host in taken:
            del self._unwritten[host]
        self._written |= taken
        return taken

    def not_written(self, moments: Mapping[str, UnixSeconds]) -> None:
        """The store refused these: they are due again, where nothing later is."""
        self._unwritten = {**moments, **self._unwritten}
        for host in moments:
            self._written.pop(host, None)


def _alike(record: OsqueryHost, other: OsqueryHost) -> bool:
    return msgspec.structs.replace(record, last_seen_at=other.last_seen_at) == other


async def write_hosts(store: Store, hosts: Hosts) -> int:
    """Write when hosts were heard of; how many. Raises what the store raises, and loses nothing.

    What another process wrote of these meanwhile, or removed, counts here from now on.
    """
    moments = hosts.unwritten()
    if not moments:
        return 0
    try:
        async with store.transaction() as transaction:
            table = transaction.devices.osquery.hosts
            await table.seen(moments)
            written = {host: await table.get(host) for host in moments}
    except BaseException:
        hosts.not_written(moments)
        raise
    for host, record in written.items():
        hosts.compare(host, record)
    return len(moments)
