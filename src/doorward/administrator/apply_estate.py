"""Publish an estate: all of it in one transaction, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from doorward.administrator.control_plane import Act, ControlPlane, Effect, effect
from doorward.administrator.ending import Leaver, forget_person
from doorward.administrator.settled import settled
from doorward.estate.parse import Estate
from doorward.estate.plan import Plan, Step, plan
from doorward.model.ids import UserId
from doorward.model.snapshot import Change, Kind, Snapshot, removal


@dataclass(frozen=True, slots=True)
class Applied:
    """What was published, and its effect."""

    plan: Plan
    effect: Effect


async def apply_estate(control: ControlPlane, act: Act, wanted: Estate) -> Applied:
    """Make the declared part of the snapshot what `wanted` says.

    `wanted` comes from `estate.parse_estate`, which has checked every reference and policy.
    Everything of people who are no longer declared ends (`ending.STEPS`), their standing too.
    """
    async with control.store.transaction() as transaction:
        snapshot = await settled(control, transaction)
        intended = plan(snapshot, wanted)
        changes = [*intended.changes, *_consequences(snapshot, intended.steps)]
        for person in _removed(intended.steps, "user"):
            leaver = Leaver(UserId(person), snapshot, act.at, act.actor)
            for ended in await forget_person(transaction, leaver):
                changes += ended.changes
        number = await transaction.snapshot.publish(changes)
        if changes:
            await transaction.audit.append(
                at=act.at,
                actor=act.actor,
                act="estate-applied",
                target="estate",
                detail=_summary(intended.steps),
            )
    return Applied(intended, await effect(control, number))


def _removed(steps: Sequence[Step], kind: Kind) -> list[str]:
    return [step.id for step in steps if step.act == "remove" and step.kind == kind]


def _consequences(snapshot: Snapshot, steps: Sequence[Step]) -> list[Change]:
    """What ends with the people, services and resources that are removed."""
    people = set(_removed(steps, "user"))
    services, resources = set(_removed(steps, "service")), set(_removed(steps, "resource"))
    return [
        *(removal("standing", person) for person in people if person in snapshot.standings),
        *(
            removal("service_token", token.id)
            for token in snapshot.service_tokens.values()
            if token.service in services
        ),
        *(
            removal("cookie", cookie.id)
            for cookie in snapshot.cookies.values()
            if cookie.resource in resources
        ),
    ]


def _summary(steps: Sequence[Step]) -> dict[str, str]:
    return {
        act: " ".join(f"{step.kind}:{step.id}" for step in steps if step.act == act)
        for act in ("add", "change", "remove")
    }
