"""The decision."""

from __future__ import annotations

from doorward.engine.prepared import PreparedSnapshot
from doorward.model.decision import AccessRequest, Decision
from doorward.model.ids import UnixSeconds


def decide(request: AccessRequest, prepared: PreparedSnapshot, now: UnixSeconds) -> Decision:
    """Whether `request` is let in at `now`. Total: it answers Deny rather than raise."""
    raise NotImplementedError
