"""Add, change and remove people whom another system provisions."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from doorward.administrator.control_plane import Act, ControlPlane
from doorward.administrator.directory.entries import Details, Entry
from doorward.administrator.disabling import disabled, disablers, enabled, shut_out
from doorward.administrator.ending import Leaver, forget_person
from doorward.administrator.people import people_of
from doorward.administrator.ports import Transaction
from doorward.administrator.provisioning.projection import (
    OPAQUE_PREFIXES,
    address_of,
    person,
    readable_id,
    require_person,
)
from doorward.administrator.provisioning.written import (
    REASON,
    Written,
    conflict,
    entry_named,
    to_milliseconds,
    touched,
)
from doorward.administrator.settled import settled
from doorward.administrator.targets import standing_of, user_named
from doorward.model.identity import Standing
from doorward.model.ids import UserId
from doorward.model.snapshot import Change, Snapshot, change, removal


async def provision_person(
    control: ControlPlane, act: Act, body: bytes, details: Details
) -> Written:
    """Add a person; `active` False keeps them out from the start.

    Raises DoorwardError `directory-value-invalid`, `directory-conflict`.
    """
    require_person(details)
    async with control.store.transaction() as transaction:
        snapshot = await settled(control, transaction)
        user_id = await _new_id(control, transaction, snapshot, details.user_name)
        await _require_free(transaction, snapshot, details, user_id)
        at = to_milliseconds(act.at)
        entry = Entry(
            kind="user",
            id=user_id,
            body=body,
            version=1,
            created=at,
            modified=at,
            changed_by=act.actor,
        )
        await transaction.directory.put(entry, details)
        changes = [change("user", person(user_id, details, ()))]
        if details.active is False:
            standing = disabled(Standing(id=UserId(user_id)), "scim", REASON)
            changes.append(change("standing", standing))
        number = await transaction.snapshot.publish(changes)
        await transaction.audit.append(
            at=act.at,
            actor=act.actor,
            act="person-provisioned",
            target=f"user:{user_id}",
            detail={"user_name": details.user_name, "active": str(details.active is not False)},
        )
    return Written(entry, number)


async def change_person(
    control: ControlPlane,
    act: Act,
    user_id: str,
    body: bytes,
    details: Details,
    version: int | None = None,
) -> Written:
    """Make a person what `details` say; not active any more ends all that they have open.

    Raises DoorwardError `directory-value-invalid`, `directory-conflict`,
    `directory-entry-unknown`, and `directory-entry-changed` where the entry is not of `version`.
    """
    require_person(details)
    async with control.store.transaction() as transaction:
        found = await entry_named(transaction, "user", user_id, version)
        snapshot = await settled(control, transaction)
        await _require_free(transaction, snapshot, details, user_id)
        entry = msgspec.structs.replace(touched(found, act), body=body)
        await transaction.directory.put(entry, details)
        before = await user_named(transaction, UserId(user_id))
        after = person(user_id, details, before.groups)
        changes = [] if before == after else [change("user", after)]
        told = {"user_name": details.user_name} | {
            field: getattr(after, field)
            for field in ("name", "email")
            if getattr(before, field) != getattr(after, field)
        }
        standing = await standing_of(transaction, UserId(user_id))
        if ("scim" in disablers(standing)) != (details.active is False):
            told["active"] = str(details.active is not False)
            changes.extend(await _turned(transaction, snapshot, act, standing))
        number = await transaction.snapshot.publish(changes)
        await transaction.audit.append(
            at=act.at,
            actor=act.actor,
            act="person-changed",
            target=f"user:{user_id}",
            detail=told,
        )
    return Written(entry, number)


async def deprovision_person(
    control: ControlPlane, act: Act, user_id: str, version: int | None = None
) -> int:
    """Remove a person with all that they have here; their id is nobody else's, ever.

    The number of the snapshot without them. The audit entry names what they owned.
    Raises DoorwardError `directory-entry-unknown`, `directory-entry-changed`.
    """
    async with control.store.transaction() as transaction:
        found = await entry_named(transaction, "user", user_id, version)
        snapshot = await settled(control, transaction)
        gone = msgspec.structs.replace(found, modified=to_milliseconds(act.at))
        for group in snapshot.users[user_id].groups:
            await _touch(transaction, act, group)
        await transaction.directory.remove(gone)
        leaver = Leaver(UserId(user_id), snapshot, act.at, act.actor)
        changes = [removal("user", user_id)]
        if user_id in snapshot.standings:
            changes.append(removal("standing", user_id))
        for ended in await forget_person(transaction, leaver):
            changes += ended.changes
        number = await transaction.snapshot.publish(changes)
        await transaction.audit.append(
            at=act.at,
            actor=act.actor,
            act="person-deprovisioned",
            target=f"user:{user_id}",
            detail=_owned(snapshot, user_id),
        )
    return number


async def _new_id(
    control: ControlPlane, transaction: Transaction, snapshot: Snapshot, user_name: str
) -> str:
    readable = readable_id(user_name)
    if readable:
        people = people_of(snapshot)
        namesakes = people.with_id(readable)
        if any(snapshot.users[user].source == "estate" for user in namesakes):
            raise conflict(
                f"The estate's files declare a person `{readable}`.",
                "Take them out of the files first, or choose another user name.",
            )
        known = namesakes or people.with_address(readable)
        if not known and not await transaction.directory.taken(readable):
            return readable
    return control.secrets.id(OPAQUE_PREFIXES["user"])


async def _require_free(
    transaction: Transaction, snapshot: Snapshot, details: Details, own: str
) -> None:
    if await transaction.directory.owner(details.user_name) not in {None, own}:
        raise conflict(
            f"Somebody else has the user name `{details.user_name}`.", "Choose another one."
        )
    address = address_of(details)
    if set(people_of(snapshot).with_address(address)) - {own}:
        raise conflict(
            f"Somebody else has the e-mail address `{address}`.",
            "Give each person an address of their own.",
        )


async def _turned(
    transaction: Transaction, snapshot: Snapshot, act: Act, standing: Standing
) -> Sequence[Change]:
    """What changes with the directory's word on whether the person is active."""
    if "scim" in disablers(standing):
        return [change("standing", enabled(standing, "scim", ""))]
    after = disabled(standing, "scim", REASON)
    return await shut_out(transaction, snapshot, act, standing, after)


async def _touch(transaction: Transaction, act: Act, group: str) -> None:
    """A group that loses a member is another version of it."""
    entry = await transaction.directory.get("group", group)
    if entry is not None:
        await transaction.directory.put(touched(entry, act))


def _owned(snapshot: Snapshot, user_id: str) -> dict[str, str]:
    owned: dict[str, list[str]] = {
        "resources": [r.id for r in snapshot.resources.values() if r.owner == user_id],
        "services": [s.id for s in snapshot.services.values() if s.owner == user_id],
    }
    return {kind: " ".join(sorted(ids)) for kind, ids in owned.items() if ids}
