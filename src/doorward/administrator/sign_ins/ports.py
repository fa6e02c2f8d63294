"""What the log of sign-ins needs from the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from doorward.model.ids import SessionId, UnixSeconds, UserId

SignInOutcome = Literal["signed-in", "stepped-up", "rejected", "went-idle"]


class NewSignIn(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody signed in as `user`, proved it again within a session, or failed to.

    Or the session ended because nobody used it (`went-idle`): the rest is then the session's.

    `session` is empty and `aal` is 0 for a failure, `why` says its cause; `methods` are what was
    proved, or what was tried. `provider` is the identity provider that vouched, if any.
    """

    at: UnixSeconds
    user: UserId
    outcome: SignInOutcome
    methods: tuple[str, ...]
    address: str
    user_agent: str
    session: SessionId | Literal[""] = ""
    aal: int = 0
    provider: str = ""
    why: str = ""


class SignIn(NewSignIn, frozen=True, kw_only=True):
    """An entry of the log. `disowned_at` is when the person said that it was not they."""

    seq: int
    disowned_at: UnixSeconds | None = None


class SignInTable(Protocol):
    """Every person's own sign-ins, inside one transaction."""

    async def append(self, entry: NewSignIn) -> SignIn: ...

    async def of(
        self, user: UserId, *, before: int | None = None, limit: int = 50
    ) -> Sequence[SignIn]:
        """Those of one person, newest first, with numbers below `before`."""
        ...

    async def get(self, user: UserId, seq: int) -> SignIn | None:
        """One of this person's; None for a number that is not theirs."""
        ...

    async def disown(self, user: UserId, seq: int, at: UnixSeconds) -> bool:
        """Mark one of this person's, once; False where it is not theirs or marked already."""
        ...

    async def remove_before(self, moment: UnixSeconds, limit: int) -> int:
        """Remove entries from before `moment`, the oldest `limit` of them; how many there were."""
        ...

    async def remove_all(self, user: UserId) -> None:
        """Forget a person: who comes after them under the same id sees nothing of theirs."""
        ...
