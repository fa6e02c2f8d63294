"""A receiver's request, and how it is answered."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from doorward.administrator.control_plane import Act
from doorward.administrator.signals.transmitting.poll import Polls
from doorward.administrator.signals.transmitting.transmitter import Transmitting
from doorward.model.ids import ServiceId

_NOT_KEPT = {"cache-control": "no-store"}


@dataclass(frozen=True, slots=True)
class Call:
    """Who asks for what; `body` is the whole body."""

    transmitter: Transmitting
    polls: Polls
    act: Act
    receiver: ServiceId
    request: Request
    body: bytes

    def parameter(self, name: str) -> str | None:
        """A query parameter; None where it is missing."""
        return self.request.query_params.get(name)


def json(value: object, status: int = 200) -> Response:
    """JSON that nobody keeps."""
    return Response(msgspec.json.encode(value), status, dict(_NOT_KEPT), "application/json")


def empty(status: int) -> Response:
    """Nothing but a status."""
    return Response(b"", status, dict(_NOT_KEPT))
