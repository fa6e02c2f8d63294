"""Publish an estate: all of it in one transaction, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from doorward.administrator.control_plane import Act, ControlPlane, Effect, effect
from doorward.administrator.ends_with import ends_with, forget_credentials
from doorward.administrator.settled import settled
from doorward.errors import DoorwardError
from doorward.estate.parse import Estate
from doorward.estate.plan import Plan, Step, plan
from doorward.estate.references import provisioned
from doorward.model.estate import User
from doorward.model.ids import UserId
from doorward.model.snapshot import Kind, Snapshot


@dataclass(frozen=True, slots=True)
class Applied:
    """What was published, and its effect."""

    plan: Plan
    effect: Effect


async def apply_estate(control: ControlPlane, act: Act, wanted: Estate) -> Applied:
    """Make the declared part of the snapshot what `wanted` says.

    `wanted` comes from `estate.parse_estate`, which has checked every reference and policy.
    People who are no longer declared lose sessions, credentials and standing with it.
    Raises DoorwardError `store-conflict` where a directory has provisioned one of them meanwhile.
    """
    async with control.store.transaction() as transaction:
        snapshot = await settled(control, transaction)
        _require_unprovisioned(snapshot, wanted)
        intended = plan(snapshot, wanted)
        ended = ends_with(
            snapshot,
            people=_removed(intended.steps, "user"),
            services=_removed(intended.steps, "service"),
            resources=_removed(intended.steps, "resource"),
        )
        changes = [*intended.changes, *ended]
        for person in _removed(intended.steps, "user"):
            await forget_credentials(transaction, act, UserId(person))
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


def _require_unprovisioned(snapshot: Snapshot, wanted: Estate) -> None:
    """Whoever is declared must not be, or have the address of, somebody whom SCIM provisions."""
    people, groups = wanted.documents.get("user", {}), wanted.documents.get("group", {})
    others = provisioned(snapshot)
    taken = [group for group in groups if group in others.groups] + [
        user.id
        for user in people.values()
        if isinstance(user, User) and {user.id.lower(), user.email.lower()} & others.users.keys()
    ]
    if taken:
        raise DoorwardError(
            "store-conflict",
            f"The directory has provisioned `{taken[0]}` meanwhile.",
            "Plan again: the files must not declare whom the directory provisions.",
        )


def _removed(steps: Sequence[Step], kind: Kind) -> list[str]:
    return [step.id for step in steps if step.act == "remove" and step.kind == kind]


def _summary(steps: Sequence[Step]) -> dict[str, str]:
    return {
        act: " ".join(f"{step.kind}:{step.id}" for step in steps if step.act == act)
        for act in ("add", "change", "remove")
    }
