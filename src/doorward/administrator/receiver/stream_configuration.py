"""A stream's configuration as its transmitter tells it (SSF 1.0, 8.1.1), read and checked. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from doorward.administrator.receiver.refusals import invalid
from doorward.model.endpoints import endpoint_problem
from doorward.model.transmitter import Transmitter
from doorward.protocol.signals.delivery import POLL, PUSH
from doorward.protocol.signals.events import SUBJECT_EVENTS

METHODS = {"push": PUSH, "poll": POLL}
_MAX_ID = 512


class _Delivery(msgspec.Struct, frozen=True):
    method: str
    endpoint_url: str = ""


class _Configuration(msgspec.Struct, frozen=True):
    stream_id: str
    iss: str
    aud: str | tuple[str, ...]
    delivery: _Delivery
    events_delivered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stream:
    """What was agreed. `poll_url` is empty for push."""

    id: str
    audience: tuple[str, ...]
    poll_url: str
    delivered: tuple[str, ...]


def events_requested(transmitter: Transmitter) -> list[str]:
    """The types of the events that the estate lets it send (8.1.1: no others are asked for)."""
    return [uri for uri in SUBJECT_EVENTS if uri.rpartition("/")[2] in transmitter.events]


def stream_id_in(body: bytes) -> str:
    """The id alone, of whatever can be read: to delete what is not acceptable. Empty for none."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return ""
    stream = found.get("stream_id") if isinstance(found, dict) else None
    return stream if isinstance(stream, str) and 0 < len(stream) <= _MAX_ID else ""


def read_stream(body: bytes, transmitter: Transmitter) -> Stream:
    """Raises DoorwardError `transmitter-invalid`.

    1. It is JSON of the right types, with an id.
    2. Its issuer is the transmitter's, and so will its tokens' be (8.1.1).
    3. It names an audience, and the estate's where that names one.
    4. The delivery is the one that was asked for; an address to poll may be called.
    """
    try:
        said = msgspec.json.decode(body, type=_Configuration)
    except (msgspec.DecodeError, RecursionError) as error:
        raise invalid("its stream cannot be read") from error
    if not 0 < len(said.stream_id) <= _MAX_ID:
        raise invalid("its stream has no id")
    if said.iss != transmitter.issuer:
        raise invalid("its stream is of another issuer")
    audience = (said.aud,) if isinstance(said.aud, str) else said.aud
    if not audience or not all(audience):
        raise invalid("its stream names no audience")
    if transmitter.audience and transmitter.audience not in audience:
        raise invalid("its stream is not for the audience that the estate names")
    if said.delivery.method != METHODS[transmitter.delivery]:
        raise invalid("its stream delivers in another way")
    poll_url = said.delivery.endpoint_url if transmitter.delivery == "poll" else ""
    problem = endpoint_problem(poll_url, transmitter.issuer) if said.delivery.method == POLL else ""
    if problem:
        raise invalid(f"its stream cannot be polled: {problem}")
    return Stream(said.stream_id, tuple(audience), poll_url, said.events_delivered)
