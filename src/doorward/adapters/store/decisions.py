"""The decision log: append, search, and let go of what is old."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import delete, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from doorward.adapters.store.tables import decision, decision_floor
from doorward.administrator.ports import DecisionQuery, StoredDecision
from doorward.model.decision import DecisionRecord
from doorward.model.ids import DecisionId, UnixSeconds

MAX_LIMIT = 1000
_EXACT = ("subject", "resource", "session", "outcome", "reason", "source")

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(DecisionRecord)


class DecisionLog:
    """Port `DecisionTable` on one connection's transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def remove_before(self, moment: UnixSeconds, limit: int) -> int:
        old = decision.c.at < moment
        # The database lets no record go that is not from before the floor.
        await self._connection.execute(
            update(decision_floor)
            .where(decision_floor.c.moment < moment, exists().where(old))
            .values(moment=moment)
        )
        oldest = select(decision.c.seq).where(old).order_by(decision.c.at).limit(limit)
        removed = await self._connection.execute(delete(decision).where(decision.c.seq.in_(oldest)))
        return removed.rowcount


async def append(connection: AsyncConnection, records: Iterable[DecisionRecord]) -> None:
    """Append those of `records` that are not there yet. The caller holds the log's turn."""
    fresh = {record.id: record for record in records}
    known = await connection.scalars(select(decision.c.id).where(decision.c.id.in_(list(fresh))))
    for record_id in known:
        del fresh[record_id]
    if fresh:
        await connection.execute(insert(decision), [_row(record) for record in fresh.values()])


async def find(connection: AsyncConnection, query: DecisionQuery) -> Sequence[StoredDecision]:
    """The decisions that `query` describes, newest first."""
    statement = select(decision.c.seq, decision.c.body)
    for field in _EXACT:
        wanted = getattr(query, field)
        if wanted is not None:
            statement = statement.where(decision.c[field] == wanted)
    if query.since is not None:
        statement = statement.where(decision.c.at >= query.since)
    if query.before is not None:
        statement = statement.where(decision.c.seq < query.before)
    if query.after is not None:
        statement = statement.where(decision.c.seq > query.after)
    oldest_first = query.after is not None and query.before is None
    order = decision.c.seq.asc() if oldest_first else decision.c.seq.desc()
    limit = max(1, min(query.limit, MAX_LIMIT))
    rows = await connection.execute(statement.order_by(order).limit(limit))
    found = [_stored(seq, body) for seq, body in rows]
    return found[::-1] if oldest_first else found


async def get(connection: AsyncConnection, decision_id: DecisionId) -> StoredDecision | None:
    """One decision by its id."""
    rows = await connection.execute(
        select(decision.c.seq, decision.c.body).where(decision.c.id == decision_id)
    )
    row = rows.first()
    return None if row is None else _stored(row.seq, row.body)


def _row(record: DecisionRecord) -> dict[str, object]:
    return {
        "id": record.id,
        "at": record.at,
        **{field: getattr(record, field) for field in _EXACT},
        "body": _encoder.encode(record).decode(),
    }


def _stored(seq: int, body: str) -> StoredDecision:
    return StoredDecision(seq=seq, record=_decoder.decode(body))
