"""Lines of the two spools as decision records."""

from __future__ import annotations

from hashlib import sha256

import msgspec

from doorward.model.decision import DecisionRecord
from doorward.model.ids import DecisionId, GatewayId

_MICROSECONDS = 1000

_records = msgspec.json.Decoder(DecisionRecord)


class _TicketLine(msgspec.Struct, frozen=True):
    """What Envoy writes of one ticketed request (`enforcement.envoy.listeners`)."""

    sid: str
    did: str
    snp: str
    sub: str
    scp: str
    at: str
    method: str
    path: str
    address: str
    thumbprint: str | None
    milliseconds: int


_lines = msgspec.json.Decoder(_TicketLine)


def engine_record(line: bytes) -> DecisionRecord | None:
    """A line that the decision process wrote; None where it is none."""
    try:
        return _records.decode(line)
    except msgspec.DecodeError:
        return None


def ticket_record(gateway: GatewayId, line: bytes) -> DecisionRecord | None:
    """A line that Envoy wrote; None where it is none.

    Its id follows from the line, whose connection and nanosecond no other line has, so that
    shipping it twice stores it once. Policies and facts are those of the decision it reused.
    """
    try:
        ticket = _lines.decode(line)
        resource, action, _ = ticket.scp.split(" ")
        at, snapshot = float(ticket.at), int(ticket.snp)
    except (msgspec.DecodeError, ValueError):
        return None
    identity = sha256(f"{gateway}\n".encode() + line).hexdigest()
    return DecisionRecord(
        id=DecisionId(f"dec_{identity[:32]}"),
        at=at,
        gateway=gateway,
        source="ticket",
        decision=DecisionId(ticket.did),
        outcome="allow",
        reason="permitted",
        snapshot=snapshot,
        policies=(),
        remedies=(),
        facts=msgspec.Raw(b"{}"),
        subject=ticket.sub,
        session=ticket.sid,
        device=ticket.thumbprint or "",
        resource=resource,
        action=action,
        method=ticket.method,
        path=ticket.path,
        address=ticket.address,
        country="",
        networks=(),
        latency_us=ticket.milliseconds * _MICROSECONDS,
    )
