"""The estate: what applying files would change, and applying them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field, JsonValue

from doorward.administrator.apply_estate import apply_estate
from doorward.entrypoints.api.acts import effect_view
from doorward.entrypoints.api.context import Caller, Ports
from doorward.entrypoints.api.views import EffectView, View
from doorward.estate import parse_estate, plan
from doorward.estate.plan import Plan

router = APIRouter(prefix="/estate", tags=["estate"])


class Files(View):
    """An estate folder: file name to text."""

    files: Annotated[dict[str, str], Field(max_length=10_000)]


class DifferenceView(View):
    """A field before and after."""

    field: str
    before: JsonValue
    after: JsonValue


class StepView(View):
    """One document that is added, changed or removed."""

    act: str
    kind: str
    id: str
    differences: tuple[DifferenceView, ...]


class PlanView(View):
    """What would change, and what came of it where it was applied."""

    steps: tuple[StepView, ...]
    effect: EffectView | None = None


@router.post("/plan")
async def plan_files(ports: Ports, _: Caller, wanted: Files) -> PlanView:
    """What applying these files would change; nothing is changed."""
    return PlanView(steps=_steps(plan(ports.control.live.current, parse_estate(wanted.files))))


@router.post("/apply")
async def apply_files(ports: Ports, caller: Caller, wanted: Files) -> PlanView:
    """Make the estate what these files say: all of it, or nothing."""
    act = caller.act(ports.clock())
    applied = await apply_estate(ports.control, act, parse_estate(wanted.files))
    return PlanView(steps=_steps(applied.plan), effect=effect_view(applied.effect))


def _steps(planned: Plan) -> tuple[StepView, ...]:
    return tuple(
        StepView(
            act=step.act,
            kind=step.kind,
            id=step.id,
            differences=tuple(
                DifferenceView(field=item.field, before=item.before, after=item.after)
                for item in step.differences
            ),
        )
        for step in planned.steps
    )
