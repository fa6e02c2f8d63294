"""The audit log of administrative acts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from doorward.administrator.verify_audit import verify_audit
from doorward.entrypoints.api.context import Caller, Ports
from doorward.entrypoints.api.views import AuditVerdictView, AuditView

router = APIRouter(prefix="/audit", tags=["audit"])
MAX_PAGE = 1000


@router.get("")
async def list_acts(
    ports: Ports,
    _: Caller,
    after: int | None = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
) -> list[AuditView]:
    """The newest acts, newest first; with `after`, those behind that `seq`, oldest first."""
    async with ports.control.store.transaction() as transaction:
        if after is None:
            entries = await transaction.audit.latest(limit)
        else:
            entries = await transaction.audit.entries(after=after, limit=limit)
    return [AuditView.model_validate(entry) for entry in entries]


@router.get("/verify")
async def verify_acts(ports: Ports, _: Caller) -> AuditVerdictView:
    """Read the whole log and compare it with its signed end."""
    verdict = await verify_audit(ports.control.store, ports.heads)
    fault = verdict.fault
    return AuditVerdictView(
        intact=fault is None,
        entries=verdict.entries,
        seq=None if fault is None else fault.seq,
        problem="" if fault is None else fault.problem,
    )
