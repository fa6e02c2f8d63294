"""What every use case of the provider works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.openid_ports import LogoutSender, TokenSigner
from doorward.administrator.ports import Throttle
from doorward.administrator.prepared import PreparedSnapshots
from doorward.model.identity import Session
from doorward.model.ids import SessionId, UnixSeconds
from doorward.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Provider:
    """Ports and values. `issuer` is the sign-in host's origin.

    `session_seconds` is how long a sign-in lasts: so long a key is published after its last use,
    since an application may show an ID token of the sign-in at logout. `country` answers the ISO
    3166 code of an address, None where it is unknown.
    """

    control: ControlPlane
    signer: TokenSigner
    logouts: LogoutSender
    throttle: Throttle
    issuer: str
    session_seconds: float
    country: Callable[[str], str | None]
    prepared: PreparedSnapshots = field(default_factory=PreparedSnapshots)

    @property
    def snapshot(self) -> Snapshot:
        return self.control.live.current


def live_session(snapshot: Snapshot, session: SessionId, now: UnixSeconds) -> Session | None:
    """The session, if it lasts and its person exists and is not disabled."""
    found = snapshot.sessions.get(session)
    if found is None or now >= found.expires_at or found.user not in snapshot.users:
        return None
    standing = snapshot.standings.get(found.user)
    return None if standing is not None and standing.disabled else found
