"""Attempts to sign in: floods are held off, and what was rejected is written down."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from doorward.administrator.authentication import (
    AttemptRejectedError,
    Authenticators,
    Browser,
    TooManyAttemptsError,
)
from doorward.administrator.sign_in_entries import refused
from doorward.model.ids import UnixSeconds, UserId

_IPV6_SITE_BITS = 64


def network_of(address: str) -> str:
    """What counts as one address: an IPv4 address, or the /64 that one IPv6 site holds."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, _IPV6_SITE_BITS), strict=False))
    return str(parsed)


async def admit(authenticators: Authenticators, *keys: str) -> None:
    """Count an attempt against each key in turn. Raises TooManyAttemptsError.

    The address comes first: an address that is shut out cannot use up a person's attempts.
    """
    throttle = authenticators.throttle
    if not await throttle.allow(*keys):
        raise TooManyAttemptsError(await throttle.retry_after_seconds(*keys))


@asynccontextmanager
async def recorded(
    authenticators: Authenticators, browser: Browser, *, method: str, target: str, at: UnixSeconds
) -> AsyncIterator[None]:
    """Write a rejected attempt inside to the audit log, and raise it again.

    An attempt on `target` `user:ID` is also in that person's own log of sign-ins. A flood is cut
    off at so many entries a minute for an address, and for all together.
    """
    try:
        yield
    except (AttemptRejectedError, TooManyAttemptsError) as rejected:
        why = rejected.code
        if isinstance(rejected, AttemptRejectedError):
            why = rejected.why
            target = f"user:{rejected.person}" if rejected.person else target
        if await authenticators.throttle.allow(
            f"audit-address:{network_of(browser.address)}", "audit:all"
        ):
            async with authenticators.control.store.transaction() as transaction:
                await transaction.audit.append(
                    at=at,
                    actor="anonymous",
                    act="sign-in-rejected",
                    target=target,
                    detail={"method": method, "address": browser.address, "why": why},
                )
                kind, _, person = target.partition(":")
                if kind == "user":
                    entry = refused(UserId(person), browser, method, why, at)
                    await transaction.sign_ins.append(entry)
        raise
