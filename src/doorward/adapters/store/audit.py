"""The log of administrative acts."""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec
from sqlalchemy import Select, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from doorward.adapters.store.tables import audit_entry
from doorward.administrator.audit_chain import EMPTY_HEAD, head_of, next_entry
from doorward.administrator.ports import AuditEntry
from doorward.model.ids import UnixSeconds

_append = insert(audit_entry)
_newest = select(audit_entry).order_by(audit_entry.c.seq.desc()).limit(1)


class AuditLog:
    """Port `AuditTable` on one connection's transaction, which writers take turns to have."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self.appended: list[AuditEntry] = []

    async def append(
        self, *, at: UnixSeconds, actor: str, act: str, target: str, detail: dict[str, str]
    ) -> AuditEntry:
        newest = await self._select(_newest)
        head = head_of(newest[0]) if newest else EMPTY_HEAD
        entry = next_entry(head, at=at, actor=actor, act=act, target=target, detail=detail)
        row = msgspec.structs.asdict(entry) | {"detail": json.dumps(detail)}
        await self._connection.execute(_append, row)
        self.appended.append(entry)
        return entry

    async def entries(self, *, after: int, limit: int) -> Sequence[AuditEntry]:
        table = audit_entry
        return await self._select(
            select(table).where(table.c.seq > after).order_by(table.c.seq).limit(limit)
        )

    async def latest(self, limit: int) -> Sequence[AuditEntry]:
        return await self._select(
            select(audit_entry).order_by(audit_entry.c.seq.desc()).limit(limit)
        )

    async def _select(self, statement: Select[*tuple[object, ...]]) -> list[AuditEntry]:
        rows = await self._connection.execute(statement)
        return [AuditEntry(**{**row, "detail": _detail(row["detail"])}) for row in rows.mappings()]


def _detail(text: object) -> dict[str, str]:
    """The detail of an entry; what nobody here wrote is kept visible, and fails the proof."""
    try:
        return msgspec.json.decode(str(text), type=dict[str, str])
    except msgspec.DecodeError:
        return {"malformed": str(text)}
