"""Lines of the two spools as decision records."""

from __future__ import annotations

from hashlib import sha256

import msgspec

from doorward.model.decision import DecisionRecord
from doorward.model.ids import DecisionId, GatewayId
from doorward.model.spiffe import device_named_by

_MICROSECONDS = 1000

_records = msgspec.json.Decoder(DecisionRecord)


_TICKET_FIELDS = 15


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
    fields = line.decode("utf-8", "replace").split(" ")
    if len(fields) != _TICKET_FIELDS or fields[-1] != ".":
        return None
    reference, session, subject, resource, action, _rules, *request, _ = fields
    decision, _, number = reference.partition(";snapshot=")
    started, _, method, path, address, certificate, _, milliseconds = request
    try:
        at, snapshot, latency = float(started), int(number), int(milliseconds)
    except ValueError:
        return None
    identity = sha256(f"{gateway}\n".encode() + line).hexdigest()
    return DecisionRecord(
        id=DecisionId(f"dec_{identity[:32]}"),
        at=at,
        gateway=gateway,
        source="ticket",
        decision=DecisionId(decision),
        outcome="allow",
        reason="permitted",
        snapshot=snapshot,
        policies=(),
        remedies=(),
        facts=msgspec.Raw(b"{}"),
        subject=subject,
        session=session,
        device=_device(certificate),
        resource=resource,
        action=action,
        method=method,
        path=path,
        address=address,
        country="",
        networks=(),
        latency_us=latency * _MICROSECONDS,
    )


def _device(uri: str) -> str:
    named = device_named_by(uri)
    return "" if named is None else named.device
