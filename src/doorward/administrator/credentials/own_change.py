"""What a person does to their own credentials: who they are, and how sure of it a session is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass

from doorward.administrator.attempts import network_of
from doorward.administrator.authentication import (
    AttemptRejectedError,
    Authenticators,
    Browser,
    require_enabled,
)
from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.credentials.assurance import require_strong, strongest, ways
from doorward.administrator.credentials.held import Held, held_by
from doorward.administrator.ports import Transaction
from doorward.administrator.sessions_of import end_sessions
from doorward.administrator.settled import settled
from doorward.errors import DoorwardError
from doorward.model.estate import User
from doorward.model.identity import Session
from doorward.model.ids import SessionId, UnixSeconds, UserId
from doorward.model.snapshot import Change, Snapshot


@dataclass(frozen=True, slots=True)
class OwnChange:
    """One transaction in which a person changes how they sign in."""

    transaction: Transaction
    snapshot: Snapshot
    user: User
    session: Session
    held: Held

    @property
    def ways(self) -> int:
        """How many ways the person has to sign in."""
        return ways(self.held, self.snapshot.authenticators)

    async def note(self, at: UnixSeconds, act: str, **detail: str) -> None:
        """Write it to the audit, with the address that the person's session came from."""
        await self.transaction.audit.append(
            at=at,
            actor=f"user:{self.user.id}",
            act=act,
            target=f"user:{self.user.id}",
            detail={**detail, "session": self.session.id},
        )


@asynccontextmanager
async def own_change(
    control: ControlPlane, session: SessionId, now: UnixSeconds
) -> AsyncIterator[OwnChange]:
    """The transaction, where the session still lives, is fresh and as strong as the person can be.

    Raises DoorwardError `session-unknown`, `user-disabled`, and StepUpNeededError.
    """
    async with control.store.transaction() as transaction:
        snapshot = await settled(control, transaction)
        found = snapshot.sessions.get(session)
        if found is None or found.expires_at <= now:
            raise DoorwardError("session-unknown", "This session has ended.", "Sign in again.")
        user = require_enabled(snapshot, found.user)
        held = await held_by(transaction, user.id)
        require_strong(found, strongest(held, snapshot.authenticators), now)
        yield OwnChange(transaction, snapshot, user, found, held)


@asynccontextmanager
async def refusals_noted(
    authenticators: Authenticators, browser: Browser, user: User, now: UnixSeconds
) -> AsyncIterator[None]:
    """Write what was refused inside to the audit, and raise it again; a flood is cut off.

    It is no attempt to sign in, so the log of sign-ins does not have it.
    """
    try:
        yield
    except AttemptRejectedError as refused:
        if await authenticators.throttle.allow(
            f"audit-address:{network_of(browser.address)}", "audit:all"
        ):
            async with authenticators.control.store.transaction() as transaction:
                await transaction.audit.append(
                    at=now,
                    actor=f"user:{user.id}",
                    act="credential-refused",
                    target=f"user:{user.id}",
                    detail={"why": refused.why, "address": browser.address},
                )
        raise


def ends_with(
    snapshot: Snapshot, user: UserId, credentials: Collection[str], spared: str = ""
) -> list[Change]:
    """The changes that end the sessions of `user` which rest on one of `credentials`."""
    ended = [
        item.id
        for item in snapshot.sessions.values()
        if item.user == user and item.credential in credentials and item.id != spared
    ]
    return end_sessions(snapshot, ended)


def last_way() -> DoorwardError:
    """What taking away the last way in is answered with."""
    return DoorwardError(
        "last-credential",
        "This is your only way to sign in, so it stays.",
        "Add another way first: a passkey, or a password with an authenticator app.",
    )
