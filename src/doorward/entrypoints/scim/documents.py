"""Between SCIM's JSON and what the directory keeps. Pure.

A document is a resource as it is answered: what was sent, with id, version, times and memberships
beside it. `Details` are what doorward reads of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from doorward.administrator.directory.entries import Address, Details, Entry, EntryKind, Member
from doorward.model.estate import Group

Document = dict[str, Any]

ENDPOINTS: Mapping[EntryKind, str] = {"user": "Users", "group": "Groups"}
NAMES: Mapping[EntryKind, str] = {"user": "User", "group": "Group"}
KINDS: Mapping[str, EntryKind] = {"User": "user", "Group": "group"}
MEMBERSHIPS: Mapping[EntryKind, str] = {"user": "groups", "group": "members"}
"""Where a document says who is in which group; never kept in the body."""

KEPT_BESIDE = frozenset({"id", "meta", *MEMBERSHIPS.values()})


def body_of(document: Mapping[str, object]) -> bytes:
    """What is kept of a document as it was sent."""
    kept = {key: value for key, value in document.items() if key not in KEPT_BESIDE}
    return msgspec.json.encode(kept, order="deterministic")


def details_of(document: Mapping[str, Any]) -> Details:
    """What doorward reads of a document."""
    name = document.get("name") or {}
    return Details(
        display_name=document.get("displayName") or "",
        external_id=document.get("externalId") or "",
        user_name=document.get("userName") or "",
        given_name=name.get("givenName") or "",
        family_name=name.get("familyName") or "",
        formatted_name=name.get("formatted") or "",
        active=document.get("active"),
        addresses=tuple(
            Address(
                value=entry.get("value") or "",
                type=entry.get("type") or "",
                primary=entry.get("primary") is True,
            )
            for entry in document.get("emails") or ()
        ),
    )


def member_ids(document: Mapping[str, Any]) -> list[str]:
    """Who a group's document says is in it."""
    return [entry["value"] for entry in document.get("members") or () if entry.get("value")]


def document_of(
    entry: Entry, listed: Sequence[Member], groups: Mapping[str, Group], base_url: str
) -> Document:
    """The resource as it is answered, everything in it.

    `listed` are the members of a group, or the groups of a person, which are among `groups`.
    """
    document: Document = msgspec.json.decode(entry.body)
    kept_beside: Document = msgspec.to_builtins(_beside(entry, listed, groups, base_url))
    return document | kept_beside


def rendered(
    entry: Entry, listed: Sequence[Member], groups: Mapping[str, Group], base_url: str
) -> msgspec.Raw:
    """The JSON of `document_of`: what was sent stays as it is kept, and is not read."""
    beside = msgspec.json.encode(_beside(entry, listed, groups, base_url))
    inside = entry.body[1:]
    return msgspec.Raw(beside[:-1] + (inside if inside == b"}" else b"," + inside))


class _Meta(msgspec.Struct, rename="camel"):
    resource_type: str
    created: str
    last_modified: str
    location: str
    version: str


class _Member(msgspec.Struct):
    value: str
    ref: str = msgspec.field(name="$ref")
    type: str


class _Group(msgspec.Struct):
    value: str
    ref: str = msgspec.field(name="$ref")
    display: str
    type: str


class _Beside(msgspec.Struct, omit_defaults=True):
    """What is not in the body of an entry, and has no name that is in one."""

    id: str
    meta: _Meta
    groups: list[_Group] = []
    members: list[_Member] = []


def _beside(
    entry: Entry, listed: Sequence[Member], groups: Mapping[str, Group], base_url: str
) -> _Beside:
    meta = _Meta(
        resource_type=NAMES[entry.kind],
        created=_moment(entry.created),
        last_modified=_moment(entry.modified),
        location=location(entry.kind, entry.id, base_url),
        version=etag(entry.version),
    )
    if entry.kind == "group":
        return _Beside(entry.id, meta, members=[_member(item, base_url) for item in listed])
    inside = [_group(item.id, groups, base_url) for item in listed]
    return _Beside(entry.id, meta, groups=inside)


def location(kind: EntryKind, entry_id: str, base_url: str) -> str:
    """The address of a resource, relative without a base.

    Every character of an id may stand in a path as it is.
    """
    path = f"{ENDPOINTS[kind]}/{entry_id}"
    return f"{base_url}/{path}" if base_url else path


def etag(version: int) -> str:
    """The entity tag of a version, which is a weak one (RFC 7644, 3.14)."""
    return f'W/"{version}"'


def version_of(tag: str | None) -> int | None:
    """The version that a tag of ours names."""
    return None if tag is None else int(tag.removeprefix('W/"').removesuffix('"'))


def _member(item: Member, base_url: str) -> _Member:
    return _Member(item.id, location(item.kind, item.id, base_url), NAMES[item.kind])


def _group(group_id: str, groups: Mapping[str, Group], base_url: str) -> _Group:
    group = groups.get(group_id)
    display = group_id if group is None else group.name
    return _Group(group_id, location("group", group_id, base_url), display, "direct")


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
