"""How large a request's body may be: what is larger is never held in memory."""

from __future__ import annotations

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_MEBIBYTES = 32
"""Room for an estate of some 300,000 people."""


class BoundedBodies:
    """ASGI middleware: whoever reads a larger body gets HTTPException 413 instead.

    The bytes are counted as they come: a `Content-Length` may be missing.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        left = MAX_BODY_MEBIBYTES * 1024 * 1024

        async def bounded() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return message

        await self._app(scope, bounded, send)
