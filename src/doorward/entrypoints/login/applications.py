"""What a person may do: the policy engine asked, without a request, for every resource."""

from __future__ import annotations

from dataclasses import dataclass

from doorward.administrator.prepared import PreparedSnapshots
from doorward.engine import PreparedSnapshot, decide
from doorward.entrypoints.pages.words import REMEDIES
from doorward.model.areas import page_of
from doorward.model.decision import AccessRequest, Allow, Decision, Deny
from doorward.model.device import ClientCertificate
from doorward.model.estate import Action, Resource
from doorward.model.ids import ResourceId, SessionId, UnixSeconds
from doorward.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Application:
    """A resource that would open now, or after what `hint` says.

    `home` is where it opens if it stands elsewhere, empty behind the gateway; `path` is where at
    its host.
    """

    resource: Resource
    hint: str
    home: str
    path: str


@dataclass(frozen=True, slots=True)
class Seat:
    """From where somebody asks: session, address, its country, and certificate; None for none."""

    session: SessionId
    address: str
    country: str | None
    certificate: ClientCertificate | None


class Applications:
    """A forecast for a person's own pages, never a permission: the gateway decides each request."""

    def __init__(self, prepared: PreparedSnapshots) -> None:
        self._prepared = prepared

    async def prepared(self, snapshot: Snapshot) -> PreparedSnapshot:
        """`snapshot` made ready for deciding; quick where it was asked for last."""
        return await self._prepared.of(snapshot)

    async def of(self, snapshot: Snapshot, seat: Seat, now: UnixSeconds) -> list[Application]:
        """By name; without those that no remedy of the person's own would open."""
        prepared = await self.prepared(snapshot)
        homes = homes_of(snapshot)
        found: list[Application] = []
        for resource in by_name(snapshot):
            home = homes.get(resource.id, "")
            if not (home or resource.host):
                continue
            decision, path = forecast(prepared, resource, "read", seat, now)
            if isinstance(decision, Allow):
                found.append(Application(resource, "", home, path))
            elif within_reach(decision):
                titles = (REMEDIES[remedy.kind].title for remedy in decision.remedies)
                found.append(Application(resource, ", ".join(titles), home, path))
        return found


def homes_of(snapshot: Snapshot) -> dict[ResourceId, str]:
    """Where resources open that their client opens, not the gateway."""
    return {client.resource: client.home for client in snapshot.clients.values() if client.home}


def by_name(snapshot: Snapshot) -> list[Resource]:
    """Every resource, in the order of their names."""
    return sorted(snapshot.resources.values(), key=lambda item: item.name)


def forecast(
    prepared: PreparedSnapshot,
    resource: Resource,
    action: Action,
    seat: Seat,
    now: UnixSeconds,
) -> tuple[Decision, str]:
    """What the engine would say of somebody in `seat` at `resource`.

    Of the console it is the best that any area has for them. Beside it the path to begin at.
    """
    found: list[tuple[Decision, str]] = []
    for area in prepared.areas_of(resource):
        request = AccessRequest(
            resource=resource.id,
            action=action,
            address=seat.address,
            country=seat.country,
            session=seat.session,
            certificate=seat.certificate,
            area=area,
        )
        decision = decide(request, prepared, now)
        if isinstance(decision, Allow):
            return decision, page_of(area)
        found.append((decision, page_of(area)))
    return next((item for item in found if _within_reach(item[0])), found[0])


def _within_reach(decision: Decision) -> bool:
    return isinstance(decision, Deny) and within_reach(decision)


def within_reach(decision: Deny) -> bool:
    """Whether the person could turn the answer by themselves."""
    return bool(decision.remedies) and all(
        remedy.kind != "ask-access" for remedy in decision.remedies
    )
