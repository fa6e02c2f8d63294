"""What a person could open: the policy engine asked, without a request, for every resource."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass

from doorward.engine import PreparedSnapshot, decide, prepare
from doorward.entrypoints.pages.words import REMEDIES
from doorward.model.decision import AccessRequest, Allow
from doorward.model.estate import Resource
from doorward.model.ids import SessionId, UnixSeconds
from doorward.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Application:
    """A resource that would open now, or after what `hint` says."""

    resource: Resource
    hint: str


class Applications:
    """A forecast for the home page, never a permission: the gateway decides each request.

    The device and the country are unknown here, so a resource that asks for them shows its hint.
    """

    def __init__(self) -> None:
        self._prepared: PreparedSnapshot | None = None

    async def of(
        self, snapshot: Snapshot, session: SessionId, address: str, now: UnixSeconds
    ) -> list[Application]:
        """By name; without those that no remedy of the person's own would open."""
        prepared = self._prepared
        if prepared is None or prepared.snapshot is not snapshot:
            prepared = await asyncio.to_thread(prepare, snapshot, prepared, expires_at=math.inf)
            self._prepared = prepared
        found = (
            _forecast(resource, prepared, session, address, now)
            for resource in sorted(snapshot.resources.values(), key=lambda item: item.name)
        )
        return [application for application in found if application is not None]


def _forecast(
    resource: Resource,
    prepared: PreparedSnapshot,
    session: SessionId,
    address: str,
    now: UnixSeconds,
) -> Application | None:
    request = AccessRequest(resource=resource.id, action="read", address=address, session=session)
    decision = decide(request, prepared, now)
    if isinstance(decision, Allow):
        return Application(resource, "")
    if not decision.remedies or any(item.kind == "ask-access" for item in decision.remedies):
        return None
    hint = ", ".join(REMEDIES[remedy.kind].title for remedy in decision.remedies)
    return Application(resource, hint)
