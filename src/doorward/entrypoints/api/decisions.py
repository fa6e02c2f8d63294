"""The decision log: search, page, follow, and why."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, Field

from doorward.administrator.ports import DecisionQuery, Store, StoredDecision
from doorward.entrypoints.api import reads
from doorward.entrypoints.api.context import Caller, Ports
from doorward.entrypoints.api.views import DecisionDetail, DecisionPage, View
from doorward.errors import DoorwardError
from doorward.model.decision import DecisionRecord, ReasonCode
from doorward.model.ids import DecisionId

router = APIRouter(tags=["decisions"])
MAX_PAGE = 1000


class DecisionFilter(View):
    """Which decisions; every given field must match exactly.

    `before` and `after` are `seq` numbers, exclusive: `before` pages back, `after` follows.
    """

    subject: str | None = None
    resource: str | None = None
    session: str | None = None
    outcome: Literal["allow", "deny"] | None = None
    reason: ReasonCode | None = None
    source: Literal["engine", "ticket", "stream"] | None = None
    since: AwareDatetime | None = None
    before: int | None = None
    after: int | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 100

    def query(self) -> DecisionQuery:
        """The same for the store."""
        since: datetime | None = self.since
        return DecisionQuery(
            subject=self.subject,
            resource=self.resource,
            session=self.session,
            outcome=self.outcome,
            reason=self.reason,
            source=self.source,
            since=None if since is None else since.timestamp(),
            before=self.before,
            after=self.after,
            limit=self.limit,
        )


@router.get("/decisions")
async def find_decisions(
    ports: Ports, _: Caller, wanted: Annotated[DecisionFilter, Query()]
) -> DecisionPage:
    """Decisions, newest first. To follow, ask again with `after` = the highest `seq` seen."""
    found = await ports.control.store.find_decisions(wanted.query())
    older = found[-1].seq if len(found) == wanted.limit else None
    return DecisionPage(decisions=tuple(map(reads.decision_view, found)), before=older)


@router.get("/decisions/{decision_id}")
async def explain_decision(ports: Ports, _: Caller, decision_id: str) -> DecisionDetail:
    """Why a decision was what it was."""
    stored, reused = await decision_and_reused(ports.control.store, decision_id)
    return reads.decision_detail(stored, reused, ports.control.live.current)


async def decision_and_reused(
    store: Store, decision_id: str
) -> tuple[StoredDecision, DecisionRecord | None]:
    """A decision, and the one whose ticket it used if any. Raises `decision-unknown`."""
    stored = await store.decision(DecisionId(decision_id))
    if stored is None:
        raise DoorwardError(
            "decision-unknown",
            "No decision has this id.",
            "Look for it with `doorward log`; a gateway sends its records within seconds.",
        )
    if stored.record.decision == stored.record.id:
        return stored, None
    reused = await store.decision(stored.record.decision)
    return stored, None if reused is None else reused.record
