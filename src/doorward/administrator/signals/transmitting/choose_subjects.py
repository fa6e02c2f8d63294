"""Which subjects a stream leaves out (SSF 1.0, 8.1.3): by default it has all of them.

What is answered does not depend on whether somebody by that name exists (9.1).
"""

from __future__ import annotations

from typing import Literal

import msgspec

from doorward.administrator.control_plane import Act
from doorward.administrator.signals.transmitting.configuration import invalid
from doorward.administrator.signals.transmitting.transmitter import Transmitting, own_stream
from doorward.errors import DoorwardError
from doorward.model.ids import ServiceId
from doorward.protocol.signals.subjects import Json, read_subject

MOST_LEFT_OUT = 1000
_MAX_SUBJECT_BYTES = 4096


class SubjectBody(msgspec.Struct, frozen=True, kw_only=True):
    """The request of both endpoints. `verified` is read and means nothing to us."""

    stream_id: str
    subject: msgspec.Raw
    verified: bool = True


async def choose_subject(
    transmitter: Transmitting,
    act: Act,
    receiver: ServiceId,
    body: SubjectBody,
    what: Literal["add", "remove"],
) -> None:
    """Tell of a subject (again), or no more.

    Raises `stream-request-invalid`, `stream-unknown`, `subject-limit`.
    """
    subject = _subject(body.subject)
    async with transmitter.control.store.transaction() as transaction:
        stream = await own_stream(transaction, receiver, body.stream_id)
        left_out = transaction.signals.left_out
        known = await left_out.of(stream.id)
        if (subject in known) == (what == "remove"):
            return
        if what == "add":
            await left_out.remove(stream.id, subject)
        else:
            if len(known) >= MOST_LEFT_OUT:
                raise DoorwardError(
                    "subject-limit",
                    f"The stream leaves out {MOST_LEFT_OUT} subjects, which is the most.",
                    "Ask for fewer event types instead.",
                )
            await left_out.add(stream.id, subject)
        await transaction.audit.append(
            at=act.at,
            actor=act.actor,
            act=f"stream-subject-{what}",
            target=f"stream:{stream.id}",
            detail={"receiver": receiver, "subject": msgspec.json.encode(subject).decode()},
        )


def _subject(raw: msgspec.Raw) -> Json:
    """Raises DoorwardError `stream-request-invalid` for what no subject identifier is."""
    if len(bytes(raw)) > _MAX_SUBJECT_BYTES:
        raise invalid("subject is too long.")
    try:
        read = read_subject(raw)
        return msgspec.json.decode(msgspec.json.encode(read), type=Json)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise invalid(f"subject is no subject identifier: {error}") from None
