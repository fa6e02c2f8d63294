"""Fetching tokens from a transmitter (RFC 8936)."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus

import msgspec

from doorward.administrator.receiver.keep_secrets import management_token
from doorward.administrator.receiver.receive_set import receive_set
from doorward.administrator.receiver.receiver import Receiver
from doorward.administrator.receiver.refusals import (
    SetRefusedError,
    from_http,
    invalid,
    refused_by,
)
from doorward.administrator.receiver.refused_sets import note_refused
from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds
from doorward.model.transmitter import Transmitter
from doorward.protocol.signals.delivery import PollAnswer, PollRequest, SetError

MAX_EVENTS = 20
"""How many tokens are asked for at once: together they fit a bounded answer."""


@dataclass(slots=True)
class Receipts:
    """What the transmitter has yet to be told: tokens that were taken, and those that were not."""

    taken: list[str] = field(default_factory=list)
    refused: dict[str, SetError] = field(default_factory=dict)


async def poll(
    receiver: Receiver, transmitter: Transmitter, receipts: Receipts, now: UnixSeconds
) -> bool:
    """Acknowledge `receipts`, take what is there, and note it in `receipts`.

    Whether another poll is due at once: for more tokens, or to acknowledge these. A token is
    acknowledged after what it causes is recorded: where that fails, it comes again.
    Raises DoorwardError `transmitter-unreachable`, `transmitter-invalid`, `transmitter-refused`,
    or the store's; then what was not acknowledged stays in `receipts`.
    """
    record = await receiver.record(transmitter)
    if not record.stream or not record.poll_url:
        return False
    request = PollRequest(
        max_events=MAX_EVENTS,
        return_immediately=True,
        ack=tuple(receipts.taken),
        set_errs=dict(receipts.refused),
    )
    answer = await _asked(receiver, transmitter, record.poll_url, request)
    receipts.taken.clear()
    receipts.refused.clear()
    for jti, token in answer.sets.items():
        try:
            await receive_set(receiver, transmitter, token, now, jti=jti)
        except SetRefusedError as refused:
            await note_refused(receiver, transmitter.authority, transmitter.authority, refused, now)
            receipts.refused[jti] = SetError(err=refused.err, description=refused.detail)
        else:
            receipts.taken.append(jti)
    return bool(answer.sets) or answer.more_available


async def _asked(
    receiver: Receiver, transmitter: Transmitter, url: str, request: PollRequest
) -> PollAnswer:
    bearer = await management_token(receiver, transmitter)
    try:
        answer = await receiver.http.send(
            "POST",
            url,
            issuer=transmitter.issuer,
            bearer=bearer,
            body=msgspec.json.encode(request),
        )
    except DoorwardError as error:
        raise from_http(error, transmitter) from error
    if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        raise refused_by(transmitter, "to be polled", answer.status)
    if answer.status != HTTPStatus.OK:
        raise invalid(f"polled, it answers with status {answer.status}")
    return read_poll_answer(answer.body)


def read_poll_answer(body: bytes) -> PollAnswer:
    """Raises DoorwardError `transmitter-invalid` for what is none, or holds more than was asked."""
    try:
        answer = msgspec.json.decode(body, type=PollAnswer)
    except (msgspec.DecodeError, RecursionError) as error:
        raise invalid("what it was polled for cannot be read") from error
    if len(answer.sets) > MAX_EVENTS:
        raise invalid(f"it sends more than the {MAX_EVENTS} tokens that were asked for")
    return answer
