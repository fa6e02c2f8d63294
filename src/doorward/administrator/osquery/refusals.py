"""Refusing what speaks osquery without the right to: counted, and told to the audit log.

Every message passes `admit` before its body is read: an address that is refused too often is not
listened to.
"""

from __future__ import annotations

from doorward.administrator.attempts import network_of
from doorward.administrator.osquery.parts import Osquery
from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds


def _key(address: str) -> str:
    return f"osquery-refused:{network_of(address)}"


async def admit(osquery: Osquery, address: str) -> None:
    """Raises DoorwardError `osquery-throttled` for an address that was refused too often."""
    wait = await osquery.fleet.throttle.retry_after_seconds(_key(address))
    if wait:
        raise DoorwardError(
            "osquery-throttled",
            "This address was refused too often.",
            f"Try again in {wait} seconds.",
        )


async def refused(
    osquery: Osquery, address: str, error: DoorwardError, now: UnixSeconds, identifier: str = ""
) -> DoorwardError:
    """Count a refusal against the address and return its error.

    A flood is cut off at so many entries a minute for an address, and for all together.
    """
    throttle = osquery.fleet.throttle
    await throttle.allow(_key(address))
    if await throttle.allow(f"audit-address:{network_of(address)}", "audit:all"):
        async with osquery.control.store.transaction() as transaction:
            await transaction.audit.append(
                at=now,
                actor="anonymous",
                act="osquery-refused",
                target="osquery",
                detail={"why": error.code, "address": address, "identifier": identifier},
            )
    return error
