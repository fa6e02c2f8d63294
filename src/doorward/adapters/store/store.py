"""The store: transactions, the stream of revisions and the decision log, on either database."""

from __future__ import annotations

import asyncio
import importlib
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

import structlog

from doorward.adapters.store import decisions
from doorward.adapters.store.activity import SessionActivity
from doorward.adapters.store.attempts import AttemptCounts
from doorward.adapters.store.audit import AuditLog
from doorward.adapters.store.credentials import Credentials
from doorward.adapters.store.database import Database
from doorward.adapters.store.decisions import DecisionLog
from doorward.adapters.store.devices import Devices
from doorward.adapters.store.directory import DirectoryRows
from doorward.adapters.store.directory_reading import SqlDirectory
from doorward.adapters.store.documents import Documents, load_snapshot, read_revisions
from doorward.adapters.store.federation import FederationLinks
from doorward.adapters.store.identity import IdentityRecords
from doorward.adapters.store.one_time import OneTimeSecrets
from doorward.adapters.store.openid import Openid
from doorward.adapters.store.other_ways import SqlOtherWays
from doorward.adapters.store.received_signals import Receiving
from doorward.adapters.store.recovery import Recoveries, RecoveryCodes
from doorward.adapters.store.sign_ins import SignInLog
from doorward.adapters.store.signals import Signals
from doorward.adapters.store.sqlite import SqliteDatabase
from doorward.adapters.store.url import parse_url
from doorward.administrator.audit_chain import EMPTY_HEAD, extend
from doorward.administrator.ports import (
    AuditEntry,
    AuditHead,
    AuditHeads,
    CredentialTable,
    DecisionQuery,
    Revision,
    SnapshotTable,
    StoredDecision,
)
from doorward.administrator.recovery_ports import RecoveryCodeTable
from doorward.administrator.signals.transmitting.recorder import Recorder
from doorward.errors import DoorwardError
from doorward.model.decision import DecisionRecord
from doorward.model.ids import DecisionId
from doorward.model.snapshot import Snapshot

_RECORDS_PER_TRANSACTION = 256
_ENTRIES_PER_READ = 1000
_REVISIONS_AT_HAND = 64
_SEAL_SECONDS = 0.25
"""Between two moves of the audit log's signed end: each waits for the disk, as commits do."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SqlTransaction:
    """Port `Transaction`: the tables on one connection."""

    snapshot: SnapshotTable
    credentials: CredentialTable
    recovery_codes: RecoveryCodeTable
    recoveries: Recoveries
    one_time: OneTimeSecrets
    attempts: AttemptCounts
    other_ways: SqlOtherWays
    audit: AuditLog
    decisions: DecisionLog
    sign_ins: SignInLog
    activity: SessionActivity
    openid: Openid
    federation: FederationLinks
    directory: DirectoryRows
    identity: IdentityRecords
    devices: Devices
    receiver: Receiving
    signals: Signals


class SqlStore:
    """Port `Store` on a database.

    `heads` keeps the signed end of the audit log; without it a cut-off end goes unnoticed.
    `poll_seconds` is how often followers ask the database even where nothing was announced.
    `recorder` writes what a transaction changed as events to be told, in that transaction.
    A transaction must not be opened inside another.
    """

    def __init__(
        self,
        database: Database,
        heads: AuditHeads | None = None,
        *,
        poll_seconds: float = 1.0,
        recorder: Recorder | None = None,
    ) -> None:
        self._database = database
        self._heads = heads
        self._poll_seconds = poll_seconds
        self._followers: set[asyncio.Event] = set()
        self._recent: deque[Revision] = deque(maxlen=_REVISIONS_AT_HAND)
        self._unsealed: list[AuditEntry] = []
        self._sealing: asyncio.Task[None] | None = None
        self._sealed_at = 0.0
        self._closing = asyncio.Event()
        self._recorder = recorder
        self.directory = SqlDirectory(database)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqlTransaction]:
        published: list[Revision] = []
        try:
            async with self._database.writing() as connection:
                documents = Documents(connection)
                tables = SqlTransaction(
                    documents,
                    Credentials(connection),
                    RecoveryCodes(connection),
                    Recoveries(connection),
                    OneTimeSecrets(connection),
                    AttemptCounts(connection),
                    SqlOtherWays(connection),
                    AuditLog(connection),
                    DecisionLog(connection),
                    SignInLog(connection),
                    SessionActivity(connection),
                    Openid.on(connection),
                    FederationLinks(connection),
                    DirectoryRows(connection),
                    IdentityRecords(connection),
                    Devices.on(connection),
                    Receiving.on(connection),
                    Signals.on(connection),
                )
                watch = None
                if self._recorder is not None:
                    watch = self._recorder.watch(tables)
                    tables = replace(
                        tables,
                        snapshot=watch.snapshot,
                        credentials=watch.credentials,
                        recovery_codes=watch.recovery_codes,
                    )
                yield tables
                if watch is not None:
                    await watch.record(tables.audit.appended)
                published = documents.published
                if published:
                    await self._database.announce(connection)
            self._remember(published)
            if watch is not None:
                watch.committed()
        finally:
            if published:
                self._wake()
        if tables.audit.appended and self._heads is not None:
            self._unsealed.extend(tables.audit.appended)
            first = self._sealing is None
            if self._sealing is None or self._sealing.done():
                self._sealing = asyncio.create_task(self._seal(self._heads), name="audit-head")
            if first:  # a log without any signed end could be cut off unnoticed
                await asyncio.shield(self._sealing)

    async def load(self) -> Snapshot:
        async with self._database.reading() as connection:
            return await load_snapshot(connection)

    async def revisions(self, after: int) -> AsyncIterator[Revision]:
        changed = asyncio.Event()
        self._followers.add(changed)
        try:
            async with self._database.listen(changed.set):
                while True:
                    changed.clear()
                    at_hand = self._committed_here(after)
                    newer = at_hand or await self._read_revisions(after)
                    for revision in newer:
                        yield revision
                        after = revision.number
                    if not newer:
                        yield Revision(number=after, changes=())
                    if at_hand or not newer:
                        with suppress(TimeoutError):
                            async with asyncio.timeout(self._poll_seconds):
                                await changed.wait()
        finally:
            self._followers.discard(changed)

    async def append_decisions(self, records: Sequence[DecisionRecord]) -> None:
        for start in range(0, len(records), _RECORDS_PER_TRANSACTION):
            async with self._database.logging() as connection:
                batch = records[start : start + _RECORDS_PER_TRANSACTION]
                await decisions.append(connection, batch)

    async def find_decisions(self, query: DecisionQuery) -> Sequence[StoredDecision]:
        async with self._database.reading() as connection:
            return await decisions.find(connection, query)

    async def decision(self, decision_id: DecisionId) -> StoredDecision | None:
        async with self._database.reading() as connection:
            return await decisions.get(connection, decision_id)

    async def close(self) -> None:
        self._closing.set()
        if self._sealing is not None:
            await asyncio.shield(self._sealing)
        await self._database.close()

    async def _read_revisions(self, after: int) -> list[Revision]:
        async with self._database.reading() as connection:
            return await read_revisions(connection, after)

    def _committed_here(self, after: int) -> list[Revision]:
        """What follows `after` without a gap among the last revisions of this very process."""
        following = [item for item in self._recent if item.number > after]
        return following if following and following[0].number == after + 1 else []

    def _remember(self, published: Sequence[Revision]) -> None:
        """Without a gap: what is between is another process', or its commit was cancelled here."""
        if published and self._recent and published[0].number != self._recent[-1].number + 1:
            self._recent.clear()
        self._recent.extend(published)

    def _wake(self) -> None:
        for changed in self._followers:
            changed.set()

    async def _seal(self, heads: AuditHeads) -> None:
        """Move the signed head to the end of the log, once for all acts that wait for it.

        The act is done whether this works or not, so nobody waits for it and a failure is logged,
        not raised; the next act makes up for it. A head that the log does not continue stays
        where it is, as evidence.
        """
        while self._unsealed:
            await self._pause()
            appended, self._unsealed = sorted(self._unsealed, key=lambda entry: entry.seq), []
            try:
                head = await heads.read() or EMPTY_HEAD
                moved = extend(head, appended)
                if moved.seq < appended[-1].seq:
                    moved = await self._extend_from_store(head)
                if moved != head:
                    await heads.record(moved)
                    self._sealed_at = time.monotonic()
                if moved.seq < appended[-1].seq:
                    _log.error("audit-head-stuck", head=moved.seq, end=appended[-1].seq)
            except DoorwardError as error:
                _log.error("audit-head-unwritten", code=error.code, detail=error.detail)

    async def _pause(self) -> None:
        """Unless the last move was long ago, or the store is closed."""
        rest = self._sealed_at + _SEAL_SECONDS - time.monotonic()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(rest, 0.0)):
                await self._closing.wait()

    async def _extend_from_store(self, head: AuditHead) -> AuditHead:
        """Catch up where an earlier head was lost in a crash or another replica wrote."""
        while True:
            async with self._database.reading() as connection:
                entries = await AuditLog(connection).entries(
                    after=head.seq, limit=_ENTRIES_PER_READ
                )
            moved = extend(head, entries)
            if moved == head:
                return head
            head = moved


def open_store(
    url: str,
    heads: AuditHeads | None = None,
    *,
    poll_seconds: float = 1.0,
    recorder: Recorder | None = None,
) -> SqlStore:
    """The store at `sqlite:///PATH` or `postgresql://…`. Raises `store-url-invalid`.

    Nothing is connected yet; `upgrade` has to have run once before.
    """
    parsed = parse_url(url)
    database: Database
    if parsed.get_backend_name() == "sqlite":
        database = SqliteDatabase(parsed.database or "")
    else:
        # Imported where it is used: its driver is large.
        postgresql = importlib.import_module("doorward.adapters.store.postgresql")
        database = postgresql.PostgresqlDatabase(parsed.set(drivername="postgresql+psycopg"))
    return SqlStore(database, heads, poll_seconds=poll_seconds, recorder=recorder)
