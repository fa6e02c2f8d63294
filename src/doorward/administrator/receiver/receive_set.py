"""One security event token: verified, recorded once, and acted on as far as it may."""

from __future__ import annotations

import hmac
from typing import Literal

import msgspec

from doorward.administrator.authentication import digest
from doorward.administrator.control_plane import effect
from doorward.administrator.federation.refusals import FederationRejectedError
from doorward.administrator.ports import Transaction
from doorward.administrator.receiver.applying import Applying, Done
from doorward.administrator.receiver.effects import applied
from doorward.administrator.receiver.receiver import Receiver, record_of
from doorward.administrator.receiver.refusals import SetRefusedError, from_http, refused_token
from doorward.administrator.receiver.set_claims import ALGORITHMS, SecurityEvent, check_set
from doorward.administrator.receiver.subjects import resolve, shown_unknown, unprocessed
from doorward.administrator.receiver_ports import NewSignal, Outcome, StreamRecord
from doorward.administrator.settled import settled
from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds
from doorward.model.snapshot import Snapshot
from doorward.model.transmitter import EFFECT_OF, Transmitter
from doorward.protocol.signals.events import StreamUpdated, Verification


async def receive_set(
    receiver: Receiver, transmitter: Transmitter, token: str, now: UnixSeconds, *, jti: str = ""
) -> Outcome | Literal["replayed"]:
    """What came of `token`, enforced by every gateway within bounds.

    The same token a second time does nothing, and is as good as taken (RFC 8935, 2). `jti` is the
    name under which a poll delivered it, which must be its own.
    Raises SetRefusedError; `transmitter-unreachable` or `transmitter-invalid` where its keys are
    not to be had.
    """
    audiences = await _audiences(receiver, transmitter)
    event = await _verified(receiver, transmitter, token, audiences, now)
    if jti and event.jti != jti:
        raise SetRefusedError("invalid_request", "jti-of-another")
    critical = (await receiver.metadata(transmitter, now)).critical_subject_members
    async with receiver.control.store.transaction() as transaction:
        if await transaction.receiver.signals.seen(transmitter.id, event.jti):
            return "replayed"
        snapshot = await settled(receiver.control, transaction)
        outcome, subject, done = await _act(
            transaction, snapshot, transmitter, event, critical, now
        )
        number = await transaction.snapshot.publish(done.changes)
        signal = NewSignal(
            transmitter=transmitter.id,
            jti=event.jti,
            type=event.type,
            subject=subject,
            at=event.at,
            received_at=now,
            outcome=outcome,
            detail=done.detail if done.changes else "",
        )
        await transaction.receiver.signals.append(signal)
        await _heard(transaction, transmitter, now)
        if done.changes:
            await transaction.audit.append(
                at=now,
                actor=transmitter.authority,
                act="signal-applied",
                target=subject,
                detail={"event": event.name, "jti": event.jti, "what": done.detail},
            )
    await effect(receiver.control, number)
    return outcome


async def _audiences(receiver: Receiver, transmitter: Transmitter) -> tuple[str, ...]:
    if transmitter.audience:
        return (transmitter.audience,)
    return (await receiver.record(transmitter)).audience


async def _verified(
    receiver: Receiver,
    transmitter: Transmitter,
    token: str,
    audiences: tuple[str, ...],
    now: UnixSeconds,
) -> SecurityEvent:
    try:
        unverified = receiver.tokens.read(token)
        keys = await receiver.directory.keys(transmitter, unverified.key_id, now)
        verified = receiver.tokens.verify(unverified, keys, ALGORITHMS)
    except FederationRejectedError as error:
        raise refused_token(error) from error
    except DoorwardError as error:
        raise from_http(error, transmitter) from error
    return check_set(verified, transmitter.issuer, audiences, now)


async def _act(
    transaction: Transaction,
    snapshot: Snapshot,
    transmitter: Transmitter,
    event: SecurityEvent,
    critical: tuple[str, ...],
    now: UnixSeconds,
) -> tuple[Outcome, str, Done]:
    """The outcome, whom it was about, and what is to be done; the first that applies.

    1. A type that is not known is recorded (RFC 8417, 2: receivers ignore what they do not know).
    2. What is about the stream itself is taken to the stream.
    3. What this transmitter may not send is recorded.
    4. A critical member that cannot be processed discards the event (SSF 1.0, 3.6).
    5. Somebody unknown, or whom it may not speak of, is recorded without their name.
    6. What it may send and not cause is recorded.
    """
    name = next((known for known in EFFECT_OF if known == event.name), None)
    if event.event is None:
        return "event-unknown", shown_unknown(event.subject), Done()
    if isinstance(event.event, Verification | StreamUpdated):
        return await _about_stream(transaction, transmitter, event, now)
    if name is None or name not in transmitter.events:
        return "event-not-allowed", shown_unknown(event.subject), Done()
    if unprocessed(event, critical):
        return "member-not-understood", shown_unknown(event.subject), Done()
    subject = await resolve(transaction, snapshot, transmitter, event)
    if subject is None:
        return "subject-unknown", shown_unknown(event.subject), Done()
    if EFFECT_OF[name] not in transmitter.effects:
        return "effect-not-allowed", subject.shown, Done()
    done = await applied(Applying(transaction, snapshot, transmitter, event, subject, now))
    return "applied" if done.changes else done.otherwise, subject.shown, done


async def _about_stream(
    transaction: Transaction, transmitter: Transmitter, event: SecurityEvent, now: UnixSeconds
) -> tuple[Outcome, str, Done]:
    """A verification or a new status (SSF 1.0, 8.1.4.1 and 8.1.5). Raises SetRefusedError."""
    record = await record_of(transaction, transmitter)
    about = event.subject
    if about["format"] != "opaque" or not isinstance(about.get("id"), str):
        raise SetRefusedError("invalid_request", "sub-id-malformed")
    if record.stream and about["id"] != record.stream:
        raise SetRefusedError("invalid_request", "stream-of-another")
    if isinstance(event.event, StreamUpdated):
        updated = msgspec.structs.replace(record, status=event.event.status)
        await transaction.receiver.streams.put(updated)
        return "stream-updated", f"stream {event.event.status}", Done()
    state_hash = "" if _is_answer(record, event) else record.state_hash
    verified = msgspec.structs.replace(record, state_hash=state_hash, verified_at=now)
    await transaction.receiver.streams.put(verified)
    return "verified", "stream", Done()


def _is_answer(record: StreamRecord, event: SecurityEvent) -> bool:
    """A state must be the one that was asked for; without one, the transmitter began it itself."""
    said = event.event
    if not isinstance(said, Verification) or said.state is msgspec.UNSET:
        return False
    if not record.state_hash or not hmac.compare_digest(digest(said.state), record.state_hash):
        raise SetRefusedError("invalid_state", "state-wrong")
    return True


async def _heard(transaction: Transaction, transmitter: Transmitter, now: UnixSeconds) -> None:
    record = await record_of(transaction, transmitter)
    await transaction.receiver.streams.put(msgspec.structs.replace(record, heard_at=now))
