"""What every route works with, and who asks: the two dependencies of the whole API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Request

from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.devices.parts import Fleet
from doorward.administrator.directory.ports import Directory
from doorward.administrator.federation.federation import Federation
from doorward.administrator.openid.provider import Provider
from doorward.administrator.osquery.parts import Osquery
from doorward.administrator.ports import AuditHeads, Sealer
from doorward.administrator.proofing.parts import Proofing
from doorward.administrator.receiver.receiver import Receiver
from doorward.administrator.signals.transmitting.transmitter import Transmitting
from doorward.entrypoints.actors import Actor, Authenticator
from doorward.estate import EstateReader
from doorward.model.areas import area_of
from doorward.model.ids import UnixSeconds

PREFIX = "/api/v1"


@dataclass(frozen=True, slots=True)
class Context:
    """Ports and values. `auth_origin` is where invitations are accepted, without closing slash."""

    control: ControlPlane
    openid: Provider
    transmitter: Transmitting
    federation: Federation
    receiver: Receiver
    directory: Directory
    proofing: Proofing
    osquery: Osquery
    fleet: Fleet
    heads: AuditHeads
    sealer: Sealer
    authenticator: Authenticator
    clock: Callable[[], UnixSeconds]
    auth_origin: str
    invitation_seconds: int
    estates: EstateReader = field(default_factory=EstateReader)


def context(request: Request) -> Context:
    """The ports that `app` was made with."""
    return cast("Context", request.app.state.context)


def caller(request: Request) -> Actor:
    """Who asks. Every route depends on this; an architecture test proves it."""
    ports = context(request)
    area = area_of(PREFIX + request.scope["route"].path)
    return ports.authenticator.actor(request.method, request.headers, ports.clock(), area)


Ports = Annotated[Context, Depends(context)]
Caller = Annotated[Actor, Depends(caller)]
