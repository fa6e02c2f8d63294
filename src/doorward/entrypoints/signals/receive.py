"""The endpoint that transmitters push to (RFC 8935)."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from doorward.administrator.receiver.receive_push import receive_push
from doorward.administrator.receiver.receiver import PATH, Receiver
from doorward.administrator.receiver.refusals import SetRefusedError, TooManySignalsError
from doorward.entrypoints.unexpected import UnexpectedErrors
from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds
from doorward.protocol.signals.delivery import MAX_SET_BYTES

__all__ = ["PATH", "app"]

_NO_STORE = {"cache-control": "no-store"}
_RETRY = {**_NO_STORE, "retry-after": "5"}


def app(receiver: Receiver, *, clock: Callable[[], UnixSeconds]) -> Starlette:
    """Answers POST below `PATH`. Requests must come from a gateway, as those to sign-in."""

    async def receive(request: Request) -> Response:
        try:
            await receive_push(
                receiver,
                request.path_params["transmitter"],
                bearer=_bearer(request),
                media_type=request.headers.get("content-type", ""),
                body=await _body(request),
                address=_address(request),
                now=clock(),
            )
        except SetRefusedError as refused:
            return _refused(refused)
        except TooManySignalsError as error:
            headers = {**_NO_STORE, "retry-after": str(max(1, error.retry_after_seconds))}
            return Response(status_code=HTTPStatus.TOO_MANY_REQUESTS, headers=headers)
        except DoorwardError:
            # Not the token's fault: it is to be sent again (RFC 8935, 2.4).
            return Response(status_code=HTTPStatus.SERVICE_UNAVAILABLE, headers=_RETRY)
        return Response(status_code=HTTPStatus.ACCEPTED, headers=_NO_STORE)

    return Starlette(
        routes=[Route(f"{PATH}{{transmitter}}", receive, methods=["POST"])],
        middleware=[Middleware(UnexpectedErrors, answer=_unexpected)],
        exception_handlers={HTTPException: _unanswered},
    )


def _bearer(request: Request) -> str:
    """The token of the one `Authorization` header there is; empty for anything else."""
    said = request.headers.getlist("authorization")
    scheme, _, token = said[0].partition(" ") if len(said) == 1 else ("", "", "")
    return token.strip() if scheme.lower() == "bearer" else ""


async def _body(request: Request) -> bytes:
    """No more than a token and a byte, which is too much."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_SET_BYTES:
            return bytes(body[: MAX_SET_BYTES + 1])
    return bytes(body)


def _address(request: Request) -> str:
    """The client's address: the last element, which our own gateway wrote."""
    forwarded = request.headers.getlist("x-forwarded-for")
    if forwarded:
        return forwarded[-1].rpartition(",")[2].strip()
    return request.client.host if request.client else ""


def _refused(refused: SetRefusedError) -> Response:
    """RFC 8935, 2.3: 400 for whatever is wrong with a token or its sender."""
    body = msgspec.json.encode({"err": refused.err, "description": refused.detail})
    headers = {**_NO_STORE, "content-language": "en"}
    return Response(body, HTTPStatus.BAD_REQUEST, headers, "application/json")


def _unexpected(_: DoorwardError) -> Response:
    return Response(status_code=HTTPStatus.INTERNAL_SERVER_ERROR, headers=_NO_STORE)


async def _unanswered(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.NOT_FOUND
    allow = {"allow": "POST"} if status == HTTPStatus.METHOD_NOT_ALLOWED else {}
    return Response(status_code=status, headers={**_NO_STORE, **allow})
