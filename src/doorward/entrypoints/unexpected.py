"""Unexpected errors: logged under an opaque reference, which is all that the outside is told."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import structlog
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from doorward.errors import DoorwardError

_log = structlog.get_logger(__name__)


class UnexpectedErrors:
    """ASGI middleware: what nothing else handled becomes `answer(internal-error)`."""

    def __init__(self, app: ASGIApp, answer: Callable[[DoorwardError], Response]) -> None:
        self._app = app
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def noting_send(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, noting_send)
        except Exception as error:
            if started or scope["type"] != "http":
                raise
            await self._answer(_reported(error))(scope, receive, send)


def _reported(error: Exception) -> DoorwardError:
    reference = secrets.token_hex(8)
    _log.error("unexpected error", reference=reference, exc_info=error)
    return DoorwardError(
        "internal-error",
        f"Something went wrong inside doorward (reference {reference}).",
        "Look for the reference in the control plane's log.",
    )
