"""What every handler of devices' messages works with, and how a message is read and answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from doorward.administrator.devices.accept import SignedMessage
from doorward.administrator.devices.parts import Fleet
from doorward.administrator.devices.refused import note_refusal
from doorward.entrypoints.api.problems import answer
from doorward.errors import DoorwardError
from doorward.model.ids import DeviceId, UnixSeconds
from doorward.protocol.agent import DEVICES, MAX_BODY_BYTES, SIGNATURE_HEADER, Pending

Body = TypeVar("Body")


@dataclass(frozen=True, slots=True)
class FleetContext:
    """The parts of use cases about devices, and the time."""

    fleet: Fleet
    clock: Callable[[], UnixSeconds]


@dataclass(frozen=True, slots=True)
class Call:
    """One message as it came. `now` is when; `address` is the client's, by the gateway's word."""

    context: FleetContext
    request: Request
    message: SignedMessage
    now: UnixSeconds
    address: str

    def body(self, kind: type[Body]) -> Body:
        """The body as `kind`. Raises DoorwardError `message-malformed`."""
        try:
            return msgspec.json.decode(self.message.body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise DoorwardError(
                "message-malformed",
                "The message is not one that doorward's agent sends.",
                "Use an agent of this version.",
            ) from error


Handler = Callable[[Call], Awaitable[msgspec.Struct]]
DeviceHandler = Callable[[Call, DeviceId], Awaitable[msgspec.Struct]]

_encoder = msgspec.json.Encoder()


def route(context: FleetContext, path: str, handler: Handler) -> Route:
    """POST at `path`: what `handler` returns is the answer, what it raises a problem document."""

    async def endpoint(request: Request) -> Response:
        try:
            call = await _call(context, request)
            return _json(await handler(call))
        except DoorwardError as error:
            return answer(error)

    return Route(path, endpoint, methods=["POST"])


def device_route(context: FleetContext, what: str, handler: DeviceHandler) -> Route:
    """POST at `DEVICES/ID/what`. What is refused changes nothing; the audit log hears of it."""

    async def noted(call: Call) -> msgspec.Struct:
        device = DeviceId(call.request.path_params["device"])
        try:
            return await handler(call, device)
        except DoorwardError as error:
            await note_refusal(context.fleet, device, call.address, error, call.now)
            raise

    return route(context, f"{DEVICES}/{{device}}/{what}", noted)


def _json(content: msgspec.Struct) -> Response:
    return Response(
        _encoder.encode(content),
        status_code=202 if isinstance(content, Pending) else 200,
        media_type="application/json",
        headers={"cache-control": "no-store"},
    )


async def _call(context: FleetContext, request: Request) -> Call:
    signatures = request.headers.getlist(SIGNATURE_HEADER)
    forwarded = request.headers.getlist("x-forwarded-for")
    return Call(
        context,
        request,
        SignedMessage(
            path=request.scope["path"],
            body=await _bytes(request),
            signature=signatures[0] if len(signatures) == 1 else "",
        ),
        context.clock(),
        forwarded[-1].rpartition(",")[2].strip() if forwarded else "",
    )


async def _bytes(request: Request) -> bytes:
    """The body. Raises DoorwardError `request-too-large`; no more of it is held in memory."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise DoorwardError(
                "request-too-large",
                f"A message is at most {MAX_BODY_BYTES // 1024} KiB.",
                "Send less.",
            )
    return bytes(body)
