"""What each endpoint of the transmitter does."""

from __future__ import annotations

from starlette.responses import Response

from doorward.administrator.signals.transmitting import manage_streams
from doorward.administrator.signals.transmitting.choose_subjects import SubjectBody, choose_subject
from doorward.administrator.signals.transmitting.configuration import (
    StreamBody,
    invalid,
    read_body,
)
from doorward.administrator.signals.transmitting.stream_status import StatusBody
from doorward.administrator.signals.transmitting.stream_status import read_status as status_of
from doorward.administrator.signals.transmitting.stream_status import set_status as with_status
from doorward.administrator.signals.transmitting.verify_stream import (
    VerificationBody,
    verify_stream,
)
from doorward.entrypoints.signals.call import Call, empty, json
from doorward.protocol.signals.delivery import PollRequest

_CREATED = 201
_NO_CONTENT = 204


async def create(call: Call) -> Response:
    """A new stream (SSF 1.0, 8.1.1.1)."""
    body = read_body(call.body, StreamBody)
    made = await manage_streams.create_stream(call.transmitter, call.act, call.receiver, body)
    return json(made, _CREATED)


async def read(call: Call) -> Response:
    """One stream, or all of the receiver's (8.1.1.2)."""
    stream = call.parameter("stream_id")
    if stream is None:
        return json(await manage_streams.read_streams(call.transmitter, call.receiver))
    return json(await manage_streams.read_stream(call.transmitter, call.receiver, stream))


async def update(call: Call) -> Response:
    """What is said is changed (8.1.1.3)."""
    body = read_body(call.body, StreamBody)
    return json(await manage_streams.update_stream(call.transmitter, call.act, call.receiver, body))


async def replace(call: Call) -> Response:
    """What is not said goes (8.1.1.4)."""
    body = read_body(call.body, StreamBody)
    return json(
        await manage_streams.replace_stream(call.transmitter, call.act, call.receiver, body)
    )


async def remove(call: Call) -> Response:
    """The stream ends (8.1.1.5)."""
    await manage_streams.remove_stream(call.transmitter, call.act, call.receiver, _named(call))
    return empty(_NO_CONTENT)


async def read_status(call: Call) -> Response:
    """8.1.2.1."""
    return json(await status_of(call.transmitter, call.receiver, _named(call)))


async def set_status(call: Call) -> Response:
    """8.1.2.2."""
    body = read_body(call.body, StatusBody)
    return json(await with_status(call.transmitter, call.act, call.receiver, body))


async def add_subject(call: Call) -> Response:
    """8.1.3.2: an empty 200, whoever that is."""
    body = read_body(call.body, SubjectBody)
    await choose_subject(call.transmitter, call.act, call.receiver, body, "add")
    return empty(200)


async def remove_subject(call: Call) -> Response:
    """8.1.3.3: an empty 204, whoever that is."""
    body = read_body(call.body, SubjectBody)
    await choose_subject(call.transmitter, call.act, call.receiver, body, "remove")
    return empty(_NO_CONTENT)


async def verify(call: Call) -> Response:
    """8.1.4.2."""
    body = read_body(call.body, VerificationBody)
    await verify_stream(call.transmitter, call.receiver, body, call.act.at)
    return empty(_NO_CONTENT)


async def poll(call: Call) -> Response:
    """RFC 8936."""
    wanted = read_body(call.body, PollRequest)
    stream = str(call.request.path_params["stream"])
    return json(await call.polls.answer(call.receiver, stream, wanted))


def _named(call: Call) -> str:
    stream = call.parameter("stream_id")
    if stream is None:
        raise invalid("stream_id is missing.")
    return stream
