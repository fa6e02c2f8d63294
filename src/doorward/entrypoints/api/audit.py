"""The log of administrative acts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from doorward.administrator.verify_audit import verify_audit
from doorward.entrypoints.api.context import Caller, Ports
from doorward.entrypoints.api.views import AuditView, View

router = APIRouter(prefix="/audit", tags=["audit"])


class VerdictView(View):
    """Whether the log is what was written; if not, at which entry and why."""

    intact: bool
    entries: int
    seq: int | None = None
    problem: str = ""


@router.get("")
async def list_entries(
    ports: Ports, _: Caller, limit: Annotated[int, Query(ge=1, le=1000)] = 50
) -> list[AuditView]:
    """The newest entries, newest first."""
    async with ports.control.store.transaction() as transaction:
        return [AuditView.model_validate(entry) for entry in await transaction.audit.latest(limit)]


@router.get("/verify")
async def verify(ports: Ports, _: Caller) -> VerdictView:
    """Recompute the whole chain and compare its end with the signed one."""
    verdict = await verify_audit(ports.control.store, ports.heads)
    if verdict.fault is None:
        return VerdictView(intact=True, entries=verdict.entries)
    return VerdictView(
        intact=False,
        entries=verdict.entries,
        seq=verdict.fault.seq,
        problem=verdict.fault.problem,
    )
