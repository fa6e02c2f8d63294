"""Conditions on entries of the directory, as a store can look them up. Pure.

They are what is left of a SCIM filter (RFC 7644, 3.4.2.2) once its attributes are known to be
ones that the store keeps beside the body: each comparison names a `Field`, and its value has the
form in which that field is compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from doorward.administrator.directory.entries import EntryKind

Field = Literal[
    "id",
    "user_name",
    "external_id",
    "display_name",
    "given_name",
    "family_name",
    "active",
    "created",
    "modified",
    "address",
    "address_type",
    "member",
    "group",
]
"""What can be looked up; the last four may have several values, of which one has to fit."""

MANY: frozenset[Field] = frozenset({"address", "address_type", "member", "group"})

Operator = Literal["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]
Value = str | bool | float | None


class Compare(msgspec.Struct, frozen=True, tag=True):
    """`field op value`. With `ne`, no value of the field is `value`."""

    field: Field
    op: Operator
    value: Value


class Present(msgspec.Struct, frozen=True, tag=True):
    """The field has a value."""

    field: Field


class AddressWhere(msgspec.Struct, frozen=True, tag=True):
    """One address fulfils `condition`, which speaks of `address` and `address_type` alone."""

    condition: Condition


class Not(msgspec.Struct, frozen=True, tag=True):
    """The condition does not hold."""

    condition: Condition


class Every(msgspec.Struct, frozen=True, tag=True):
    """All of the conditions hold; with none of them, always."""

    conditions: tuple[Condition, ...]


class Some(msgspec.Struct, frozen=True, tag=True):
    """At least one of the conditions holds; with none of them, never."""

    conditions: tuple[Condition, ...]


Condition = Compare | Present | AddressWhere | Not | Every | Some

ALWAYS = Every(())


class Order(msgspec.Struct, frozen=True):
    """By `field`, without a value last; `descending` turns all of it round. Then by id."""

    field: Field
    descending: bool = False


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the entries that fulfil the condition on their kind.

    The page is `limit` entries (None for all the rest) from `offset` on. `listing` are the kinds
    whose memberships are wanted with them.
    """

    where: Mapping[EntryKind, Condition]
    order: Order | None = None
    offset: int = 0
    limit: int | None = 100
    listing: frozenset[EntryKind] = frozenset()
