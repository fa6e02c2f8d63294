"""Poll delivery (RFC 8936): tokens wait until the receiver says that it has them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

import msgspec

from doorward.administrator.ports import Transaction
from doorward.administrator.signal_ports import Stream
from doorward.administrator.signals.transmitting.bell import rung_within
from doorward.administrator.signals.transmitting.configuration import invalid
from doorward.administrator.signals.transmitting.refusals import note_refused_tokens
from doorward.administrator.signals.transmitting.signed import key_of, signed
from doorward.administrator.signals.transmitting.supported import DELIVERABLE
from doorward.administrator.signals.transmitting.transmitter import Transmitting, own_stream
from doorward.errors import DoorwardError
from doorward.model.ids import ServiceId, UnixSeconds
from doorward.protocol.signals.delivery import MAX_POLLED, PollAnswer, PollRequest

WAIT_SECONDS = 20.0
"""How long a long poll waits for something to tell."""

LOOK_SECONDS = 1.0
WAITING_AT_ONCE = 4
"""Long polls of one receiver; a further one is answered at once."""

_HEARD_SECONDS = 60


class Polls:
    """Answers polls. One for each control process; `clock` tells the time."""

    def __init__(
        self,
        transmitter: Transmitting,
        clock: Callable[[], UnixSeconds],
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self._transmitter = transmitter
        self._clock = clock
        self._wait_seconds = wait_seconds
        self._waiting: Counter[ServiceId] = Counter()

    async def answer(self, receiver: ServiceId, stream_id: str, request: PollRequest) -> PollAnswer:
        """Forget what is acknowledged or refused, then tell what there is, or wait for it.

        Raises `stream-unknown`, also for a stream that is pushed; `stream-request-invalid`.
        """
        if len(request.ack) > MAX_POLLED or len(request.set_errs) > MAX_POLLED:
            raise invalid(f"ack and setErrs have at most {MAX_POLLED} members.")
        with self._transmitter.bell.heard() as rung:
            found = await self._look(receiver, stream_id, request)
            if found.sets or request.return_immediately or request.max_events == 0:
                return found
            if self._waiting[receiver] >= WAITING_AT_ONCE:
                return found
            self._waiting[receiver] += 1
            try:
                return await self._wait(receiver, stream_id, request, rung)
            finally:
                self._waiting[receiver] -= 1

    async def _wait(
        self, receiver: ServiceId, stream_id: str, request: PollRequest, rung: asyncio.Event
    ) -> PollAnswer:
        asked = PollRequest(max_events=request.max_events)
        until = asyncio.get_running_loop().time() + self._wait_seconds
        while True:
            left = until - asyncio.get_running_loop().time()
            if left <= 0:
                return PollAnswer(sets={})
            await rung_within(rung, min(left, LOOK_SECONDS))
            rung.clear()
            found = await self._look(receiver, stream_id, asked)
            if found.sets:
                return found

    async def _look(self, receiver: ServiceId, stream_id: str, request: PollRequest) -> PollAnswer:
        now = self._clock()
        most = MAX_POLLED if request.max_events is None else min(request.max_events, MAX_POLLED)
        async with self._transmitter.control.store.transaction() as transaction:
            stream = await own_stream(transaction, receiver, stream_id)
            if stream.method != "poll":
                raise DoorwardError(
                    "stream-unknown", "This stream is pushed.", "Change its delivery first."
                )
            await _forget(transaction, stream, request, now)
            items = await transaction.signals.outbox.waiting(
                stream.id, most + 1, DELIVERABLE[stream.status]
            )
            if not items[:most]:
                return PollAnswer(sets={}, more_available=bool(items))
            key = await key_of(transaction, stream, now)
        tokens = await signed(self._transmitter, key, items[:most])
        return PollAnswer(sets=tokens, more_available=len(items) > most)


async def _forget(
    transaction: Transaction, stream: Stream, request: PollRequest, now: UnixSeconds
) -> None:
    outbox = transaction.signals.outbox
    if request.ack:
        await outbox.remove(stream.id, request.ack)
    refused = {}
    for jti, error in request.set_errs.items():
        # Only what was there is noted: a receiver cannot fill the audit log with what it invents.
        if await outbox.remove(stream.id, [jti]):
            refused[jti] = error.err
    await note_refused_tokens(transaction, stream, refused, now)
    if stream.heard_at is None or now - stream.heard_at >= _HEARD_SECONDS or refused:
        heard = msgspec.structs.replace(
            stream,
            heard_at=now,
            last_error="The receiver refused a token." if refused else "",
        )
        await transaction.signals.streams.put(heard)
