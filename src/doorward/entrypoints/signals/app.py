"""The transmitter as an ASGI application: stream management (SSF 1.0, 8) and polls (RFC 8936).

Who asks is known before anything of the request is read. A request that is refused for what it
says is an audit entry, up to a limit.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from doorward.administrator.control_plane import Act
from doorward.administrator.signals.transmitting import transmitter as paths
from doorward.administrator.signals.transmitting.poll import Polls
from doorward.administrator.signals.transmitting.refusals import note_refused_request
from doorward.administrator.signals.transmitting.transmitter import (
    VERIFICATION_SECONDS,
    Transmitting,
)
from doorward.entrypoints.actors import Authenticator
from doorward.entrypoints.api.problems import answer, status
from doorward.entrypoints.signals import handlers
from doorward.entrypoints.signals.call import Call, json
from doorward.entrypoints.unexpected import UnexpectedErrors
from doorward.errors import DoorwardError
from doorward.model.ids import ServiceId, UnixSeconds

MAX_BODY_BYTES = 64 * 1024

_SERVICE = "service:"
_BAD_REQUEST = 400
_TOO_MANY = 429
_MINUTE = 60
_TOLD_CHARACTERS = 300

_log = structlog.get_logger(__name__)

Handler = Callable[[Call], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class SignalsContext:
    """Ports and values."""

    transmitter: Transmitting
    polls: Polls
    authenticator: Authenticator
    clock: Callable[[], UnixSeconds]


def app(context: SignalsContext) -> Starlette:
    """Everything that a receiver calls with a token."""
    return Starlette(
        routes=[
            _route(context, paths.STREAMS, handlers.create, "POST"),
            _route(context, paths.STREAMS, handlers.read, "GET"),
            _route(context, paths.STREAMS, handlers.update, "PATCH"),
            _route(context, paths.STREAMS, handlers.replace, "PUT"),
            _route(context, paths.STREAMS, handlers.remove, "DELETE"),
            _route(context, paths.STATUS, handlers.read_status, "GET"),
            _route(context, paths.STATUS, handlers.set_status, "POST"),
            _route(context, paths.ADD_SUBJECT, handlers.add_subject, "POST"),
            _route(context, paths.REMOVE_SUBJECT, handlers.remove_subject, "POST"),
            _route(context, paths.VERIFY, handlers.verify, "POST"),
            _route(context, f"{paths.POLL}/{{stream}}", handlers.poll, "POST"),
        ],
        middleware=[Middleware(UnexpectedErrors, answer=answer)],
        exception_handlers={HTTPException: _unanswered},
    )


def metadata_app(transmitter: Transmitting) -> Starlette:
    """The configuration metadata, for everybody (SSF 1.0, 7.2), at the issuer's host."""

    async def metadata(_: Request) -> Response:
        try:
            response = json(transmitter.metadata())
        except DoorwardError as error:
            return answer(error)
        response.headers["cache-control"] = "public, max-age=300"
        return response

    return Starlette(
        routes=[Route("/.well-known/ssf-configuration", metadata, methods=["GET"])],
        middleware=[Middleware(UnexpectedErrors, answer=answer)],
        exception_handlers={HTTPException: _unanswered},
    )


def _route(context: SignalsContext, path: str, handler: Handler, method: str) -> Route:
    async def endpoint(request: Request) -> Response:
        now = context.clock()
        try:
            actor = context.authenticator.actor(request.method, request.headers, now)
            receiver = _receiver(actor.id)
        except DoorwardError as error:
            return _refused(error)
        act = actor.act(now)
        try:
            await _require_patience(context, receiver)
            body = await _body(request)
            call = Call(context.transmitter, context.polls, act, receiver, request, body)
            return await handler(call)
        except DoorwardError as error:
            if status(error.code) == _BAD_REQUEST:
                await _note(context, act, request, error)
            return _refused(error)

    return Route(path, endpoint, methods=[method])


def _receiver(actor: str) -> ServiceId:
    """Raises DoorwardError `receiver-needed`: a stream is a service's, never a person's."""
    if not actor.startswith(_SERVICE):
        raise DoorwardError(
            "receiver-needed",
            "Event streams are for services.",
            "Call with a service token for this resource.",
        )
    return ServiceId(actor.removeprefix(_SERVICE))


async def _require_patience(context: SignalsContext, receiver: ServiceId) -> None:
    if not await context.transmitter.throttle.allow(f"signals:{receiver}"):
        raise DoorwardError(
            "signals-too-many", "You ask too often.", "Wait a minute, and ask less often."
        )


async def _body(request: Request) -> bytes:
    """The whole body. Raises `request-too-large`, and never holds more than is allowed."""
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > MAX_BODY_BYTES:
                raise DoorwardError(
                    "request-too-large",
                    f"The body is larger than {MAX_BODY_BYTES // 1024} KiB.",
                    "Send less at once.",
                )
    except ClientDisconnect:
        raise DoorwardError("request-invalid", "The body has no end.", "Send it again.") from None
    return bytes(body)


async def _note(context: SignalsContext, act: Act, request: Request, error: DoorwardError) -> None:
    transmitter = context.transmitter
    if not await transmitter.throttle.allow(f"provisioning:{act.actor}"):
        _log.warning("refusal-not-noted", actor=act.actor, code="too-many")
        return
    target = f"signals:{request.method} {request.url.path}"[:_TOLD_CHARACTERS]
    detail = {"code": error.code, "detail": error.detail[:_TOLD_CHARACTERS]}
    try:
        await note_refused_request(transmitter.control, act, target, detail)
    except DoorwardError as failure:
        _log.warning("refusal-not-noted", code=failure.code, detail=failure.detail)


def _refused(error: DoorwardError) -> Response:
    response = answer(error)
    if response.status_code == 401:  # noqa: PLR2004
        response.headers["www-authenticate"] = 'Bearer realm="doorward"'
    if response.status_code == _TOO_MANY:
        wait = VERIFICATION_SECONDS if error.code == "verification-too-soon" else _MINUTE
        response.headers["retry-after"] = str(wait)
    return response


async def _unanswered(_: Request, error: Exception) -> Response:
    code = "method-not-allowed" if getattr(error, "status_code", 404) == 405 else "not-found"  # noqa: PLR2004
    return answer(
        DoorwardError(code, "Nothing answers this.", "The metadata names every endpoint.")
    )
