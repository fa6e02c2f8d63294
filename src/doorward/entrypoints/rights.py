"""What a visitor of the console or its API may do there: the policy engine asked, area by area.

A forecast for what a page shows, never a permission: the gateway decides each request. What
cannot be known here (the country of an address, who stands behind a service) is not granted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.requests import Request

from doorward.enforcement.envoy.check import CERTIFICATE_HEADER, certificate_in
from doorward.engine import PreparedSnapshot, decide
from doorward.entrypoints.actors import Actor
from doorward.model.areas import Area
from doorward.model.decision import AccessRequest, Allow
from doorward.model.device import ClientCertificate
from doorward.model.estate import CONTROL_UPSTREAM, Action, Resource
from doorward.model.ids import SessionId, UnixSeconds


@dataclass(frozen=True, slots=True)
class Rights:
    """Of one visitor, at one moment, in the session and from the place of one request."""

    prepared: PreparedSnapshot
    console: Resource | None
    actor: Actor
    address: str
    certificate: ClientCertificate | None
    now: UnixSeconds
    _known: dict[tuple[Area, Action], bool] = field(default_factory=dict)

    def may(self, area: Area, action: Action = "write") -> bool:
        """Whether the engine would let the visitor read or write in `area`."""
        known = self._known.get((area, action))
        if known is None:
            known = self._known[area, action] = self._asked(area, action)
        return known

    def _asked(self, area: Area, action: Action) -> bool:
        if self.console is None or not self.actor.session:
            return False
        request = AccessRequest(
            resource=self.console.id,
            action=action,
            area=area,
            address=self.address,
            session=SessionId(self.actor.session),
            certificate=self.certificate,
        )
        return isinstance(decide(request, self.prepared, self.now, remedies=False), Allow)


def rights(request: Request, prepared: PreparedSnapshot, actor: Actor, now: UnixSeconds) -> Rights:
    """The rights of whoever sent `request`, as the gateway's headers describe them."""
    return Rights(
        prepared,
        console_at(request, prepared.snapshot.resources),
        actor,
        _address(request),
        _certificate(request),
        now,
    )


def console_at(request: Request, resources: Mapping[str, Resource]) -> Resource | None:
    """The console that answers at the host of `request`."""
    label = request.headers.get("host", "").partition(".")[0].lower()
    for resource in resources.values():
        if resource.host == label and resource.upstream == CONTROL_UPSTREAM:
            return resource
    return None


def _address(request: Request) -> str:
    """The client's address: the last element, which our own gateway wrote."""
    forwarded = request.headers.getlist("x-forwarded-for")
    if forwarded:
        return forwarded[-1].rpartition(",")[2].strip()
    return request.client.host if request.client else ""


def _certificate(request: Request) -> ClientCertificate | None:
    said = request.headers.getlist(CERTIFICATE_HEADER)
    try:
        return certificate_in(said[0]) if len(said) == 1 else None
    except ValueError:
        return None
