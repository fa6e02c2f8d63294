"""The one-time code that carries a sign-in from the auth host to one resource's host."""

from __future__ import annotations

import re

import msgspec

from doorward.administrator.authentication import digest
from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.ports import OneTime
from doorward.errors import DoorwardError
from doorward.model.ids import ResourceId, SessionId, UnixSeconds

LIFETIME_SECONDS = 30
_PURPOSE = "redirect-code"
_FLOW = re.compile(r"[0-9a-f]{64}")
_RETURN_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*")
_MAX_RETURN_LENGTH = 2048
_CODE = re.compile(r"[A-Za-z0-9_-]{16,64}")


class _Grant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    session: SessionId
    resource: ResourceId
    flow: str


def is_flow(text: str) -> bool:
    """Whether `text` is the hex SHA-256 of a flow cookie."""
    return _FLOW.fullmatch(text) is not None


def is_return_path(text: str) -> bool:
    r"""Whether a browser sent to `text` stays on the host: one `/`, printable ASCII, no `\`.

    Browsers read `//host` and `/\host` as another host, and drop tabs and line breaks first.
    """
    return len(text) <= _MAX_RETURN_LENGTH and _RETURN_PATH.fullmatch(text) is not None


async def issue_code(
    control: ControlPlane,
    *,
    session: SessionId,
    resource: ResourceId,
    flow: str,
    now: UnixSeconds,
) -> str:
    """A code for the browser that began the redirect: `flow` is its flow cookie's SHA-256."""
    code = control.secrets.token()
    async with control.store.transaction() as transaction:
        await transaction.one_time.put(
            OneTime(
                purpose=_PURPOSE,
                key=digest(code),
                data=msgspec.Raw(msgspec.json.encode(_Grant(session, resource, flow))),
                expires_at=now + LIFETIME_SECONDS,
            )
        )
    return code


async def redeem_code(
    control: ControlPlane,
    code: str,
    *,
    resource: ResourceId,
    flow_cookie: str,
    now: UnixSeconds,
) -> SessionId:
    """The session that the code stands for; the code is used up even where it is refused.

    Raises DoorwardError `code-refused`: unknown, used, expired, issued for another resource, or
    for another browser (an attacker's code in a victim's browser would sign them in as another).
    """
    async with control.store.transaction() as transaction:
        item = await transaction.one_time.take(_PURPOSE, digest(code), now)
    if item is not None:
        grant = msgspec.json.decode(item.data, type=_Grant)
        if grant.resource == resource and grant.flow == digest(flow_cookie):
            return grant.session
    raise code_refused()


def is_code(text: str) -> bool:
    """Whether `text` can be a code at all; what cannot never costs a transaction."""
    return _CODE.fullmatch(text) is not None


def code_refused() -> DoorwardError:
    """What a code that opens nothing is answered with."""
    return DoorwardError(
        "code-refused", "This way in has been used or has expired.", "Open the application again."
    )
