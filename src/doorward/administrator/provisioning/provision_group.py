"""Add, change and remove groups that another system provisions, and say who is in them."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from doorward.administrator.control_plane import Act, ControlPlane
from doorward.administrator.directory.entries import Details, Entry
from doorward.administrator.ports import Transaction
from doorward.administrator.provisioning.membership import (
    is_member,
    members_named,
    moved,
    without,
)
from doorward.administrator.provisioning.projection import (
    OPAQUE_PREFIXES,
    group,
    require_group,
    slug,
)
from doorward.administrator.provisioning.written import (
    Written,
    conflict,
    entry_named,
    to_milliseconds,
    touched,
)
from doorward.administrator.settled import settled
from doorward.model.snapshot import Change, Snapshot, change, removal


async def provision_group(
    control: ControlPlane, act: Act, body: bytes, details: Details, members: Collection[str]
) -> Written:
    """Add a group. Its id, by which policies name it, is made of its name.

    Raises DoorwardError `directory-value-invalid`, `directory-conflict`.
    """
    require_group(details)
    async with control.store.transaction() as transaction:
        snapshot = await settled(control, transaction)
        group_id = await _new_id(control, transaction, snapshot, details.display_name)
        at = to_milliseconds(act.at)
        entry = Entry(
            kind="group",
            id=group_id,
            body=body,
            version=1,
            created=at,
            modified=at,
            changed_by=act.actor,
        )
        added = members_named(snapshot, members)
        await transaction.directory.put(entry, details)
        await transaction.directory.change_members(group_id, added, ())
        changes = [
            change("group", group(group_id, details, ())),
            *moved(snapshot, group_id, added, ()),
        ]
        number = await transaction.snapshot.publish(changes)
        await transaction.audit.append(
            at=act.at,
            actor=act.actor,
            act="group-provisioned",
            target=f"group:{group_id}",
            detail={"name": details.display_name, **_told("added", [m.id for m in added])},
        )
    return Written(entry, number)


async def change_group(
    control: ControlPlane,
    act: Act,
    group_id: str,
    body: bytes,
    details: Details,
    members: Collection[str] | None = None,
    version: int | None = None,
) -> Written:
    """Make a group what `details` say, and, unless None, `members` all who are in it.

    Its id stays, whatever its name becomes. Raises DoorwardError `directory-value-invalid`,
    `directory-entry-unknown`, and `directory-entry-changed` where it is not of `version`.
    """
    require_group(details)
    async with control.store.transaction() as transaction:
        found = await entry_named(transaction, "group", group_id, version)
        snapshot = await settled(control, transaction)
        entry = msgspec.structs.replace(touched(found, act), body=body)
        await transaction.directory.put(entry, details)
        before = snapshot.groups[group_id]
        after = group(group_id, details, before.parents)
        changes = [] if before == after else [change("group", after)]
        told = {"name": details.display_name}
        if members is not None:
            inside = {member.id for member in await transaction.directory.members(group_id)}
            coming = [name for name in dict.fromkeys(members) if name not in inside]
            going = sorted(inside - set(members))
            changes += await _move(transaction, snapshot, group_id, coming, going)
            told |= _told("added", coming) | _told("removed", going)
        number = await transaction.snapshot.publish(changes)
        await transaction.audit.append(
            at=act.at,
            actor=act.actor,
            act="group-changed",
            target=f"group:{group_id}",
            detail=told,
        )
    return Written(entry, number)


async def change_members(
    control: ControlPlane,
    act: Act,
    group_id: str,
    added: Collection[str],
    removed: Collection[str],
    version: int | None = None,
) -> Written:
    """Put `added` into a group and take `removed` out, at a cost that its size has no part in.

    Who is in it already, or is not in it, makes no difference. Raises DoorwardError
    `directory-value-invalid`, `directory-entry-unknown`, `directory-entry-changed`.
    """
    async with control.store.transaction() as transaction:
        found = await entry_named(transaction, "group", group_id, version)
        snapshot = await settled(control, transaction)
        coming = [name for name in dict.fromkeys(added) if not is_member(snapshot, group_id, name)]
        going = [name for name in dict.fromkeys(removed) if is_member(snapshot, group_id, name)]
        if not coming and not going:
            return Written(found, snapshot.number)
        changes = await _move(transaction, snapshot, group_id, coming, going)
        entry = touched(found, act)
        await transaction.directory.put(entry)
        number = await transaction.snapshot.publish(changes)
        await transaction.audit.append(
            at=act.at,
            actor=act.actor,
            act="group-changed",
            target=f"group:{group_id}",
            detail=_told("added", coming) | _told("removed", going),
        )
    return Written(entry, number)


async def deprovision_group(
    control: ControlPlane, act: Act, group_id: str, version: int | None = None
) -> int:
    """Remove a group, and everybody from it; its id is no other group's, ever.

    Estate files that name it have an error from now on. The number of the snapshot without it.
    Raises DoorwardError `directory-entry-unknown`, `directory-entry-changed`.
    """
    async with control.store.transaction() as transaction:
        found = await entry_named(transaction, "group", group_id, version)
        snapshot = await settled(control, transaction)
        gone = msgspec.structs.replace(found, modified=to_milliseconds(act.at))
        await transaction.directory.remove(gone)
        changes = [*without(snapshot, group_id), removal("group", group_id)]
        number = await transaction.snapshot.publish(changes)
        await transaction.audit.append(
            at=act.at,
            actor=act.actor,
            act="group-deprovisioned",
            target=f"group:{group_id}",
            detail={"name": snapshot.groups[group_id].name},
        )
    return number


async def _move(
    transaction: Transaction,
    snapshot: Snapshot,
    group_id: str,
    coming: Collection[str],
    going: Collection[str],
) -> list[Change]:
    added = members_named(snapshot, coming)
    changes = moved(snapshot, group_id, added, going)
    await transaction.directory.change_members(group_id, added, going)
    return changes


async def _new_id(
    control: ControlPlane, transaction: Transaction, snapshot: Snapshot, name: str
) -> str:
    readable = slug(name)
    declared = {item.id.lower(): item.id for item in snapshot.groups.values()}
    if readable in declared and snapshot.groups[declared[readable]].source == "estate":
        raise conflict(
            f"The estate's files declare a group `{declared[readable]}`.",
            "Take it out of the files first, or give this group another name.",
        )
    if readable and readable not in declared and not await transaction.directory.taken(readable):
        return readable
    return control.secrets.id(OPAQUE_PREFIXES["group"])


def _told(what: str, ids: Collection[str]) -> dict[str, str]:
    return {what: " ".join(ids)} if ids else {}
