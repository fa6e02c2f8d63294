"""What the directory keeps of a person or group."""

from __future__ import annotations

import unicodedata
from typing import Literal

import msgspec

from doorward.model.ids import UnixSeconds

EntryKind = Literal["user", "group"]


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """One of a person's e-mail addresses; `type` is `work`, `home` or whatever was sent."""

    value: str
    type: str = ""
    primary: bool = False


class Details(msgspec.Struct, frozen=True, kw_only=True):
    """What doorward reads of what a provisioning system says of a person or group.

    Texts are as they were written, empty for none; a group has `display_name` and `external_id`
    alone. `active` is None where nothing was said, which counts as active.
    """

    display_name: str = ""
    external_id: str = ""
    user_name: str = ""
    given_name: str = ""
    family_name: str = ""
    formatted_name: str = ""
    active: bool | None = None
    addresses: tuple[Address, ...] = ()


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A person or group of the directory. `id` is that of their document in the snapshot.

    `body` is the JSON object of everything that was said of them, but for what is kept beside it:
    id, times, version, and who is in which group. `version` counts the changes; `changed_by` is
    the actor of the last one. Times have whole milliseconds.
    """

    kind: EntryKind
    id: str
    body: bytes
    version: int
    created: UnixSeconds
    modified: UnixSeconds
    changed_by: str


class Member(msgspec.Struct, frozen=True, order=True):
    """Somebody or some group directly in a group."""

    id: str
    kind: EntryKind


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """How much the directory holds, and who changed it last; `changed` is 0 for never."""

    people: int
    inactive: int
    groups: int
    changed: UnixSeconds
    changed_by: str


def folded(text: str) -> str:
    """The form in which text is compared where case does not count.

    NFC and lower case, which RFC 7644 leaves to the server; as `scim2_models` compares.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())


def exact(text: str) -> str:
    """The form in which text is compared where case counts."""
    return unicodedata.normalize("NFC", text)


def primary_address(details: Details) -> Address | None:
    """The address that is marked as the primary one, else the first."""
    marked = [address for address in details.addresses if address.primary]
    return next(iter([*marked, *details.addresses]), None)
