"""Authorization requests that wait while their person signs in.

One waits under a handle that stands in the address of the pages, and is worth something only in
the browser that brought it: whoever else holds the handle lacks the flow cookie.
"""

from __future__ import annotations

import hmac
import re

import msgspec

from doorward.administrator.authentication import digest
from doorward.administrator.openid.provider import Provider
from doorward.administrator.ports import OneTime
from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds
from doorward.protocol.openid.authorization import AuthorizationRequest

LIFETIME_SECONDS = 1800
_PURPOSE = "openid-request"
_HANDLE = re.compile(r"[A-Za-z0-9_-]{16,64}")


class KeptRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request, when it came, and the SHA-256 of the flow cookie of the browser it came from."""

    request: AuthorizationRequest
    asked_at: UnixSeconds
    flow: str


async def keep_request(
    provider: Provider, request: AuthorizationRequest, flow_secret: str, now: UnixSeconds
) -> str:
    """The handle of a request that waits from now on."""
    handle = provider.control.secrets.token()
    kept = KeptRequest(request=request, asked_at=now, flow=digest(flow_secret))
    async with provider.control.store.transaction() as transaction:
        await transaction.one_time.put(
            OneTime(
                purpose=_PURPOSE,
                key=digest(handle),
                data=msgspec.Raw(msgspec.json.encode(kept)),
                expires_at=now + LIFETIME_SECONDS,
            )
        )
    return handle


async def kept_request(
    provider: Provider, handle: str, flow_secret: str, now: UnixSeconds
) -> KeptRequest:
    """The request that waits in this browser. Raises DoorwardError `openid-request-gone`."""
    if flow_secret and _HANDLE.fullmatch(handle):
        async with provider.control.store.transaction() as transaction:
            item = await transaction.one_time.peek(_PURPOSE, digest(handle), now)
        if item is not None:
            kept = msgspec.json.decode(item.data, type=KeptRequest)
            if hmac.compare_digest(kept.flow, digest(flow_secret)):
                return kept
    raise DoorwardError(
        "openid-request-gone",
        "This sign-in took too long, is done already, or began in another browser.",
        "Open the application again.",
    )


async def drop_request(provider: Provider, handle: str, now: UnixSeconds) -> None:
    """Forget a request that was answered."""
    async with provider.control.store.transaction() as transaction:
        await transaction.one_time.take(_PURPOSE, digest(handle), now)
