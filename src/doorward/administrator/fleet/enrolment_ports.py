"""What is kept of enrolments that wait."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from doorward.model.device import Platform
from doorward.model.ids import DeviceId, UnixSeconds, UserId

State = Literal["waiting", "claimed", "approved", "refused", "enrolled"]


class Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    """A device that asked to be enrolled, by its key (SPKI, DER).

    It waits until a person types its code (`code_hash`, keyed); then it is claimed by `user`, who
    approves or refuses it. It is enrolled as `device` when it asks the next time. `replaces` names
    the device whose key it replaces, `chosen` the id that whoever runs doorward chose for it; empty
    for none. `by` is who approved, for the audit log.
    `remembered` is what an Attestor needs to judge the answer to its challenge, empty for a key
    in software; `proved` says that the answer was right.
    """

    id: str
    public_key: bytes
    name: str
    platform: Platform
    agent_version: str
    address: str
    asked_at: UnixSeconds
    expires_at: UnixSeconds
    code_hash: str = ""
    state: State = "waiting"
    user: UserId | Literal[""] = ""
    by: str = ""
    replaces: DeviceId | Literal[""] = ""
    chosen: DeviceId | Literal[""] = ""
    device: DeviceId | Literal[""] = ""
    remembered: bytes = b""
    proved: bool = False

    @property
    def storage(self) -> Literal["software", "tpm"]:
        """Where the key is, by what the device showed."""
        return "tpm" if self.remembered else "software"


class EnrolmentTable(Protocol):
    """Enrolments that wait, inside one transaction."""

    async def put(self, enrolment: Enrolment) -> None:
        """Keep it; another one of the same key goes."""
        ...

    async def get(self, enrolment_id: str) -> Enrolment | None: ...

    async def of_code(self, code_hash: str, now: UnixSeconds) -> Enrolment | None:
        """The one that waits for this code."""
        ...

    async def claimed_by(self, user: UserId, now: UnixSeconds) -> Sequence[Enrolment]:
        """Those that this person has yet to approve or refuse, oldest first."""
        ...

    async def remove_of(self, user: UserId) -> int:
        """Forget all that one person claimed or approved; how many there were."""
        ...

    async def sweep(self, now: UnixSeconds) -> None:
        """Forget what has expired."""
        ...


class UserCodes(Protocol):
    """What is kept of the digits that a person types: a keyed hash."""

    def hash(self, code: str) -> str:
        """Only digits count, whatever stands between them."""
        ...
