"""The estate: what a folder of files would change, and changing it."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from doorward.administrator.apply_estate import apply_estate as publish
from doorward.administrator.relisted import shut_out
from doorward.entrypoints.api.bodies import Body
from doorward.entrypoints.api.context import Caller, Ports
from doorward.entrypoints.api.views import (
    AppliedView,
    EffectView,
    PlanView,
    ShutOutView,
    StepView,
)
from doorward.estate import Estate, plan, provisioned
from doorward.model.snapshot import Snapshot

router = APIRouter(prefix="/estate", tags=["estate"])


class EstateBody(Body):
    """The files of an estate: name (`.toml` or `.cedar`, as errors name it) to text."""

    files: Annotated[dict[str, str], Field(max_length=10_000)]


class ApplyBody(EstateBody):
    """`shut_out` applies it also where somebody has no way left to sign in."""

    shut_out: bool = False


@router.post("/plan")
async def plan_estate(ports: Ports, _: Caller, body: EstateBody) -> PlanView:
    """What applying these files would change. Nothing is changed."""
    wanted, snapshot = await _read(ports, body)
    steps = tuple(StepView.model_validate(step) for step in plan(snapshot, wanted).steps)
    found = ShutOutView.model_validate(await shut_out(ports.control, wanted))
    return PlanView(steps=steps, shut_out=found)


@router.post("/apply")
async def apply_estate(ports: Ports, caller: Caller, body: ApplyBody) -> AppliedView:
    """Make the estate what these files say: all of it, or nothing where a file has an error."""
    wanted, _ = await _read(ports, body)
    act = caller.act(ports.clock())
    applied = await publish(ports.control, act, wanted, may_shut_out=body.shut_out)
    return AppliedView(
        steps=tuple(StepView.model_validate(step) for step in applied.plan.steps),
        shut_out=ShutOutView.model_validate(applied.shut_out),
        effect=EffectView.model_validate(applied.effect),
    )


async def _read(ports: Ports, body: EstateBody) -> tuple[Estate, Snapshot]:
    """What the files say, and the snapshot whose provisioned people they may name."""
    snapshot = ports.control.live.current

    def read() -> Estate:
        return ports.estates.read(body.files, provisioned(snapshot))

    return await asyncio.to_thread(read), snapshot
