"""What somebody tried at the provider's endpoints, for the audit log."""

from __future__ import annotations

from doorward.administrator.attempts import network_of
from doorward.administrator.openid.provider import Provider
from doorward.model.ids import UnixSeconds


async def note_attempt(provider: Provider, why: str, address: str, at: UnixSeconds) -> None:
    """Write a refused attempt down. A flood is cut off, as with attempts to sign in."""
    if await provider.throttle.allow(f"audit-address:{network_of(address)}", "audit:all"):
        async with provider.control.store.transaction() as transaction:
            await transaction.audit.append(
                at=at,
                actor="anonymous",
                act="openid-rejected",
                target="openid",
                detail={"address": address, "why": why},
            )
