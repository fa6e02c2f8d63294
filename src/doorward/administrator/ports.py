"""What the policy administrator needs from the outside. Adapters implement these protocols.

Every adapter raises `DoorwardError` only: `store-unavailable` where the store cannot be reached,
`store-read-only` and `store-full` where it cannot be written, `store-conflict` where a concurrent
writer won.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec

from doorward.administrator.attempt_ports import AttemptTable
from doorward.administrator.directory.ports import DirectoryTable
from doorward.administrator.federation_table import FederationTable
from doorward.administrator.fleet.ports import DeviceTables
from doorward.administrator.identity.ports import IdentityTables
from doorward.administrator.idleness.ports import ActivityTable
from doorward.administrator.openid_ports import OpenidTables
from doorward.administrator.other_ways import OtherWays
from doorward.administrator.receiver_ports import ReceiverTables
from doorward.administrator.recovery_ports import RecoveryCodeTable, RecoveryTable
from doorward.administrator.sign_ins.ports import SignInTable
from doorward.administrator.signal_ports import SignalTables
from doorward.model.decision import DecisionRecord
from doorward.model.ids import DecisionId, UnixSeconds, UserId
from doorward.model.snapshot import Change, Document, Kind, Snapshot


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """One committed change of the snapshot: it leads from `number - 1` to `number`."""

    number: int
    changes: tuple[Change, ...]


class Passkey(msgspec.Struct, frozen=True, kw_only=True):
    """A WebAuthn credential. `id` is base64url without padding; `public_key` is COSE.

    `attested` says that a statement which leads to a trusted root vouched for the model `aaguid`.
    `backup_eligible` says whether the key may leave its device; None where nobody has looked yet.
    """

    id: str
    user: UserId
    name: str
    public_key: bytes
    sign_count: int
    transports: tuple[str, ...]
    aaguid: str
    created_at: UnixSeconds
    last_used_at: UnixSeconds | None = None
    attested: bool = False
    backup_eligible: bool | None = None
    backed_up: bool = False


class Password(msgspec.Struct, frozen=True, kw_only=True):
    """An Argon2id hash in PHC form."""

    user: UserId
    hash: str


class Totp(msgspec.Struct, frozen=True, kw_only=True):
    """A TOTP secret (RFC 6238), sealed with a key outside the store.

    `last_step` is the last accepted time step: a step is accepted once.
    """

    user: UserId
    sealed_secret: bytes
    last_step: int


class OneTime(msgspec.Struct, frozen=True, kw_only=True):
    """A secret that works once until `expires_at`: invitation, challenge, redirect code.

    `key` is the hex SHA-256 of the secret, `purpose` its namespace, `data` JSON.
    """

    purpose: str
    key: str
    data: msgspec.Raw
    expires_at: UnixSeconds


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An administrative act. `hash` is the hex SHA-256 over `previous` and the other fields.

    `seq` counts from 1 without gaps. `detail` holds no secret.
    """

    seq: int
    at: UnixSeconds
    actor: str
    act: str
    target: str
    detail: dict[str, str]
    previous: str
    hash: str


class AuditHead(msgspec.Struct, frozen=True, kw_only=True):
    """The end of the audit log: its last entry's number and hash; 0 and zeros while empty."""

    seq: int
    hash: str


class DecisionQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which decisions to find, newest first; every given field must match exactly.

    `before` and `after` are store sequence numbers (exclusive), for paging and following.
    """

    subject: str | None = None
    resource: str | None = None
    session: str | None = None
    outcome: str | None = None
    reason: str | None = None
    source: str | None = None
    since: UnixSeconds | None = None
    before: int | None = None
    after: int | None = None
    limit: int = 100


class StoredDecision(msgspec.Struct, frozen=True, kw_only=True):
    """A decision record and its store sequence number."""

    seq: int
    record: DecisionRecord


class SnapshotTable(Protocol):
    """The documents, inside one transaction."""

    async def get(self, kind: Kind, document_id: str) -> Document | None: ...

    async def all(self, kind: Kind) -> Sequence[Document]: ...

    async def publish(self, changes: Sequence[Change]) -> int:
        """Write `changes` as the next revision and return its number.

        Without changes nothing is written, and the current number is returned.
        """
        ...


class CredentialTable(Protocol):
    """What people authenticate with, inside one transaction."""

    async def passkeys(self, user: UserId | None) -> Sequence[Passkey]:
        """Those of `user`; None for everybody's."""
        ...

    async def passkey(self, passkey_id: str) -> Passkey | None: ...

    async def put(self, credential: Passkey | Password | Totp) -> None: ...

    async def password(self, user: UserId) -> Password | None: ...

    async def totp(self, user: UserId) -> Totp | None: ...

    async def remove(self, credential: Passkey | Password | Totp) -> None: ...

    async def remove_all(self, user: UserId) -> None:
        """Everything that the person could authenticate with, recovery codes included."""
        ...


class OneTimeTable(Protocol):
    """Single-use secrets, inside one transaction."""

    async def put(self, item: OneTime) -> None: ...

    async def add(self, item: OneTime, now: UnixSeconds) -> bool:
        """Put it, unless one of its purpose and key is there that has not expired: False then."""
        ...

    async def peek(self, purpose: str, key: str, now: UnixSeconds) -> OneTime | None: ...

    async def take(self, purpose: str, key: str, now: UnixSeconds) -> OneTime | None:
        """Remove and return it; None where it is unknown, used or expired. Never twice."""
        ...

    async def sweep(self, now: UnixSeconds) -> None:
        """Forget what has expired."""
        ...

    async def remove_of(self, user: UserId) -> int:
        """Forget every secret whose data is an object with this `user`; how many there were."""
        ...


class AuditTable(Protocol):
    """The hash-chained log of administrative acts, inside one transaction."""

    async def append(
        self, *, at: UnixSeconds, actor: str, act: str, target: str, detail: dict[str, str]
    ) -> AuditEntry: ...

    async def entries(self, *, after: int, limit: int) -> Sequence[AuditEntry]: ...

    async def latest(self, limit: int) -> Sequence[AuditEntry]:
        """The newest entries, newest first."""
        ...


class DecisionTable(Protocol):
    """What may be done to the decision log inside one transaction: let go of what is old."""

    async def remove_before(self, moment: UnixSeconds, limit: int) -> int:
        """Remove records from before `moment`, the oldest `limit` of them; how many there were."""
        ...


class PeopleTables(Protocol):
    """What is kept of people beside the snapshot: how they sign in, and when they did."""

    @property
    def credentials(self) -> CredentialTable: ...
    @property
    def recovery_codes(self) -> RecoveryCodeTable: ...
    @property
    def recoveries(self) -> RecoveryTable: ...
    @property
    def sign_ins(self) -> SignInTable: ...
    @property
    def openid(self) -> OpenidTables: ...
    @property
    def federation(self) -> FederationTable: ...
    @property
    def identity(self) -> IdentityTables: ...


class OutsideTables(Protocol):
    """What is kept of devices, and of other systems that say or are told something."""

    @property
    def directory(self) -> DirectoryTable: ...
    @property
    def devices(self) -> DeviceTables: ...
    @property
    def receiver(self) -> ReceiverTables: ...
    @property
    def signals(self) -> SignalTables: ...


class Transaction(PeopleTables, OutsideTables, Protocol):
    """One atomic unit: all of it is committed, or none."""

    @property
    def snapshot(self) -> SnapshotTable: ...
    @property
    def one_time(self) -> OneTimeTable: ...
    @property
    def attempts(self) -> AttemptTable: ...
    @property
    def other_ways(self) -> OtherWays: ...
    @property
    def audit(self) -> AuditTable: ...
    @property
    def decisions(self) -> DecisionTable: ...
    @property
    def activity(self) -> ActivityTable: ...


class Store(Protocol):
    """The only truth."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Serialised writers; commits on normal exit, rolls back on an exception."""
        ...

    async def load(self) -> Snapshot:
        """The whole current snapshot."""
        ...

    def revisions(self, after: int) -> AsyncIterator[Revision]:
        """Every revision after `after`, in order, for ever; also those of other replicas.

        Every second or so without one, it repeats the last number without changes: the store
        was asked and holds nothing newer. Raises `revision-pruned` where `after` is older than
        the history that the store keeps, or newer than the store: `load` again.
        """
        ...

    async def append_decisions(self, records: Sequence[DecisionRecord]) -> None:
        """Idempotent by record id."""
        ...

    async def find_decisions(self, query: DecisionQuery) -> Sequence[StoredDecision]: ...

    async def decision(self, decision_id: DecisionId) -> StoredDecision | None: ...

    async def close(self) -> None: ...


class AuditHeads(Protocol):
    """Where the signed end of the audit log is kept, outside the store.

    An attacker who can write the store but holds no key cannot move it.
    """

    async def read(self) -> AuditHead | None:
        """None before the first; raises `audit-head-invalid` where its signature is wrong."""
        ...

    async def record(self, head: AuditHead) -> None: ...


class GatewayState(msgspec.Struct, frozen=True, kw_only=True):
    """A connected gateway, the snapshot it enforces and what it says of its parts."""

    id: str
    connected_at: UnixSeconds
    applied: int
    parts: dict[str, str]
    open_streams: int
    spool_bytes: int


class Gateways(Protocol):
    """The gateways that are connected now."""

    async def wait_applied(self, number: int, timeout_seconds: float) -> bool:
        """Whether every connected gateway came to enforce snapshot `number` in time."""
        ...

    def connected(self) -> Sequence[GatewayState]: ...

    def assertion_keys(self) -> Sequence[dict[str, str]]:
        """Public JWKs (RFC 7517) whose identity assertions are valid now."""
        ...


class PasswordHasher(Protocol):
    """Argon2id, bounded in how many run at once."""

    async def hash(self, password: str) -> str: ...

    async def verify(self, phc: str | None, password: str) -> bool:
        """With None it takes as long as with a hash and answers False."""
        ...


class Sealer(Protocol):
    """Authenticated encryption with a key that the store never sees."""

    def seal(self, plain: bytes, context: str) -> bytes: ...

    def open(self, sealed: bytes, context: str) -> bytes: ...


class Secrets(Protocol):
    """Randomness and ids, so that use cases can be tested without chance."""

    def token(self) -> str:
        """A URL-safe secret of 256 bits."""
        ...

    def id(self, prefix: str) -> str:
        """A new unique identifier that sorts by time, such as `ses_01J…`."""
        ...


class Throttle(Protocol):
    """Counts attempts against floods; in memory, per process."""

    async def allow(self, *keys: str) -> bool:
        """Count one attempt against each key in turn; False at the first with too many."""
        ...

    async def retry_after_seconds(self, *keys: str) -> int:
        """How long until none of the keys has had too many; 0 where none has."""
        ...
