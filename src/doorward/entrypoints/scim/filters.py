"""From SCIM filters (RFC 7644, 3.4.2.2) to conditions that the directory can look up. Pure.

`scim2_models` has read and checked the filter. What it asks of an attribute that the directory
cannot look up is left over: `split` says what, and it is evaluated on the entries one by one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from scim2_models import InvalidFilterException, Resource, ScimFilter
from scim2_models.path import (
    AttributeBinding,
    AttrPath,
    CompareOperator,
    Comparison,
    FilterNode,
    FilterVisitor,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ValuePath,
    coerce_value,
)

from doorward.administrator.directory import conditions as where
from doorward.administrator.directory.conditions import (
    ALWAYS,
    AddressWhere,
    Compare,
    Condition,
    Every,
    Field,
    Some,
)

MAX_FILTER_LENGTH = 8192
MAX_COMPARISONS = 200
NEVER = Some(())
_NOT_KEPT = re.compile("[\0\ud800-\udfff]")
"""What no database takes as text; JSON can say halves of surrogate pairs."""

_FIELDS: Mapping[str, Field] = MappingProxyType(
    {
        "id": "id",
        "externalid": "external_id",
        "username": "user_name",
        "displayname": "display_name",
        "name.givenname": "given_name",
        "name.familyname": "family_name",
        "active": "active",
        "emails.value": "address",
        "emails.type": "address_type",
        "groups.value": "group",
        "members.value": "member",
        "meta.created": "created",
        "meta.lastmodified": "modified",
    }
)
"""What the directory can look up, by the attribute's name below its schema."""

LOOKED_UP = (
    *("id", "externalId", "userName", "displayName", "name.givenName", "name.familyName"),
    *("active", "emails.value", "groups.value", "members.value", "meta.created"),
    "meta.lastModified",
)
"""The same for people to read."""

_WHOLE: Mapping[str, Field] = MappingProxyType(
    {"emails": "address", "groups": "group", "members": "member"}
)
"""Attributes of which there is one if and only if its main part has a value."""


class UnindexedError(Exception):
    """The directory cannot look this up."""


def field_of(binding: AttributeBinding | None) -> Field | None:
    """The directory's field for an attribute; None where it has none."""
    return None if binding is None else _FIELDS.get(_name(binding))


def require_bounded(text: str) -> None:
    """Raises InvalidFilterException where a filter is longer than anybody needs."""
    if len(text) > MAX_FILTER_LENGTH:
        raise InvalidFilterException(detail=f"A filter has at most {MAX_FILTER_LENGTH} characters")


def split(
    scim_filter: ScimFilter[Any] | None, model: type[Resource[Any]], name: str
) -> tuple[Condition, ScimFilter[Any] | None]:
    """The condition on resources of type `name`, and what is left of the filter to be evaluated.

    Both have to hold. Raises InvalidFilterException where the filter is too large.
    """
    if scim_filter is None:
        return ALWAYS, None
    bound: ScimFilter[Any] = ScimFilter.__class_getitem__(model)(scim_filter.ast)
    if _comparisons(bound.ast) > MAX_COMPARISONS:
        raise InvalidFilterException(detail=f"A filter has at most {MAX_COMPARISONS} comparisons")
    node = bound.ast
    terms = (
        node.terms if isinstance(node, LogicalExpr) and node.op == LogicalOperator.and_ else (node,)
    )
    translator, found, left = _Translator(bound, name), [], []
    for term in terms:
        try:
            found.append(translator.visit(term))
        except UnindexedError:
            left.append(term)
    if not left:
        return Every(tuple(found)), None
    rest = left[0] if len(left) == 1 else LogicalExpr(LogicalOperator.and_, tuple(left))
    return Every(tuple(found)), ScimFilter.__class_getitem__(model)(rest)


class _Translator(FilterVisitor[Condition]):
    def __init__(self, scim_filter: ScimFilter[Any], name: str) -> None:
        self._filter = scim_filter
        self._resource_type = name

    def visit_comparison(self, node: Comparison) -> Condition:
        binding = self._filter.resolve_comparison(node.attr_path, strict=False)
        if binding is None:
            return NEVER
        if _name(binding) == "meta.resourcetype" and node.op == CompareOperator.eq:
            return ALWAYS if node.value == self._resource_type else NEVER
        return _compare(field_of(binding), binding, node)

    def visit_present(self, node: Present) -> Condition:
        binding = self._filter.resolve(node.attr_path, strict=False)
        if binding is None:
            return NEVER
        field = field_of(binding) or _WHOLE.get(_name(binding))
        if field is None or (field == "address" and binding.sub_field_name is None):
            raise UnindexedError
        return where.Present(field)

    def visit_not(self, node: Not) -> Condition:
        return where.Not(self.visit(node.expr))

    def visit_logical_expr(self, node: LogicalExpr) -> Condition:
        conditions = tuple(map(self.visit, node.terms))
        return Every(conditions) if node.op == LogicalOperator.and_ else Some(conditions)

    def visit_value_path(self, node: ValuePath) -> Condition:
        binding = self._filter.resolve(node.attr_path, strict=False)
        if binding is None:
            return NEVER
        match _name(binding), node.val_filter:
            case "emails", inner:
                return AddressWhere(_WithinAddress(self._filter).visit(inner))
            case (("groups" | "members"), Comparison(attr_path=part, op=op)) if (
                _is_value(part) and op != CompareOperator.ne
            ):
                # One of several is equal: for everything but `ne` the same as without brackets.
                return self.visit_comparison(replace(node.val_filter, attr_path=node.attr_path))
        raise UnindexedError


class _WithinAddress(FilterVisitor[Condition]):
    """Conditions on the parts of one address, as they stand in `emails[…]`."""

    def __init__(self, scim_filter: ScimFilter[Any]) -> None:
        self._filter = scim_filter

    def visit_comparison(self, node: Comparison) -> Condition:
        binding = self._part(node.attr_path)
        return _compare(field_of(binding), binding, node)

    def visit_present(self, node: Present) -> Condition:
        field = field_of(self._part(node.attr_path))
        if field is None:
            raise UnindexedError
        return where.Present(field)

    def visit_not(self, node: Not) -> Condition:
        return where.Not(self.visit(node.expr))

    def visit_logical_expr(self, node: LogicalExpr) -> Condition:
        conditions = tuple(map(self.visit, node.terms))
        return Every(conditions) if node.op == LogicalOperator.and_ else Some(conditions)

    def visit_value_path(self, node: ValuePath) -> Condition:
        raise UnindexedError(node)

    def _part(self, path: AttrPath) -> AttributeBinding:
        if path.sub_attr is not None or path.uri is not None:
            raise UnindexedError
        binding = self._filter.resolve(AttrPath("emails", path.attr), strict=False)
        if binding is None:
            raise UnindexedError
        return binding


def _is_value(part: AttrPath) -> bool:
    return part.attr.lower() == "value" and part.sub_attr is None and part.uri is None


def _compare(field: Field | None, binding: AttributeBinding, node: Comparison) -> Condition:
    if field is None:
        raise UnindexedError
    value = coerce_value(binding, node.value, node.op)
    if value is None and field in where.MANY:
        raise UnindexedError
    if isinstance(value, str):
        if _NOT_KEPT.search(value):
            raise UnindexedError
        value = binding.comparable(value)
    elif isinstance(value, datetime):
        value = value.timestamp()
    if node.op in {CompareOperator.co, CompareOperator.sw, CompareOperator.ew} and (
        not isinstance(value, str) or field in {"created", "modified"}
    ):
        raise UnindexedError
    return Compare(field, node.op.value, value)


def _name(binding: AttributeBinding) -> str:
    """The attribute's name below its schema, in lower case."""
    return binding.urn.rpartition(":")[2].lower()


def _comparisons(node: FilterNode) -> int:
    match node:
        case Not(expr=inner) | ValuePath(val_filter=inner):
            return _comparisons(inner)
        case LogicalExpr(terms=terms):
            return sum(map(_comparisons, terms))
    return 1
