"""Note that a change of the directory was refused for what it said."""

from __future__ import annotations

from doorward.administrator.control_plane import Act, ControlPlane


async def note_refusal(
    control: ControlPlane, act: Act, target: str, detail: dict[str, str]
) -> None:
    """An audit entry, and nothing else; `detail` says why, as it was answered."""
    async with control.store.transaction() as transaction:
        await transaction.audit.append(
            at=act.at, actor=act.actor, act="provisioning-refused", target=target, detail=detail
        )
