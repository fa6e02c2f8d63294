"""Tokens that a receiver does not take, and requests of receivers that are refused."""

from __future__ import annotations

import re
from collections.abc import Mapping

from doorward.administrator.control_plane import Act, ControlPlane
from doorward.administrator.ports import Transaction
from doorward.administrator.signal_ports import Stream
from doorward.model.ids import UnixSeconds

_CODE = re.compile(r"[A-Za-z0-9_.:-]{1,60}")


def error_code(text: str) -> str:
    """A receiver's error code, or `unreadable` where it is none that can be shown."""
    return text if _CODE.fullmatch(text) else "unreadable"


async def note_refused_tokens(
    transaction: Transaction, stream: Stream, refused: Mapping[str, str], now: UnixSeconds
) -> None:
    """An audit entry for each token, `jti` to error code: it is not sent again (RFC 8935, 2.3)."""
    for jti, code in refused.items():
        await transaction.audit.append(
            at=now,
            actor=f"service:{stream.receiver}",
            act="signal-refused",
            target=f"stream:{stream.id}",
            detail={"receiver": stream.receiver, "jti": jti, "error": error_code(code)},
        )


async def note_refused_request(
    control: ControlPlane, act: Act, target: str, detail: dict[str, str]
) -> None:
    """An audit entry, and nothing else; `detail` says why, and holds nothing that was sent."""
    async with control.store.transaction() as transaction:
        await transaction.audit.append(
            at=act.at, actor=act.actor, act="signals-request-refused", target=target, detail=detail
        )
