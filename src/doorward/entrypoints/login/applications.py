"""What a person may do: the policy engine asked, without a request, for every resource."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass

from doorward.engine import PreparedSnapshot, decide, prepare
from doorward.entrypoints.pages.words import REMEDIES
from doorward.model.decision import AccessRequest, Allow, Decision, Deny
from doorward.model.estate import Action, Resource
from doorward.model.ids import SessionId, UnixSeconds
from doorward.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Application:
    """A resource that would open now, or after what `hint` says."""

    resource: Resource
    hint: str


class Applications:
    """A forecast for a person's own pages, never a permission: the gateway decides each request.

    The device and the country are unknown here, so a resource that asks for them shows its hint.
    """

    def __init__(self) -> None:
        self._prepared: PreparedSnapshot | None = None

    async def prepared(self, snapshot: Snapshot) -> PreparedSnapshot:
        """`snapshot` made ready for deciding; quick where it was asked for last."""
        found = self._prepared
        if found is None or found.snapshot is not snapshot:
            found = await asyncio.to_thread(prepare, snapshot, found, expires_at=math.inf)
            self._prepared = found
        return found

    async def of(
        self, snapshot: Snapshot, session: SessionId, address: str, now: UnixSeconds
    ) -> list[Application]:
        """By name; without those that no remedy of the person's own would open."""
        prepared = await self.prepared(snapshot)
        found: list[Application] = []
        for resource in by_name(snapshot):
            decision = forecast(prepared, resource, "read", session, address, now)
            if isinstance(decision, Allow):
                found.append(Application(resource, ""))
            elif within_reach(decision):
                titles = (REMEDIES[remedy.kind].title for remedy in decision.remedies)
                found.append(Application(resource, ", ".join(titles)))
        return found


def by_name(snapshot: Snapshot) -> list[Resource]:
    """Every resource, in the order of their names."""
    return sorted(snapshot.resources.values(), key=lambda item: item.name)


def forecast(
    prepared: PreparedSnapshot,
    resource: Resource,
    action: Action,
    session: SessionId,
    address: str,
    now: UnixSeconds,
) -> Decision:
    """What the engine would say of this session at `resource`, device and country unknown."""
    request = AccessRequest(resource=resource.id, action=action, address=address, session=session)
    return decide(request, prepared, now)


def within_reach(decision: Deny) -> bool:
    """Whether the person could turn the answer by themselves."""
    return bool(decision.remedies) and all(
        remedy.kind != "ask-access" for remedy in decision.remedies
    )
