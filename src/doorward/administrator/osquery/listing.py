"""What is told of osquery's hosts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from doorward.administrator.fleet.osquery_ports import OsqueryHost, OsquerySecret
from doorward.administrator.osquery.parts import Osquery
from doorward.model.ids import DeviceId


@dataclass(frozen=True, slots=True)
class ListedHost:
    """A host, which devices might be it by their names, and how much of its words was left out.

    `lost` says that its device is gone or was enrolled anew: assign it again.
    """

    host: OsqueryHost
    named_alike: tuple[DeviceId, ...]
    ignored: int
    lost: bool


async def listed_hosts(osquery: Osquery) -> Sequence[ListedHost]:
    """Every host: those that wait first, then by what they call themselves."""
    async with osquery.control.store.transaction() as transaction:
        hosts = await transaction.devices.osquery.hosts.all()
    order = {"duplicate": 0, "candidate": 1, "assigned": 2}
    listed = [listed_host(osquery, host) for host in hosts]
    return sorted(
        listed, key=lambda item: (order[item.host.state], item.host.identifier, item.host.id)
    )


async def listed_secrets(osquery: Osquery) -> Sequence[OsquerySecret]:
    """Every secret of enrolment, the oldest first."""
    async with osquery.control.store.transaction() as transaction:
        return await transaction.devices.osquery.secrets.all()


def listed_host(osquery: Osquery, host: OsqueryHost) -> ListedHost:
    """One host, with what this process knows of it."""
    devices = osquery.control.live.current.devices
    known, device = osquery.hosts.known(host.id), devices.get(host.device or DeviceId(""))
    names = {host.name.casefold(), host.identifier.casefold()} - {""}
    alike = (
        ()
        if host.device
        else [
            item.id
            for item in devices.values()
            if names & {item.id.casefold(), item.name.casefold()}
        ]
    )
    return ListedHost(
        host=osquery.hosts.as_known(host),
        named_alike=tuple(sorted(alike)),
        ignored=known.ignored if known else 0,
        lost=host.device is not None and (device is None or device.key != host.device_key),
    )
