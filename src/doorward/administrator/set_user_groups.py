"""Change a person's groups by a signal, ahead of the estate files."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from doorward.administrator.carry_out import carry_out
from doorward.administrator.control_plane import Act, ControlPlane, Effect
from doorward.administrator.ports import Transaction
from doorward.administrator.targets import user_named
from doorward.errors import DoorwardError
from doorward.model.estate import User
from doorward.model.ids import GroupId, UserId
from doorward.model.snapshot import Change, change


def require_own_groups(person: User) -> None:
    """Raises DoorwardError `user-provisioned` for somebody whom a directory provisions."""
    if person.source == "scim":
        raise DoorwardError(
            "user-provisioned",
            f"A directory provisions `{person.id}` and says which groups they are in.",
            "Change the groups there.",
        )


async def set_user_groups(
    control: ControlPlane, act: Act, user: UserId, groups: Collection[GroupId]
) -> Effect:
    """Make `groups` the groups of `user`; the next `apply` of the estate shows it as a change.

    Raises DoorwardError `user-unknown`, `group-unknown`; `user-provisioned` where a directory
    provisions them, whose next word would take the groups away again.
    """
    wanted = tuple(sorted(set(groups)))

    async def prepare(transaction: Transaction) -> Sequence[Change]:
        person = await user_named(transaction, user)
        require_own_groups(person)
        for group in wanted:
            if await transaction.snapshot.get("group", group) is None:
                raise DoorwardError(
                    "group-unknown", f"There is no group `{group}`.", "Declare it in the estate."
                )
        if tuple(sorted(person.groups)) == wanted:
            return []
        return [change("user", msgspec.structs.replace(person, groups=wanted))]

    detail = {"groups": " ".join(wanted)}
    return await carry_out(control, act, "user-groups-set", f"user:{user}", detail, prepare)
