"""PATCH operations on the members of a group that need not know who is in it already. Pure.

A group may have many thousands of members, and directories add and remove them a few at a time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from scim2_models import PatchOp, PatchOperation
from scim2_models.path import (
    CompareOperator,
    Comparison,
    FilterNode,
    LogicalExpr,
    LogicalOperator,
)


@dataclass(slots=True)
class MemberChange:
    """Who comes and who goes; with `everyone`, `added` are all who are in the group after it."""

    added: dict[str, None] = field(default_factory=dict)
    removed: dict[str, None] = field(default_factory=dict)
    everyone: bool = False

    def add(self, members: Iterable[str]) -> None:
        """`members` come, and do not go."""
        for member in members:
            self.added[member] = None
            self.removed.pop(member, None)

    def remove(self, members: Iterable[str]) -> None:
        """`members` go, and do not come."""
        for member in members:
            self.added.pop(member, None)
            self.removed[member] = None

    def replace(self, members: Iterable[str]) -> None:
        """`members` are all that there are."""
        self.everyone, self.removed = True, {}
        self.added = dict.fromkeys(members)


def member_change(patch: PatchOp[Any]) -> MemberChange | None:
    """What `patch` does to the members; None where it does anything else, or says it otherwise."""
    change = MemberChange()
    for operation in patch.operations or []:
        path = operation.path
        binding = path.resolve() if path is not None and path.model is None else None
        if (
            path is None
            or binding is None
            or binding.field_name != "members"
            or binding.sub_field_name is not None
        ):
            return None
        chosen = path.value_filter
        if not _applied(change, operation, chosen):
            return None
    return change


def _applied(
    change: MemberChange, operation: PatchOperation[Any], chosen: FilterNode | None
) -> bool:
    if operation.op == PatchOperation.Op.remove:
        named = _chosen(chosen) if chosen is not None else _named(operation.value)
        if chosen is not None and operation.value is not None:
            return False
        if chosen is None and operation.value is None:
            change.replace(())
            return True
        if named is None:
            return False
        change.remove(named)
        return True
    named = _named(operation.value)
    if chosen is not None or named is None:
        return False
    if operation.op == PatchOperation.Op.add:
        change.add(named)
    else:
        change.replace(named)
    return True


def _named(value: object) -> list[str] | None:
    """The members that a value lists by their ids."""
    entries = value if isinstance(value, list) else [value]
    names = []
    for entry in entries:
        name = entry.get("value") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not name:
            return None
        names.append(name)
    return names


def _chosen(node: FilterNode) -> list[str] | None:
    """The members that a filter chooses by their ids: `value eq "a" or value eq "b"`."""
    terms = (
        node.terms if isinstance(node, LogicalExpr) and node.op == LogicalOperator.or_ else (node,)
    )
    names = []
    for term in terms:
        if (
            not isinstance(term, Comparison)
            or term.op != CompareOperator.eq
            or not isinstance(term.value, str)
            or term.attr_path.attr.lower() != "value"
            or term.attr_path.sub_attr is not None
        ):
            return None
        names.append(term.value)
    return names
