"""Contacts, cases, verifications and training: port `IdentityTables` on one connection."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec
from sqlalchemy import Row, Select, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from doorward.adapters.store.failures import failure
from doorward.adapters.store.identity_tables import (
    identity_notice,
    identity_verification,
    identity_verification_end,
    notice_address,
    proofing_case,
    proofing_number,
    verified_contact,
    verifier_training,
)
from doorward.adapters.store.upsert import insert_or_replace
from doorward.administrator.identity.records import (
    Case,
    Contact,
    End,
    StoredVerification,
    Training,
    Verification,
)
from doorward.model.ids import UnixSeconds, UserId

_EMAIL = "email"
_HOLDING = ("open", "approved")

T = TypeVar("T")


class Contacts:
    """Port `ContactTable` on one connection's transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def of(self, user: UserId) -> Contact | None:
        table = verified_contact.c
        rows = await self._connection.execute(
            select(table.value, table.verified_at).where(table.user == user, table.kind == _EMAIL)
        )
        row = rows.first()
        return row and Contact(user=user, value=row.value, verified_at=row.verified_at)

    async def put(self, contact: Contact) -> None:
        await self.remove(contact.user)
        await self._connection.execute(
            insert(verified_contact).values(
                user=contact.user,
                kind=_EMAIL,
                value=contact.value,
                verified_at=contact.verified_at,
            )
        )

    async def remove(self, user: UserId) -> bool:
        done = await self._connection.execute(
            delete(verified_contact).where(verified_contact.c.user == user)
        )
        return done.rowcount > 0


class NoticeAddresses:
    """Port `ContactTable` on one connection's transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def of(self, user: UserId) -> Contact | None:
        rows = await self._connection.execute(
            select(notice_address).where(notice_address.c.user == user)
        )
        row = rows.mappings().first()
        return None if row is None else Contact(**row)

    async def put(self, contact: Contact) -> None:
        await self._connection.execute(
            insert_or_replace(self._connection, notice_address), msgspec.structs.asdict(contact)
        )

    async def remove(self, user: UserId) -> bool:
        done = await self._connection.execute(
            delete(notice_address).where(notice_address.c.user == user)
        )
        return done.rowcount > 0


class Cases:
    """Port `CaseTable` on one connection's transaction, which writers take turns to have."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, case_id: str) -> Case | None:
        found = await self._read(select(proofing_case.c.body).where(proofing_case.c.id == case_id))
        return found[0] if found else None

    async def put(self, case: Case) -> None:
        await self._remove([case.id])
        await self._connection.execute(
            insert(proofing_case).values(
                id=case.id,
                subject=case.subject,
                state=case.state,
                opened_at=case.opened_at,
                closed_at=case.closed_at,
                body=msgspec.json.encode(case).decode(),
            )
        )
        hashes = {item.number_hash for item in case.evidence if item.number_hash}
        if hashes and case.state in _HOLDING:
            await self._connection.execute(
                insert(proofing_number),
                [
                    {"number_hash": number, "case_id": case.id, "subject": case.subject}
                    for number in sorted(hashes)
                ],
            )

    async def open(self) -> Sequence[Case]:
        table = proofing_case.c
        return await self._read(
            select(table.body).where(table.state == "open").order_by(table.opened_at, table.id)
        )

    async def of(self, subject: UserId) -> Sequence[Case]:
        table = proofing_case.c
        return await self._read(
            select(table.body)
            .where(table.subject == subject)
            .order_by(table.opened_at.desc(), table.id.desc())
        )

    async def holders(self, number_hash: str) -> frozenset[UserId]:
        found = await self._connection.scalars(
            select(proofing_number.c.subject).where(proofing_number.c.number_hash == number_hash)
        )
        return frozenset(UserId(user) for user in found)

    async def remove_closed_before(self, moment: UnixSeconds) -> int:
        verified = select(identity_verification.c.case_id)
        found = await self._connection.scalars(
            select(proofing_case.c.id).where(
                proofing_case.c.closed_at < moment, proofing_case.c.id.not_in(verified)
            )
        )
        gone = list(found)
        await self._remove(gone)
        return len(gone)

    async def _remove(self, cases: Sequence[str]) -> None:
        for table, column in (
            (proofing_case, proofing_case.c.id),
            (proofing_number, proofing_number.c.case_id),
        ):
            await self._connection.execute(delete(table).where(column.in_(cases)))

    async def _read(self, statement: Select[str]) -> list[Case]:
        return _decoded(await self._connection.scalars(statement), Case)


class Verifications:
    """Port `VerificationTable` on one connection's transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, verification: Verification) -> None:
        await self._connection.execute(
            insert(identity_verification).values(
                id=verification.id,
                user=verification.user,
                case_id=verification.case,
                at=verification.at,
                until=verification.until,
                body=msgspec.json.encode(verification).decode(),
            )
        )

    async def end(self, end: End) -> None:
        await self._connection.execute(
            insert(identity_verification_end).values(msgspec.structs.asdict(end))
        )

    async def get(self, verification_id: str) -> StoredVerification | None:
        rows = await self._connection.execute(
            _with_end().where(identity_verification.c.id == verification_id)
        )
        return next(map(_stored, rows), None)

    async def of(self, user: UserId) -> Sequence[StoredVerification]:
        table = identity_verification.c
        rows = await self._connection.execute(
            _with_end().where(table.user == user).order_by(table.at.desc(), table.id.desc())
        )
        return [_stored(row) for row in rows]

    async def live(self) -> Sequence[Verification]:
        table, ends = identity_verification.c, identity_verification_end.c
        bodies = await self._connection.scalars(
            select(table.body)
            .where(table.id.not_in(select(ends.verification)))
            .order_by(table.until, table.id)
        )
        return _decoded(bodies, Verification)

    async def note(self, verification_id: str, notice: str, at: UnixSeconds) -> bool:
        table = identity_notice.c
        known = await self._connection.scalar(
            select(table.at).where(table.verification == verification_id, table.notice == notice)
        )
        if known is not None:
            return False
        await self._connection.execute(
            insert(identity_notice).values(verification=verification_id, notice=notice, at=at)
        )
        return True

    async def remove_ended_before(self, moment: UnixSeconds) -> int:
        ends = identity_verification_end.c
        found = await self._connection.scalars(select(ends.verification).where(ends.at < moment))
        gone = list(found)
        for table, column in (
            (identity_notice, identity_notice.c.verification),
            (identity_verification, identity_verification.c.id),
            # Last: a trigger keeps the end of a verification that is still there.
            (identity_verification_end, ends.verification),
        ):
            await self._connection.execute(delete(table).where(column.in_(gone)))
        return len(gone)


class Trainings:
    """Port `TrainingTable` on one connection's transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(self, training: Training) -> None:
        table = verifier_training.c
        await self._connection.execute(
            delete(verifier_training).where(
                table.user == training.user, table.trained_at == training.trained_at
            )
        )
        await self._connection.execute(
            insert(verifier_training).values(msgspec.structs.asdict(training))
        )

    async def all(self) -> Sequence[Training]:
        table = verifier_training.c
        rows = await self._connection.execute(
            select(verifier_training).order_by(table.user, table.trained_at)
        )
        newest = {row["user"]: Training(**row) for row in rows.mappings()}
        return list(newest.values())

    async def remove(self, user: UserId) -> int:
        done = await self._connection.execute(
            delete(verifier_training).where(verifier_training.c.user == user)
        )
        return done.rowcount


class IdentityRecords:
    """Port `IdentityTables` on one connection's transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.contacts = Contacts(connection)
        self.notice_addresses = NoticeAddresses(connection)
        self.cases = Cases(connection)
        self.verifications = Verifications(connection)
        self.trainings = Trainings(connection)


def _with_end() -> Select[*tuple[object, ...]]:
    ends = identity_verification_end
    return select(identity_verification.c.body, ends).outerjoin_from(
        identity_verification, ends, ends.c.verification == identity_verification.c.id
    )


def _stored(row: Row[*tuple[object, ...]]) -> StoredVerification:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for a row's dict
    body = fields.pop("body")
    (verification,) = _decoded([body], Verification)
    end = End(**fields) if fields["verification"] is not None else None
    return StoredVerification(verification=verification, end=end)


def _decoded(bodies: Iterable[str], kind: type[T]) -> list[T]:
    """Records were well-formed when they were written: raises `store-corrupt`."""
    try:
        return [msgspec.json.decode(body, type=kind) for body in bodies]
    except msgspec.DecodeError:
        raise failure("store-corrupt") from None
