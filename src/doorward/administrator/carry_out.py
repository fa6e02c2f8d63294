"""How every administrative act is done: changes and audit entry in one transaction, then effect."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from doorward.administrator.control_plane import Act, ControlPlane, Effect, effect
from doorward.administrator.ports import Transaction
from doorward.model.snapshot import Change

Preparation = Callable[[Transaction], Awaitable[Sequence[Change]]]
"""Reads what it needs and says what is to change; raises DoorwardError to leave all as it is."""


async def carry_out(
    control: ControlPlane,
    act: Act,
    name: str,
    target: str,
    detail: dict[str, str],
    prepare: Preparation,
) -> Effect:
    """Do what `prepare` says and wait until it is enforced.

    An act that finds nothing to change is no act: it leaves no entry, and answers with the
    snapshot that is enforced already.
    """
    async with control.store.transaction() as transaction:
        changes = await prepare(transaction)
        number = await transaction.snapshot.publish(changes)
        if changes:
            await transaction.audit.append(
                at=act.at, actor=act.actor, act=name, target=target, detail=detail
            )
    return await effect(control, number)
