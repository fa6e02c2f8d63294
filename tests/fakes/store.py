"""A store in memory.

`MemoryStore` implements every table of `administrator.ports.Store` with dictionaries. A
transaction works on a copy and replaces the original at its end, so an exception inside leaves
everything as it was; transactions take turns. It passes the contract suite that the databases
pass (tests/contract/test_store_contract.py). What it does not do: survive the process, share
between processes, prune history.

`control_plane(store)` makes a `ControlPlane` around it whose live snapshot is the store's own and
whose gateways enforce everything at once.
"""

from __future__ import annotations

import asyncio
import copy
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields

import msgspec

from doorward.administrator.attempt_ports import Attempts
from doorward.administrator.audit_chain import EMPTY_HEAD, head_of, next_entry
from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.federation_table import FederatedIdentity
from doorward.administrator.mail import Mail
from doorward.administrator.ports import (
    AuditEntry,
    AuditHead,
    CredentialTable,
    DecisionQuery,
    GatewayState,
    OneTime,
    Passkey,
    Password,
    Revision,
    SnapshotTable,
    StoredDecision,
    Totp,
)
from doorward.administrator.recovery_ports import (
    LISTED,
    LISTED_OF_EACH,
    Recovery,
    RecoveryCodeTable,
)
from doorward.administrator.sign_ins.ports import SignIn
from doorward.administrator.signals.transmitting.recorder import Recorder
from doorward.errors import DoorwardError
from doorward.model.decision import DecisionRecord
from doorward.model.ids import DecisionId, UnixSeconds, UserId
from doorward.model.snapshot import FIELDS, KINDS, Change, Document, Kind, Snapshot, decode
from tests.fakes.activity import ActivityMemory
from tests.fakes.attempts import AttemptsInMemory
from tests.fakes.devices import DeviceState, MemoryDevices
from tests.fakes.directory import DirectoryState, MemoryDirectory, MemoryDirectoryTable
from tests.fakes.federation_table import FederationInMemory
from tests.fakes.identity import IdentityState, MemoryIdentity
from tests.fakes.openid import MemoryOpenid, OpenidInMemory
from tests.fakes.other_ways import OtherWaysInMemory
from tests.fakes.received_signals import MemoryReceiver, ReceiverState
from tests.fakes.sign_ins import SignInMemory
from tests.fakes.signal_tables import MemorySignals, SignalState

_SEARCHED = ("subject", "resource", "session", "outcome", "reason", "source")
_POLL_SECONDS = 0.2


@dataclass
class _State:
    snapshot: Snapshot = field(default_factory=Snapshot)
    revisions: list[Revision] = field(default_factory=list)
    passkeys: dict[str, Passkey] = field(default_factory=dict)
    passwords: dict[str, Password] = field(default_factory=dict)
    totps: dict[str, Totp] = field(default_factory=dict)
    recovery_codes: dict[tuple[str, str], UnixSeconds] = field(default_factory=dict)
    recoveries: dict[str, Recovery] = field(default_factory=dict)
    one_time: dict[tuple[str, str], OneTime] = field(default_factory=dict)
    attempts: dict[tuple[str, str], Attempts] = field(default_factory=dict)
    audit: list[AuditEntry] = field(default_factory=list)
    decisions: list[StoredDecision] = field(default_factory=list)
    sign_ins: dict[int, SignIn] = field(default_factory=dict)
    activity: dict[str, UnixSeconds] = field(default_factory=dict)
    activity_sources: dict[str, UnixSeconds] = field(default_factory=dict)
    openid: MemoryOpenid = field(default_factory=MemoryOpenid)
    identities: dict[tuple[str, str], FederatedIdentity] = field(default_factory=dict)
    provider_secrets: dict[str, bytes] = field(default_factory=dict)
    directory: DirectoryState = field(default_factory=DirectoryState)
    identity: IdentityState = field(default_factory=IdentityState)
    devices: DeviceState = field(default_factory=DeviceState)
    receiver: ReceiverState = field(default_factory=ReceiverState)
    signals: SignalState = field(default_factory=SignalState)


class _Snapshot:
    def __init__(self, state: _State) -> None:
        self._state = state

    async def get(self, kind: Kind, document_id: str) -> Document | None:
        documents: dict[str, Document] = getattr(self._state.snapshot, FIELDS[kind])
        return documents.get(document_id)

    async def all(self, kind: Kind) -> Sequence[Document]:
        documents: dict[str, Document] = getattr(self._state.snapshot, FIELDS[kind])
        return [documents[key] for key in sorted(documents)]

    async def publish(self, changes: Sequence[Change]) -> int:
        number = self._state.snapshot.number
        if not changes:
            return number
        for item in changes:
            _require_well_formed(item)
        number += 1
        self._state.snapshot = self._state.snapshot.advance(number, changes)
        self._state.revisions.append(Revision(number=number, changes=tuple(changes)))
        return number


class _Credentials:
    def __init__(self, state: _State) -> None:
        self._state = state

    async def passkeys(self, user: UserId | None) -> Sequence[Passkey]:
        own = [p for p in self._state.passkeys.values() if user in {None, p.user}]
        return sorted(own, key=lambda item: (item.created_at, item.id))

    async def passkey(self, passkey_id: str) -> Passkey | None:
        return self._state.passkeys.get(passkey_id)

    async def put(self, credential: Passkey | Password | Totp) -> None:
        match credential:
            case Passkey():
                known = self._state.passkeys.get(credential.id)
                if known is not None and known.user != credential.user:
                    raise DoorwardError("store-conflict", "Another person has this passkey.")
                self._state.passkeys[credential.id] = credential
            case Password():
                self._state.passwords[credential.user] = credential
            case Totp():
                self._state.totps[credential.user] = credential

    async def password(self, user: UserId) -> Password | None:
        return self._state.passwords.get(user)

    async def totp(self, user: UserId) -> Totp | None:
        return self._state.totps.get(user)

    async def remove(self, credential: Passkey | Password | Totp) -> None:
        match credential:
            case Passkey():
                known = self._state.passkeys.get(credential.id)
                if known is not None and known.user == credential.user:
                    del self._state.passkeys[credential.id]
            case Password():
                self._state.passwords.pop(credential.user, None)
            case Totp():
                self._state.totps.pop(credential.user, None)

    async def remove_all(self, user: UserId) -> None:
        for passkey in await self.passkeys(user):
            del self._state.passkeys[passkey.id]
        for place in [place for place in self._state.recovery_codes if place[0] == user]:
            del self._state.recovery_codes[place]
        self._state.passwords.pop(user, None)
        self._state.totps.pop(user, None)


class _RecoveryCodes:
    def __init__(self, state: _State) -> None:
        self._codes = state.recovery_codes

    async def replace(self, user: UserId, hashes: Sequence[str], at: UnixSeconds) -> None:
        for place in [place for place in self._codes if place[0] == user]:
            del self._codes[place]
        self._codes.update({(user, item): at for item in hashes})

    async def holds(self, user: UserId, code_hash: str) -> bool:
        return (user, code_hash) in self._codes

    async def take(self, user: UserId, code_hash: str) -> bool:
        return self._codes.pop((user, code_hash), None) is not None

    async def left(self, user: UserId) -> int:
        return sum(owner == user for owner, _ in self._codes)


class _Recoveries:
    def __init__(self, state: _State) -> None:
        self._items = state.recoveries

    async def put(self, recovery: Recovery) -> None:
        for other in [item.id for item in self._items.values() if item.flow == recovery.flow]:
            del self._items[other]
        self._items[recovery.id] = recovery

    async def get(self, recovery_id: str) -> Recovery | None:
        return self._items.get(recovery_id)

    async def of_flow(self, flow: str) -> Recovery | None:
        return next((item for item in self._items.values() if item.flow == flow), None)

    async def waiting(self, now: UnixSeconds, *, code_hash: str = "") -> Sequence[Recovery]:
        found = [
            item
            for item in self._items.values()
            if item.state == "waiting" and item.user and item.expires_at > now
            if code_hash in ("", item.code_hash)
        ]
        newest = sorted(found, key=lambda item: (item.requested_at, item.id), reverse=True)
        seen: Counter[str] = Counter()
        listed: list[Recovery] = []
        for item in newest:
            seen[item.user] += 1
            if seen[item.user] <= LISTED_OF_EACH and len(listed) < LISTED:
                listed.append(item)
        return listed[::-1]

    async def remove_of(self, user: UserId) -> int:
        found = [
            key
            for key, item in self._items.items()
            if item.user == user or item.decided_by == f"user:{user}"
        ]
        for key in found:
            del self._items[key]
        return len(found)

    async def sweep(self, now: UnixSeconds) -> None:
        for key in [key for key, item in self._items.items() if item.expires_at <= now]:
            del self._items[key]


class _OneTime:
    def __init__(self, state: _State) -> None:
        self._items = state.one_time

    async def put(self, item: OneTime) -> None:
        self._items[item.purpose, item.key] = item

    async def add(self, item: OneTime, now: UnixSeconds) -> bool:
        if await self.peek(item.purpose, item.key, now) is not None:
            return False
        await self.put(item)
        return True

    async def peek(self, purpose: str, key: str, now: UnixSeconds) -> OneTime | None:
        item = self._items.get((purpose, key))
        return item if item is not None and item.expires_at > now else None

    async def take(self, purpose: str, key: str, now: UnixSeconds) -> OneTime | None:
        item = await self.peek(purpose, key, now)
        self._items.pop((purpose, key), None)
        return item

    async def sweep(self, now: UnixSeconds) -> None:
        for place in [place for place, item in self._items.items() if item.expires_at <= now]:
            del self._items[place]

    async def remove_of(self, user: UserId) -> int:
        found = [place for place, item in self._items.items() if _names(item.data, user)]
        for place in found:
            del self._items[place]
        return len(found)


def _names(data: msgspec.Raw, user: UserId) -> bool:
    value = msgspec.json.decode(data)
    return isinstance(value, dict) and value.get("user") == user


class _Audit:
    def __init__(self, state: _State) -> None:
        self._state = state

    async def append(
        self, *, at: UnixSeconds, actor: str, act: str, target: str, detail: dict[str, str]
    ) -> AuditEntry:
        head = head_of(self._state.audit[-1]) if self._state.audit else EMPTY_HEAD
        entry = next_entry(head, at=at, actor=actor, act=act, target=target, detail=detail)
        self._state.audit.append(entry)
        return entry

    async def entries(self, *, after: int, limit: int) -> Sequence[AuditEntry]:
        return [entry for entry in self._state.audit if entry.seq > after][:limit]

    async def latest(self, limit: int) -> Sequence[AuditEntry]:
        return self._state.audit[::-1][:limit]


class _Decisions:
    def __init__(self, state: _State) -> None:
        self._items = state.decisions

    async def remove_before(self, moment: UnixSeconds, limit: int) -> int:
        old = sorted((item.record.at, item.seq) for item in self._items if item.record.at < moment)
        gone = {seq for _, seq in old[:limit]}
        self._items[:] = [item for item in self._items if item.seq not in gone]
        return len(gone)


class _Transaction:
    def __init__(self, state: _State) -> None:
        self.snapshot: SnapshotTable = _Snapshot(state)
        self.credentials: CredentialTable = _Credentials(state)
        self.recovery_codes: RecoveryCodeTable = _RecoveryCodes(state)
        self.recoveries = _Recoveries(state)
        self.one_time = _OneTime(state)
        self.attempts = AttemptsInMemory(state.attempts)
        self.other_ways = OtherWaysInMemory(
            state.passwords, state.totps, state.attempts, state.identities
        )
        self.audit = _Audit(state)
        self.decisions = _Decisions(state)
        self.sign_ins = SignInMemory(state.sign_ins)
        self.activity = ActivityMemory(state.activity, state.activity_sources)
        self.openid = OpenidInMemory(state.openid, lambda: state.snapshot)
        self.federation = FederationInMemory(state.identities, state.provider_secrets)
        self.directory = MemoryDirectoryTable(state.directory)
        self.identity = MemoryIdentity(state.identity)
        self.devices = MemoryDevices(state.devices)
        self.receiver = MemoryReceiver(state.receiver)
        self.signals = MemorySignals(state.signals)


class MemoryStore:
    """Port `Store` in memory. `recorder` may be set before the first transaction."""

    def __init__(self, recorder: Recorder | None = None) -> None:
        self.recorder = recorder
        self._state = _State()
        self._numbers = itertools.count(1)
        self._turn = asyncio.Lock()
        self._moved = asyncio.Event()
        self.directory = MemoryDirectory(lambda: self._state.directory)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[_Transaction]:
        async with self._turn:
            draft = copy.copy(self._state)
            for item in fields(_State):
                if item.name != "snapshot":
                    setattr(draft, item.name, copy.copy(getattr(draft, item.name)))
            tables = _Transaction(draft)
            watch = None if self.recorder is None else self.recorder.watch(tables)
            if watch is not None:
                tables.snapshot, tables.credentials = watch.snapshot, watch.credentials
                tables.recovery_codes = watch.recovery_codes
            told = len(draft.audit)
            yield tables
            if watch is not None:
                await watch.record(draft.audit[told:])
            self._state = draft
            self._moved.set()
            if watch is not None:
                watch.committed()

    async def load(self) -> Snapshot:
        return self._state.snapshot

    async def revisions(self, after: int) -> AsyncIterator[Revision]:
        if after > self._state.snapshot.number:
            raise DoorwardError("revision-pruned", "That revision is not in the store.")
        while True:
            newer = [item for item in self._state.revisions if item.number > after]
            for revision in newer:
                yield revision
                after = revision.number
            if not newer:
                yield Revision(number=after, changes=())
                self._moved.clear()
                try:
                    async with asyncio.timeout(_POLL_SECONDS):
                        await self._moved.wait()
                except TimeoutError:
                    pass

    async def append_decisions(self, records: Sequence[DecisionRecord]) -> None:
        async with self._turn:
            log = self._state.decisions
            known = {item.record.id for item in log}
            for record in records:
                if record.id not in known:
                    known.add(record.id)
                    log.append(StoredDecision(seq=next(self._numbers), record=record))

    async def find_decisions(self, query: DecisionQuery) -> Sequence[StoredDecision]:
        found = [item for item in self._state.decisions if _matches(item, query)]
        limit = max(1, min(query.limit, 1000))
        if query.after is not None and query.before is None:
            return found[:limit][::-1]
        return found[::-1][:limit]

    async def decision(self, decision_id: DecisionId) -> StoredDecision | None:
        return next((item for item in self._state.decisions if item.record.id == decision_id), None)

    async def close(self) -> None:
        """Nothing is open."""

    def content(self) -> object:
        """All that it holds now, to compare with later."""
        return copy.deepcopy(self._state)


def _matches(item: StoredDecision, query: DecisionQuery) -> bool:
    for name in _SEARCHED:
        wanted = getattr(query, name)
        if wanted is not None and getattr(item.record, name) != wanted:
            return False
    return (
        (query.since is None or item.record.at >= query.since)
        and (query.before is None or item.seq < query.before)
        and (query.after is None or item.seq > query.after)
    )


def _require_well_formed(item: Change) -> None:
    if item.kind not in KINDS:
        raise DoorwardError("document-malformed", f"There is no kind `{item.kind}`.")
    if isinstance(item.body, msgspec.UnsetType):
        return
    try:
        document = decode(item.kind, item.body)
    except msgspec.DecodeError as error:
        raise DoorwardError("document-malformed", str(error)) from None
    if document.id != item.id:
        raise DoorwardError("document-malformed", "It calls itself something else.")


class MemoryHeads:
    """Port `AuditHeads` in memory."""

    def __init__(self) -> None:
        self.head: AuditHead | None = None

    async def read(self) -> AuditHead | None:
        return self.head

    async def record(self, head: AuditHead) -> None:
        self.head = head


class StoreLive:
    """Port `LiveSnapshot`, always as new as the store."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    @property
    def current(self) -> Snapshot:
        return self._store._state.snapshot

    async def reached(self, number: int) -> Snapshot:
        assert self.current.number >= number
        return self.current


class ObedientGateways:
    """Port `Gateways`: one gateway that enforces everything at once."""

    def __init__(self, keys: Sequence[dict[str, str]] = ()) -> None:
        self.keys = list(keys)
        self.waited: list[int] = []
        self.obeys = True

    async def wait_applied(self, number: int, timeout_seconds: float) -> bool:
        del timeout_seconds
        self.waited.append(number)
        return self.obeys

    def connected(self) -> Sequence[GatewayState]:
        return [
            GatewayState(
                id="gateway-1",
                connected_at=0.0,
                applied=max(self.waited, default=0),
                parts={"decisions": "ok", "log": "ok", "envoy": "ok"},
                open_streams=0,
                spool_bytes=0,
            )
        ]

    def assertion_keys(self) -> Sequence[dict[str, str]]:
        return self.keys


class CountedSecrets:
    """Port `Secrets` without chance: `secret-0001…`, `ses_0001`."""

    def __init__(self) -> None:
        self._count = itertools.count(1)

    def token(self) -> str:
        return f"secret-{next(self._count):036d}"

    def id(self, prefix: str) -> str:
        return f"{prefix}_{next(self._count):04d}"


class KeptMail:
    """Port `Mailer` that keeps what it is given; `broken` refuses it."""

    def __init__(self) -> None:
        self.sent: list[Mail] = []
        self.broken = False

    async def send(self, mail: Mail) -> None:
        if self.broken:
            raise DoorwardError("mail-unsent", "Nobody took the message.")
        self.sent.append(mail)


def control_plane(store: MemoryStore) -> ControlPlane:
    """A control plane on `store` and the fakes beside it."""
    return ControlPlane(store, StoreLive(store), ObedientGateways(), CountedSecrets(), KeptMail())
