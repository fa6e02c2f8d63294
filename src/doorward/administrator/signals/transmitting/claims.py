"""The claims of a Security Event Token (RFC 8417; SSF 1.0, 4.1). Pure."""

from __future__ import annotations

import msgspec

from doorward.administrator.signal_ports import Pending, PendingKind, Stream
from doorward.model.ids import UnixSeconds
from doorward.protocol.signals.events import Event, event_type
from doorward.protocol.signals.subjects import FORMAT, Json

_encoder = msgspec.json.Encoder()


def pending(
    stream: Stream,
    event: Event,
    subject: Json,
    *,
    issuer: str,
    jti: str,
    txn: str,
    at: UnixSeconds,
    kind: PendingKind = "event",
) -> Pending:
    """A token to deliver: one event, its subject at the top, never a `sub` nor an `exp`."""
    claims = {
        "iss": issuer,
        "iat": int(at),
        "jti": jti,
        "aud": stream.receiver,
        "txn": txn,
        "sub_id": subject,
        "events": {event_type(event): event},
    }
    return Pending(
        stream=stream.id, jti=jti, kind=kind, claims=msgspec.Raw(_encoder.encode(claims)), at=at
    )


def stream_subject(stream: Stream) -> Json:
    """The subject of an event about the stream itself (SSF 1.0, 8.1.4.1 and 8.1.5)."""
    return {FORMAT: "opaque", "id": stream.id}
