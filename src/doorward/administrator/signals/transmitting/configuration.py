"""A stream's configuration as receivers write and read it (SSF 1.0, 8.1.1)."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from doorward.administrator.signal_ports import Stream, UserFormat
from doorward.administrator.signals.transmitting.supported import SUPPORTED, delivered
from doorward.administrator.signals.transmitting.transmitter import (
    VERIFICATION_SECONDS,
    Transmitting,
)
from doorward.errors import DoorwardError
from doorward.model.estate import SigningAlgorithm
from doorward.protocol.openid.addresses import address_problem
from doorward.protocol.signals.delivery import DELIVERY_METHODS, POLL, PUSH
from doorward.protocol.signals.subjects import Json

MASK: Final = "********"
"""Stands for an authorization header that is kept; sent back, it means the same."""

_SEALED_FOR = "signal-stream:"
_MAX_URL = 2000
_MAX_DESCRIPTION = 200
_MAX_REQUESTED = 100
_MAX_URI = 500
_MAX_HEADER = 4096
_HEADER = re.compile(r"[\x21-\x7e]+(?: [\x21-\x7e]+)*")

Body = TypeVar("Body")


class DeliveryBody(msgspec.Struct, frozen=True, kw_only=True):
    """How SETs are delivered (SSF 1.0, 6.1)."""

    method: str
    endpoint_url: str | UnsetType = UNSET
    authorization_header: str | UnsetType | None = UNSET


class StreamBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a receiver may write; `format` and `signing_alg` are our own.

    The last six are ours to say, and must be right where they are said.
    """

    events_requested: tuple[str, ...] | UnsetType = UNSET
    delivery: DeliveryBody | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    format: UserFormat | UnsetType = UNSET
    signing_alg: SigningAlgorithm | UnsetType = UNSET
    stream_id: str | UnsetType = UNSET
    iss: str | UnsetType = UNSET
    aud: str | tuple[str, ...] | UnsetType = UNSET
    events_supported: tuple[str, ...] | UnsetType = UNSET
    events_delivered: tuple[str, ...] | UnsetType = UNSET
    min_verification_interval: int | UnsetType = UNSET


def read_body(body: bytes, kind: type[Body]) -> Body:
    """The request in `body`. Raises DoorwardError `stream-request-invalid`."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise invalid(f"The body cannot be read: {error}") from None


def invalid(detail: str) -> DoorwardError:
    """Refuses what a receiver sent."""
    return DoorwardError(
        "stream-request-invalid", detail, "docs/reference/shared-signals.md says what is read."
    )


def view(transmitter: Transmitting, stream: Stream) -> Json:
    """The whole configuration; what the receiver did not supply is left out."""
    delivery: Json = {"method": POLL, "endpoint_url": transmitter.poll_url(stream.id)}
    if stream.method == "push":
        delivery = {"method": PUSH, "endpoint_url": stream.endpoint_url}
        if stream.authorization is not None:
            delivery["authorization_header"] = MASK
    found: Json = {
        "stream_id": stream.id,
        "iss": transmitter.issuer,
        "aud": stream.receiver,
        "events_supported": SUPPORTED,
        "events_requested": stream.requested,
        "events_delivered": delivered(stream.requested),
        "delivery": delivery,
        "min_verification_interval": VERIFICATION_SECONDS,
        "format": stream.user_format,
        "signing_alg": stream.algorithm,
    }
    return found | ({"description": stream.description} if stream.description else {})


def require_matching(transmitter: Transmitting, stream: Stream, body: StreamBody) -> None:
    """What is ours to say must be as it is, before the change. Raises `stream-request-invalid`."""
    audience = (body.aud,) if isinstance(body.aud, str) else body.aud
    said: tuple[tuple[str, Collection[object] | UnsetType, Collection[object]], ...] = (
        ("iss", _one(body.iss), (transmitter.issuer,)),
        ("aud", audience, (stream.receiver,)),
        ("events_supported", body.events_supported, SUPPORTED),
        ("events_delivered", body.events_delivered, delivered(stream.requested)),
        (
            "min_verification_interval",
            _one(body.min_verification_interval),
            (VERIFICATION_SECONDS,),
        ),
    )
    for name, value, expected in said:
        if not isinstance(value, UnsetType) and set(value) != set(expected):
            raise invalid(f"{name} is ours to say, and is not that.")


def changed(transmitter: Transmitting, stream: Stream, body: StreamBody) -> Stream:
    """The stream with what `body` says. Raises DoorwardError `stream-request-invalid`."""
    if not isinstance(body.events_requested, UnsetType):
        stream = msgspec.structs.replace(stream, requested=_requested(body.events_requested))
    if not isinstance(body.delivery, UnsetType):
        stream = _delivered_by(transmitter, stream, body.delivery)
    if not isinstance(body.description, UnsetType):
        text = (body.description or "")[:_MAX_DESCRIPTION]
        stream = msgspec.structs.replace(stream, description=text)
    if not isinstance(body.format, UnsetType):
        stream = msgspec.structs.replace(stream, user_format=body.format)
    if not isinstance(body.signing_alg, UnsetType):
        stream = msgspec.structs.replace(stream, algorithm=body.signing_alg)
    return stream


def authorization_of(transmitter: Transmitting, stream: Stream) -> str:
    """The header to push with; empty for none. Raises DoorwardError `seal-broken`."""
    if stream.authorization is None:
        return ""
    return transmitter.sealer.open(stream.authorization, _SEALED_FOR + stream.id).decode("ascii")


def _delivered_by(transmitter: Transmitting, stream: Stream, body: DeliveryBody) -> Stream:
    if body.method not in DELIVERY_METHODS:
        raise invalid(f"delivery.method is {PUSH} or {POLL}.")
    if body.method == POLL:
        return msgspec.structs.replace(stream, method="poll", endpoint_url="", authorization=None)
    url = body.endpoint_url
    if isinstance(url, UnsetType):
        raise invalid("delivery.endpoint_url is missing: where are tokens pushed to?")
    problem = address_problem(url[: _MAX_URL + 1])
    if not problem and len(url) > _MAX_URL:
        problem = "it is too long"
    if not problem and url.startswith("http://") and not transmitter.plain_loopback:
        problem = "only https:// is called"
    if problem:
        raise invalid(f"delivery.endpoint_url is not called: {problem}.")
    sealed = _sealed(transmitter, stream, url, body.authorization_header)
    return msgspec.structs.replace(
        stream, method="push", endpoint_url=url, authorization=sealed, due_at=0.0
    )


def _sealed(
    transmitter: Transmitting, stream: Stream, url: str, header: str | UnsetType | None
) -> bytes | None:
    if not isinstance(header, str):
        return None
    if header == MASK:
        # A header is for the address that it was given with, and for no other.
        if url != stream.endpoint_url:
            raise invalid("delivery.authorization_header must be said again for another address.")
        return stream.authorization
    if len(header) > _MAX_HEADER or not _HEADER.fullmatch(header):
        raise invalid("delivery.authorization_header is no value of a header.")
    return transmitter.sealer.seal(header.encode("ascii"), _SEALED_FOR + stream.id)


def _requested(uris: tuple[str, ...]) -> tuple[str, ...]:
    if len(uris) > _MAX_REQUESTED or any(len(uri) > _MAX_URI for uri in uris):
        raise invalid(f"events_requested has at most {_MAX_REQUESTED} event types.")
    return tuple(dict.fromkeys(uris))


def _one(value: object) -> tuple[object, ...] | UnsetType:
    return UNSET if isinstance(value, UnsetType) else (value,)
