"""Writes what a transaction changed into the outbox, in that same transaction.

The store hands each of its transactions to a `Recorder`. Its tables of documents and credentials
are then watched: what is written is compared with what was there, and only where somebody listens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from doorward.administrator.ports import (
    AuditEntry,
    CredentialTable,
    Secrets,
    SnapshotTable,
    Transaction,
)
from doorward.administrator.recovery_ports import RecoveryCodeTable
from doorward.administrator.signal_ports import Pending, Stream
from doorward.administrator.signals.transmitting.bell import Bell
from doorward.administrator.signals.transmitting.claims import pending
from doorward.administrator.signals.transmitting.differences import Cause
from doorward.administrator.signals.transmitting.events_of import Happened, People, events_of
from doorward.administrator.signals.transmitting.subjects_of import (
    is_left_out,
    subject_of,
    user_identifier,
)
from doorward.administrator.signals.transmitting.supported import delivered
from doorward.administrator.signals.transmitting.watched import (
    Seen,
    WatchedCredentials,
    WatchedRecoveryCodes,
    WatchedSnapshot,
)
from doorward.model.estate import Service, User
from doorward.model.identity import Standing
from doorward.model.ids import SessionId, UnixSeconds, UserId
from doorward.protocol.signals.events import event_type
from doorward.protocol.signals.subjects import Json


class Watch(Protocol):
    """One transaction under a recorder's eyes. It uses this one's tables of the same names."""

    @property
    def snapshot(self) -> SnapshotTable: ...
    @property
    def credentials(self) -> CredentialTable: ...
    @property
    def recovery_codes(self) -> RecoveryCodeTable: ...

    async def record(self, entries: Sequence[AuditEntry]) -> None:
        """At the end, before it is committed. `entries` are those of this transaction."""
        ...

    def committed(self) -> None:
        """Whatever was recorded can be delivered."""
        ...


class Recorder:
    """Watches transactions. `issuer` is the provider's, `clock` tells the time without an act."""

    def __init__(
        self, issuer: str, secrets: Secrets, clock: Callable[[], UnixSeconds], bell: Bell
    ) -> None:
        self.issuer = issuer
        self.secrets = secrets
        self.clock = clock
        self.bell = bell

    def watch(self, transaction: Transaction) -> Watch:
        """Watch a transaction that has just begun."""
        return _Watch(self, transaction)


class _Watch:
    def __init__(self, recorder: Recorder, transaction: Transaction) -> None:
        self._recorder = recorder
        self._transaction = transaction
        self._seen = Seen(transaction)
        self._recorded = False
        self.snapshot = WatchedSnapshot(transaction.snapshot, self._seen)
        self.credentials = WatchedCredentials(
            transaction.credentials, transaction.recovery_codes, self._seen
        )
        self.recovery_codes = WatchedRecoveryCodes(transaction.recovery_codes, self._seen)

    async def record(self, entries: Sequence[AuditEntry]) -> None:
        seen = self._seen
        if not seen.documents and not seen.credentials:
            return
        cause = _cause(entries, self._recorder.clock)
        people = await _people(self._transaction, seen)
        happened = events_of(seen.documents, seen.credentials, people, cause)
        if happened:
            await self._write(happened, people, cause)

    def committed(self) -> None:
        if self._recorded:
            self._recorder.bell.ring()

    async def _write(self, happened: Sequence[Happened], people: People, cause: Cause) -> None:
        signals, recorder = self._transaction.signals, self._recorder
        txn = recorder.secrets.id("txn")
        users = await self._named(happened, {**people.users_before, **people.users})
        items: list[Pending] = []
        for stream in await signals.streams.all():
            wanted = delivered(stream.requested)
            if stream.status == "disabled" or not wanted:
                continue
            left_out = await signals.left_out.of(stream.id)
            for item in happened:
                if event_type(item.event) not in wanted:
                    continue
                forms = _forms(item.user, users, recorder.issuer, stream)
                if is_left_out(item, forms, left_out):
                    continue
                items.append(
                    pending(
                        stream,
                        item.event,
                        subject_of(item, forms[0], await self._sid(stream, item)),
                        issuer=recorder.issuer,
                        jti=recorder.secrets.id("jti"),
                        txn=txn,
                        at=cause.at,
                    )
                )
        await signals.outbox.add(items)
        self._recorded = bool(items)

    async def _sid(self, stream: Stream, item: Happened) -> str:
        """How the application that the receiver is calls the session. Others are not told it."""
        service = await self._transaction.snapshot.get("service", stream.receiver)
        if not item.session or not isinstance(service, Service) or not service.client:
            return ""
        known = await self._transaction.openid.sessions.newest(
            SessionId(item.session), service.client
        )
        return known.sid if known else ""

    async def _named(self, happened: Sequence[Happened], users: dict[str, User]) -> dict[str, User]:
        """`users`, and whoever else something happened to."""
        for user in {item.user for item in happened} - users.keys():
            found = await self._transaction.snapshot.get("user", user)
            if isinstance(found, User):
                users[user] = found
        return users


def _forms(user: UserId, users: dict[str, User], issuer: str, stream: Stream) -> list[Json]:
    """Every form of a person, the one that the stream uses first."""
    known = users.get(user)
    own = user_identifier(known, user, issuer, stream.user_format)
    both = (user_identifier(known, user, issuer, form) for form in ("iss_sub", "email"))
    return [own, *(form for form in both if form != own)]


def _cause(entries: Sequence[AuditEntry], clock: Callable[[], UnixSeconds]) -> Cause:
    if not entries:
        return Cause(clock())
    last = entries[-1]
    return Cause(last.at, last.actor, last.act)


async def _people(transaction: Transaction, seen: Seen) -> People:
    """Whoever a changed document of a person or of their standing is about."""
    people = People({}, {}, {}, {})
    for item in seen.documents:
        some = item.before if item.after is None else item.after
        if isinstance(some, User | Standing):
            user = await transaction.snapshot.get("user", some.id)
            standing = await transaction.snapshot.get("standing", some.id)
            if isinstance(user, User):
                people.users.setdefault(some.id, user)
            if isinstance(standing, Standing):
                people.standings.setdefault(some.id, standing)
    people.users_before.update(people.users)
    people.standings_before.update(people.standings)
    # The oldest difference of a document is what it was before this transaction.
    for item in reversed(seen.documents):
        match item.before, item.after:
            case User() as before, _:
                people.users_before[before.id] = before
            case None, User() as after:
                people.users_before.pop(after.id, None)
            case Standing() as before, _:
                people.standings_before[before.id] = before
            case None, Standing() as after:
                people.standings_before.pop(after.id, None)
    return people
