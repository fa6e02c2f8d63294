"""Say which device a host is; nothing else ties the two.

A host is not proved to hold the device's key, and its owner could name a healthier one: those who
run doorward say it.
"""

from __future__ import annotations

import msgspec

from doorward.administrator.control_plane import Act
from doorward.administrator.fleet.osquery_ports import OsqueryHost
from doorward.administrator.osquery.parts import Osquery
from doorward.administrator.ports import Transaction
from doorward.administrator.targets import device_named
from doorward.errors import DoorwardError
from doorward.model.ids import DeviceId


async def assign_host(osquery: Osquery, act: Act, host: str, device: DeviceId) -> OsqueryHost:
    """From now on the host's facts are the device's.

    Raises DoorwardError `osquery-host-unknown`, `device-unknown`, `osquery-device-taken`.
    """
    async with osquery.control.store.transaction() as transaction:
        found = await _host_named(transaction, host)
        enrolled = await device_named(transaction, device)
        for other in await transaction.devices.osquery.hosts.all():
            if other.id != host and (other.device, other.device_key) == (device, enrolled.key):
                raise DoorwardError(
                    "osquery-device-taken",
                    f"Host `{other.id}` reports for device `{device}` already.",
                    f"Take it off first: doorward osquery unassign {other.id}.",
                )
        assigned = msgspec.structs.replace(
            found, state="assigned", device=device, device_key=enrolled.key
        )
        await _write(transaction, act, "osquery-assigned", assigned, {"device": device})
    osquery.hosts.forget(host)
    return osquery.hosts.as_known(assigned)


async def unassign_host(osquery: Osquery, act: Act, host: str) -> OsqueryHost:
    """The host waits again; what it said last is good until it is too old.

    Raises DoorwardError `osquery-host-unknown`.
    """
    async with osquery.control.store.transaction() as transaction:
        found = await _host_named(transaction, host)
        freed = msgspec.structs.replace(found, state="candidate", device=None, device_key="")
        await _write(transaction, act, "osquery-unassigned", freed, {"device": found.device or ""})
    osquery.hosts.forget(host)
    return osquery.hosts.as_known(freed)


async def remove_host(osquery: Osquery, act: Act, host: str) -> None:
    """Its node key is worth nothing: the next message is answered with `node_invalid`.

    Raises DoorwardError `osquery-host-unknown`.
    """
    async with osquery.control.store.transaction() as transaction:
        found = await _host_named(transaction, host)
        await transaction.devices.osquery.hosts.remove(host)
        await _audited(transaction, act, "osquery-removed", found, {"device": found.device or ""})
    osquery.hosts.gone(host)


async def _host_named(transaction: Transaction, host: str) -> OsqueryHost:
    found = await transaction.devices.osquery.hosts.get(host)
    if found is None:
        raise DoorwardError(
            "osquery-host-unknown",
            f"There is no host `{host}`.",
            "List them with doorward osquery list.",
        )
    return found


async def _write(
    transaction: Transaction, act: Act, name: str, host: OsqueryHost, detail: dict[str, str]
) -> None:
    await transaction.devices.osquery.hosts.put(host)
    await _audited(transaction, act, name, host, detail)


async def _audited(
    transaction: Transaction, act: Act, name: str, host: OsqueryHost, detail: dict[str, str]
) -> None:
    detail = {"identifier": host.identifier, **detail}
    await transaction.audit.append(
        at=act.at, actor=act.actor, act=name, target=f"osquery_host:{host.id}", detail=detail
    )
