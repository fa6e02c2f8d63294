"""What the use cases of the directory share: a version to expect, what was written, conflicts."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from doorward.administrator.control_plane import Act
from doorward.administrator.directory.entries import Entry, EntryKind
from doorward.administrator.ports import Transaction
from doorward.errors import DoorwardError

REASON = "inactive in the directory"
"""What a person's standing says where the directory keeps them out."""


@dataclass(frozen=True, slots=True)
class Written:
    """An entry as it is kept now, and the snapshot that shows it."""

    entry: Entry
    number: int


async def entry_named(
    transaction: Transaction, kind: EntryKind, entry_id: str, version: int | None
) -> Entry:
    """The entry; it must be of `version` unless that is None.

    Raises DoorwardError `directory-entry-unknown`, `directory-entry-changed`.
    """
    entry = await transaction.directory.get(kind, entry_id)
    if entry is None:
        raise DoorwardError(
            "directory-entry-unknown",
            f"The directory has no {kind} `{entry_id}`.",
            "Look it up again by its user name, display name or external id.",
        )
    if version is not None and entry.version != version:
        raise DoorwardError(
            "directory-entry-changed",
            f"The {kind} `{entry_id}` was changed meanwhile.",
            "Read it again, and repeat the change.",
        )
    return entry


def conflict(detail: str, remedy: str) -> DoorwardError:
    """What is wanted is somebody else's."""
    return DoorwardError("directory-conflict", detail, remedy)


def to_milliseconds(moment: float) -> float:
    """`moment` as precise as it is told to whoever provisions."""
    return round(moment, 3)


def touched(entry: Entry, act: Act) -> Entry:
    """The next version of an entry, which `act` makes."""
    return msgspec.structs.replace(
        entry,
        version=entry.version + 1,
        modified=to_milliseconds(act.at),
        changed_by=act.actor,
    )
