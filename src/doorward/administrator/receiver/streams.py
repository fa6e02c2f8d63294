"""Managing a stream at its transmitter, as its receiver (SSF 1.0, 8.1)."""

from __future__ import annotations

from collections.abc import Collection
from http import HTTPStatus
from urllib.parse import urlencode

import msgspec

from doorward.administrator.authentication import digest
from doorward.administrator.control_plane import Act
from doorward.administrator.federation.ports import Answer
from doorward.administrator.receiver.keep_secrets import management_token
from doorward.administrator.receiver.ports import Method
from doorward.administrator.receiver.receiver import Receiver, record_of
from doorward.administrator.receiver.refusals import from_http, invalid, refused_by
from doorward.administrator.receiver.stream_configuration import (
    METHODS,
    events_requested,
    read_stream,
    stream_id_in,
)
from doorward.administrator.receiver_ports import StreamRecord
from doorward.errors import DoorwardError
from doorward.model.transmitter import Transmitter

_CREATED = frozenset({HTTPStatus.CREATED, HTTPStatus.OK})
_STATUSES = frozenset({"enabled", "paused", "disabled"})


async def connect_stream(receiver: Receiver, act: Act, transmitter_id: str) -> StreamRecord:
    """Make a stream at the transmitter. For push it is told a new bearer to send along.

    A stream that is not as it must be is deleted again. Raises DoorwardError
    `transmitter-unknown`, `transmitter-connected`, `transmitter-secret-missing`,
    `transmitter-unreachable`, `transmitter-invalid`, `transmitter-refused`.
    """
    transmitter = receiver.transmitter(transmitter_id)
    if (await receiver.record(transmitter)).stream:
        raise DoorwardError(
            "transmitter-connected",
            f"There is a stream at {transmitter.name} already.",
            f"End it first: doorward signal disconnect {transmitter.id}.",
        )
    bearer = receiver.control.secrets.token()
    delivery = {"method": METHODS[transmitter.delivery]}
    if transmitter.delivery == "push":
        delivery |= {
            "endpoint_url": receiver.push_url(transmitter),
            "authorization_header": f"Bearer {bearer}",
        }
        await _keep(receiver, transmitter, push_hash=digest(bearer))
    body = {"delivery": delivery, "events_requested": events_requested(transmitter)}
    url = await _endpoint(receiver, transmitter, "configuration_endpoint", act)
    answer = await _ask(receiver, transmitter, "POST", url, "a stream", _CREATED, body)
    try:
        stream = read_stream(answer.body, transmitter)
    except DoorwardError:
        if left := stream_id_in(answer.body):
            await _delete(receiver, transmitter, url, left)
        raise
    return await _keep(
        receiver,
        transmitter,
        act,
        "stream-connected",
        stream=stream.id,
        audience=stream.audience,
        poll_url=stream.poll_url,
        delivered=stream.delivered,
        status="enabled",
        connected_at=act.at,
        verified_at=None,
    )


async def disconnect_stream(receiver: Receiver, act: Act, transmitter_id: str) -> StreamRecord:
    """Delete the stream. What was pushed by its bearer is not taken any more from now on.

    One that the transmitter does not know any more is as good as deleted. Raises as
    `connect_stream`, and `transmitter-disconnected`.
    """
    transmitter, record = await _connected(receiver, transmitter_id)
    url = await _endpoint(receiver, transmitter, "configuration_endpoint", act)
    await _delete(receiver, transmitter, url, record.stream)
    return await _keep(
        receiver,
        transmitter,
        act,
        "stream-disconnected",
        push_hash="",
        stream="",
        audience=(),
        poll_url="",
        delivered=(),
        status="",
        connected_at=None,
        state_hash="",
    )


async def ask_verification(receiver: Receiver, act: Act, transmitter_id: str) -> StreamRecord:
    """Ask for a verification event that echoes a new secret state. Raises as `disconnect_stream`.

    It comes by the stream, whenever it comes (8.1.4.2): `verified_at` then is later.
    """
    transmitter, record = await _connected(receiver, transmitter_id)
    url = await _endpoint(receiver, transmitter, "verification_endpoint", act)
    state = receiver.control.secrets.token()
    before = await _keep(receiver, transmitter, state_hash=digest(state), asked_at=act.at)
    body = {"stream_id": record.stream, "state": state}
    accepted = frozenset({HTTPStatus.NO_CONTENT})
    await _ask(receiver, transmitter, "POST", url, "a verification", accepted, body)
    return before


async def ask_status(receiver: Receiver, act: Act, transmitter_id: str) -> StreamRecord:
    """Ask for the stream's status, and keep it. Raises as `disconnect_stream`."""
    transmitter, record = await _connected(receiver, transmitter_id)
    url = await _endpoint(receiver, transmitter, "status_endpoint", act)
    url = _with_stream(url, record.stream)
    accepted = frozenset({HTTPStatus.OK})
    answer = await _ask(receiver, transmitter, "GET", url, "its status", accepted)
    return await _keep(receiver, transmitter, status=read_status(answer.body))


def read_status(body: bytes) -> str:
    """The status of a stream (8.1.2.1). Raises DoorwardError `transmitter-invalid`."""
    try:
        status = msgspec.json.decode(body, type=_Status).status
    except (msgspec.DecodeError, RecursionError) as error:
        raise invalid("its status cannot be read") from error
    if status not in _STATUSES:
        raise invalid("its status is none that there is")
    return status


class _Status(msgspec.Struct, frozen=True):
    status: str


async def _connected(receiver: Receiver, transmitter_id: str) -> tuple[Transmitter, StreamRecord]:
    transmitter = receiver.transmitter(transmitter_id)
    record = await receiver.record(transmitter)
    if not record.stream:
        raise DoorwardError(
            "transmitter-disconnected",
            f"There is no stream at {transmitter.name}.",
            f"Make one: doorward signal connect {transmitter.id}.",
        )
    return transmitter, record


async def _endpoint(receiver: Receiver, transmitter: Transmitter, name: str, act: Act) -> str:
    url: str = getattr(await receiver.metadata(transmitter, act.at), name)
    if not url:
        raise invalid(f"it has no {name}")
    return url


async def _delete(receiver: Receiver, transmitter: Transmitter, url: str, stream: str) -> None:
    gone = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND})
    where = _with_stream(url, stream)
    await _ask(receiver, transmitter, "DELETE", where, "to delete the stream", gone)


async def _ask(
    receiver: Receiver,
    transmitter: Transmitter,
    method: Method,
    url: str,
    what: str,
    accepted: Collection[int],
    body: object = None,
) -> Answer:
    bearer = await management_token(receiver, transmitter)
    content = b"" if body is None else msgspec.json.encode(body)
    try:
        answer = await receiver.http.send(
            method, url, issuer=transmitter.issuer, bearer=bearer, body=content
        )
    except DoorwardError as error:
        raise from_http(error, transmitter) from error
    if answer.status not in accepted:
        raise refused_by(transmitter, what, answer.status)
    return answer


def _with_stream(url: str, stream: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode({'stream_id': stream})}"


async def _keep(
    receiver: Receiver,
    transmitter: Transmitter,
    act: Act | None = None,
    name: str = "",
    **fields: object,
) -> StreamRecord:
    """Change what is kept, with an audit entry where `act` has a `name`."""
    async with receiver.control.store.transaction() as transaction:
        record = msgspec.structs.replace(await record_of(transaction, transmitter), **fields)
        await transaction.receiver.streams.put(record)
        if act is not None:
            await transaction.audit.append(
                at=act.at,
                actor=act.actor,
                act=name,
                target=transmitter.authority,
                detail={"issuer": transmitter.issuer, "stream": record.stream},
            )
    return record
