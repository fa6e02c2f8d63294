"""Who is in which group: from changes of the directory to those of the snapshot. Pure.

A person's document names the groups that they are in, and a group's those that contain it. Only
whom the directory provisions can be in its groups: estate files say where their own people are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec.structs import replace

from doorward.administrator.directory.entries import Member
from doorward.errors import DoorwardError
from doorward.model.estate import Group
from doorward.model.ids import GroupId
from doorward.model.snapshot import Change, Snapshot, change


def members_named(snapshot: Snapshot, ids: Iterable[str]) -> list[Member]:
    """Each of `ids` as a member. Raises DoorwardError `directory-value-invalid`."""
    found = []
    for member_id in dict.fromkeys(ids):
        user, group = snapshot.users.get(member_id), snapshot.groups.get(member_id)
        if user is not None and user.source == "scim":
            found.append(Member(member_id, "user"))
        elif group is not None and group.source == "scim":
            found.append(Member(member_id, "group"))
        else:
            raise DoorwardError(
                "directory-value-invalid",
                f"The directory has no person or group `{member_id[:200]}` to be a member.",
                "Provision members before the groups that they are in.",
            )
    return found


def is_member(snapshot: Snapshot, group: str, member: str) -> bool:
    """Whether the person or group `member` is directly in `group`."""
    user, inner = snapshot.users.get(member), snapshot.groups.get(member)
    return (user is not None and user.source == "scim" and group in user.groups) or (
        inner is not None and inner.source == "scim" and group in inner.parents
    )


def moved(
    snapshot: Snapshot, group: str, added: Sequence[Member], removed: Collection[str]
) -> list[Change]:
    """The changes of the documents of those who come into `group` and go out of it.

    Raises DoorwardError `directory-value-invalid` where the group would come to contain itself.
    """
    changes: list[Change] = []
    parents = _above(snapshot.groups, group)
    for member in added:
        if member.kind == "user":
            user = snapshot.users[member.id]
            groups = tuple(sorted({*user.groups, GroupId(group)}))
            changes.append(change("user", replace(user, groups=groups)))
        else:
            if member.id in parents:
                raise DoorwardError(
                    "directory-value-invalid",
                    f"The group `{group}` would contain itself by way of `{member.id}`.",
                    "Take one of the two out of the other.",
                )
            inner = snapshot.groups[member.id]
            above = tuple(sorted({*inner.parents, GroupId(group)}))
            changes.append(change("group", replace(inner, parents=above)))
    for name in removed:
        # A group of the directory may be called like a person whom the estate's files declare.
        if name in snapshot.users and snapshot.users[name].source == "scim":
            user = snapshot.users[name]
            left = tuple(other for other in user.groups if other != group)
            changes.append(change("user", replace(user, groups=left)))
        elif name in snapshot.groups:
            inner = snapshot.groups[name]
            above = tuple(other for other in inner.parents if other != group)
            changes.append(change("group", replace(inner, parents=above)))
    return changes


def without(snapshot: Snapshot, group: str) -> list[Change]:
    """The changes after which nobody and nothing is in `group`, whoever put them there."""
    changes: list[Change] = []
    for user in snapshot.users.values():
        if group in user.groups:
            left = tuple(other for other in user.groups if other != group)
            changes.append(change("user", replace(user, groups=left)))
    for standing in snapshot.standings.values():
        if group in standing.groups:
            left = tuple(other for other in standing.groups if other != group)
            changes.append(change("standing", replace(standing, groups=left)))
    for service in snapshot.services.values():
        if group in service.groups:
            left = tuple(other for other in service.groups if other != group)
            changes.append(change("service", replace(service, groups=left)))
    for inner in snapshot.groups.values():
        if group in inner.parents:
            above = tuple(other for other in inner.parents if other != group)
            changes.append(change("group", replace(inner, parents=above)))
    return changes


def _above(groups: Mapping[str, Group], group: str) -> frozenset[str]:
    """The group and every group that contains it, near or far."""
    seen: set[str] = set()
    left = [group]
    while left:
        name = left.pop()
        if name not in seen:
            seen.add(name)
            found = groups.get(name)
            left.extend(found.parents if found is not None else ())
    return frozenset(seen)
