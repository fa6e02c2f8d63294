"""From conditions on the directory's entries to SQL.

Every piece is true or false, never null, so that `NOT` means what it says: a comparison is
written beside the test that there is something to compare.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    and_,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import Boolean

from doorward.adapters.store.tables import directory_address, directory_entry, directory_member
from doorward.administrator.directory.conditions import (
    AddressWhere,
    Compare,
    Condition,
    Every,
    Field,
    Not,
    Operator,
    Present,
    Some,
    Value,
)

_LAST_CODE_POINT = 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)

ENTRY = directory_entry.c
COLUMNS: Mapping[Field, ColumnElement[Any]] = MappingProxyType(
    {
        "id": ENTRY.id,
        "user_name": ENTRY.user_name,
        "external_id": ENTRY.external_id,
        "display_name": ENTRY.display_name,
        "given_name": ENTRY.given_name,
        "family_name": ENTRY.family_name,
        "address": ENTRY.address,
        "active": ENTRY.active,
        "created": ENTRY.created,
        "modified": ENTRY.modified,
    }
)
"""The column of each field by which entries can be ordered; `address` is the primary one."""

_ADDRESS: Mapping[Field, ColumnElement[Any]] = MappingProxyType(
    {"address": directory_address.c.value, "address_type": directory_address.c.type}
)
_MANY: Mapping[Field, tuple[FromClause, ColumnElement[Any], ColumnElement[Any]]] = MappingProxyType(
    {
        "address": (directory_address, directory_address.c.id, directory_address.c.value),
        "address_type": (directory_address, directory_address.c.id, directory_address.c.type),
        "member": (directory_member, directory_member.c.group_id, directory_member.c.member_id),
        "group": (directory_member, directory_member.c.member_id, directory_member.c.group_id),
    }
)
"""Where a field with many values stands: the table, whose value it is, and the value."""


class holds(GenericFunction[bool]):  # noqa: N801 - its name is that of an SQL function
    """Whether the first text contains the second, or is like the third; case counts."""

    type = Boolean()
    inherit_cache = True


@compiles(holds, "sqlite")
def _instr(element: holds, compiler: SQLCompiler, **options: object) -> str:
    column, value, _ = (compiler.process(item, **options) for item in element.clauses)
    return f"(instr({column}, {value}) > 0)"


@compiles(holds, "postgresql")
def _like(element: holds, compiler: SQLCompiler, **options: object) -> str:
    column, _, pattern = element.clauses
    # For which there may be an index of trigrams.
    like = f"{compiler.process(column, **options)} LIKE {compiler.process(pattern, **options)}"
    return f"({like} ESCAPE '!')"


class beside(GenericFunction[bool]):  # noqa: N801 - as above
    """The column's value, in a condition that no index helps with: nearly all have the same."""

    type = Boolean()
    inherit_cache = True


@compiles(beside, "sqlite")
def _unary_plus(element: beside, compiler: SQLCompiler, **options: object) -> str:
    return f"+{compiler.process(element.clause_expr, **options)}"


@compiles(beside, "postgresql")
def _itself(element: beside, compiler: SQLCompiler, **options: object) -> str:
    return compiler.process(element.clause_expr, **options)


def clause(condition: Condition) -> ColumnElement[bool]:
    """`condition` on `directory_entry`."""
    match condition:
        case Every(conditions=inner) if len(inner) > 1:
            return and_(*map(_one_of_several, inner))
        case Compare(field=field, op=op, value=value) if field in _MANY:
            return _one_of_many(field, op, value)
        case Compare(field=field, op=op, value=value):
            return _compared(COLUMNS[field], op, value)
        case Present(field=field) if field in _MANY:
            table, whose, column = _MANY[field]
            return ENTRY.id.in_(select(whose).select_from(table).where(column.is_not(None)))
        case Present(field=field):
            return COLUMNS[field].is_not(None)
        case AddressWhere(condition=inner):
            within = select(directory_address.c.id).where(_within_address(inner))
            return ENTRY.id.in_(within)
        case Not(condition=inner):
            return not_(clause(inner))
        case Every(conditions=inner):
            return and_(true(), *map(clause, inner))
        case Some(conditions=inner):
            return or_(false(), *map(clause, inner))


def is_beside_id(condition: Condition) -> bool:
    """Whether an index in the order of ids holds all that `condition` reads."""
    match condition:
        case Compare(field="modified") | Every(conditions=(Compare(field="modified"),)):
            return True
    return False


def _one_of_several(condition: Condition) -> ColumnElement[bool]:
    match condition:
        case Compare(field="active", op=op, value=value):
            return _compared(beside(ENTRY.active), op, value)
    return clause(condition)


def _one_of_many(field: Field, op: Operator, value: Value) -> ColumnElement[bool]:
    table, whose, column = _MANY[field]
    if op == "ne":
        equal = select(whose).select_from(table).where(_compared(column, "eq", value))
        return ENTRY.id.not_in(equal)
    return ENTRY.id.in_(select(whose).select_from(table).where(_compared(column, op, value)))


def _within_address(condition: Condition) -> ColumnElement[bool]:
    match condition:
        case Compare(field=field, op=op, value=value):
            return _compared(_ADDRESS[field], op, value)
        case Present(field=field):
            return _ADDRESS[field].is_not(None)
        case Not(condition=inner):
            return not_(_within_address(inner))
        case Every(conditions=inner):
            return and_(true(), *map(_within_address, inner))
        case Some(conditions=inner):
            return or_(false(), *map(_within_address, inner))
        case AddressWhere():
            return false()


def _compared(column: ColumnElement[Any], op: Operator, value: Value) -> ColumnElement[bool]:
    if value is None:
        return {"eq": column.is_(None), "ne": column.is_not(None)}.get(op, false())
    if op == "ne":
        return or_(column.is_(None), column != value)
    return and_(column.is_not(None), _ordered(column, op, value))


def _ordered(column: ColumnElement[Any], op: Operator, value: Value) -> ColumnElement[bool]:
    match op, value:
        case "co", str():
            return holds(column, value, f"%{_as_it_is(value)}%")
        case "sw", str():
            return begins(column, value)
        case "ew", str():
            tail = func.substr(column, func.length(column) - len(value) + 1)
            return and_(func.length(column) >= len(value), tail == value)
        case "eq", _:
            return column == value
        case "gt", _:
            return column > value
        case "ge", _:
            return column >= value
        case "lt", _:
            return column < value
        case "le", _:
            return column <= value
        case _:
            return false()


def _as_it_is(text: str) -> str:
    """As a pattern of LIKE that `!` escapes."""
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def begins(column: ColumnElement[Any], start: str) -> ColumnElement[bool]:
    """As a range, for which there is an index, where there is a text after all that begin so."""
    after = _after(start)
    return column >= start if after is None else and_(column >= start, column < literal(after))


def _after(start: str) -> str | None:
    kept = start.rstrip(chr(_LAST_CODE_POINT))
    if not kept:
        return None
    following = ord(kept[-1]) + 1
    if following in _SURROGATES:
        following = _SURROGATES.stop
    return kept[:-1] + chr(following)
