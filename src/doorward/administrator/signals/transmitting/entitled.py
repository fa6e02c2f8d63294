"""Who may still be told: a receiver that its token was taken from is told nothing more. Pure."""

from __future__ import annotations

from doorward.model.estate import SIGNALS_UPSTREAM
from doorward.model.ids import ServiceId, UnixSeconds
from doorward.model.snapshot import Snapshot

NOT_ENTITLED = "The service holds no token for a resource of signals."


def entitled(snapshot: Snapshot, receiver: ServiceId, now: UnixSeconds) -> bool:
    """Whether the service is declared, and holds a token that would let it ask for its events.

    Polls prove it by themselves, at the gateway. Pushes go on without a request to decide on.
    """
    if receiver not in snapshot.services:
        return False
    here = {r.id for r in snapshot.resources.values() if r.upstream == SIGNALS_UPSTREAM}
    return any(
        token.service == receiver
        and now < token.expires_at
        and not here.isdisjoint(token.resources)
        for token in snapshot.service_tokens.values()
    )
