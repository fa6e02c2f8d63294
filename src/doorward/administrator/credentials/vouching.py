"""Who may hand somebody else a way in: whoever proved lately, with a passkey, who they are.

A stolen session that lies open would otherwise be worth every account.
"""

from __future__ import annotations

from doorward.administrator.control_plane import Act
from doorward.administrator.credentials.assurance import may_vouch
from doorward.errors import DoorwardError
from doorward.model.ids import SessionId
from doorward.model.snapshot import Snapshot

OPERATOR = "operator"


def vouches(snapshot: Snapshot, act: Act, session: SessionId) -> bool:
    """Whether the actor did so in this session of theirs. The operator did so to the machine."""
    if act.actor == OPERATOR:
        return True
    found = snapshot.sessions.get(session)
    return found is not None and act.actor == f"user:{found.user}" and may_vouch(found, act.at)


def require_vouching(snapshot: Snapshot, act: Act, session: SessionId) -> None:
    """Raises DoorwardError `approver-stale`."""
    if not vouches(snapshot, act, session):
        raise DoorwardError(
            "approver-stale",
            "Whoever hands somebody else a way in has used a passkey within the last 15 minutes.",
            "Confirm that it is you, and do it again then.",
        )
