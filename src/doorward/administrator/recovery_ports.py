"""The tables by which a person comes back: recovery codes, and requests that somebody approves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from doorward.model.ids import UnixSeconds, UserId

LISTED_OF_EACH = 3
LISTED = 200


class Recovery(msgspec.Struct, frozen=True, kw_only=True):
    """A request to recover an account, made in one browser.

    `user` is empty where nobody goes by the name that was typed. `flow` is the hex SHA-256 of the
    browser's flow cookie; `sealed_code` the code that the person reads out, and `code_hash` its
    keyed hash, by which approvers find the request. `tries` counts the wrong codes that approvers
    typed. An approval says in `keep` whether what the person could
    sign in with until now stays.
    """

    id: str
    user: UserId | Literal[""]
    flow: str
    sealed_code: bytes
    requested_at: UnixSeconds
    expires_at: UnixSeconds
    address: str
    user_agent: str
    code_hash: str = ""
    state: Literal["waiting", "approved", "refused"] = "waiting"
    tries: int = 0
    decided_by: str = ""
    keep: bool = False


class RecoveryCodeTable(Protocol):
    """Recovery codes as hex SHA-256, inside one transaction."""

    async def replace(self, user: UserId, hashes: Sequence[str], at: UnixSeconds) -> None:
        """Make these the person's codes; the ones before count no more."""
        ...

    async def holds(self, user: UserId, code_hash: str) -> bool: ...

    async def take(self, user: UserId, code_hash: str) -> bool:
        """Use a code up; False where it is unknown or used. Never twice True."""
        ...

    async def left(self, user: UserId) -> int:
        """How many codes the person has not used."""
        ...


class RecoveryTable(Protocol):
    """Requests for recovery, inside one transaction."""

    async def put(self, recovery: Recovery) -> None:
        """Keep it; another request of the same browser goes."""
        ...

    async def get(self, recovery_id: str) -> Recovery | None: ...

    async def of_flow(self, flow: str) -> Recovery | None:
        """The request of one browser, also one that has expired."""
        ...

    async def waiting(self, now: UnixSeconds, *, code_hash: str = "") -> Sequence[Recovery]:
        """Requests of known people that nobody has decided, oldest first; those of one code.

        The newest `LISTED_OF_EACH` person and `LISTED` in all: others are found by their code.
        """
        ...

    async def remove_of(self, user: UserId) -> int:
        """Forget all for one person, and what they decided for others; how many there were."""
        ...

    async def sweep(self, now: UnixSeconds) -> None:
        """Forget what has expired."""
        ...
