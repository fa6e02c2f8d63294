"""Filters and sorting on documents as they are kept, for what the directory cannot look up. Pure.

`scim2_models` evaluates a filter on models, which cost a hundred times what reading a document
does; a property test holds the two together. What is not said of texts and booleans in the body,
or of there being a value, is left to the library (`UnindexedError`).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from scim2_models import Resource, ScimFilter
from scim2_models.path import (
    AttributeBinding,
    AttrPath,
    CompareOperator,
    Comparison,
    FilterVisitor,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ValuePath,
    coerce_value,
)

from doorward.entrypoints.scim.documents import KEPT_BESIDE, Document
from doorward.entrypoints.scim.filters import UnindexedError

Matcher = Callable[[Document], bool]
Reader = Callable[[Document], Any]
"""Reads what an attribute has as its value, or a list of them, from a document or a part of one."""

_OPERATORS: Mapping[CompareOperator, Callable[[Any, Any], bool]] = MappingProxyType(
    {
        CompareOperator.eq: operator.eq,
        CompareOperator.gt: operator.gt,
        CompareOperator.ge: operator.ge,
        CompareOperator.lt: operator.lt,
        CompareOperator.le: operator.le,
        CompareOperator.co: operator.contains,
        CompareOperator.sw: str.startswith,
        CompareOperator.ew: str.endswith,
    }
)


def matcher(scim_filter: ScimFilter[Any], model: type[Resource[Any]]) -> Matcher:
    """Whether a document fulfils `scim_filter`. Raises UnindexedError where only models tell."""
    bound: ScimFilter[Any] = ScimFilter.__class_getitem__(model)(scim_filter.ast)
    return _Matching(bound).visit(bound.ast)


def sort_key(binding: AttributeBinding) -> Reader:
    """What a document is sorted by (RFC 7644, 3.4.2.3). Raises UnindexedError as `matcher`."""
    head, name = _head(binding), _part(binding)
    _require_plain(binding)

    def key(document: Document) -> Any:  # noqa: ANN401 - a text, a boolean or nothing
        value = head(document)
        if binding.is_multivalued:
            entries = value or [None]
            marked = (item for item in entries if isinstance(item, dict) and item.get("primary"))
            value = next(marked, entries[0])
        if name is not None and value is not None:
            value = value.get(name)
        return binding.comparable(value)

    return key


class _Matching(FilterVisitor[Matcher]):
    def __init__(self, scim_filter: ScimFilter[Any]) -> None:
        self._filter = scim_filter

    def visit_comparison(self, node: Comparison) -> Matcher:
        binding = self._filter.resolve_comparison(node.attr_path, strict=False)
        return _never if binding is None else _compared(binding, _reader(binding), node)

    def visit_present(self, node: Present) -> Matcher:
        binding = self._filter.resolve(node.attr_path, strict=False)
        return _never if binding is None else _present(_reader(binding))

    def visit_not(self, node: Not) -> Matcher:
        inner = self.visit(node.expr)
        return lambda document: not inner(document)

    def visit_logical_expr(self, node: LogicalExpr) -> Matcher:
        terms = tuple(map(self.visit, node.terms))
        if node.op == LogicalOperator.and_:
            return lambda document: all(term(document) for term in terms)
        return lambda document: any(term(document) for term in terms)

    def visit_value_path(self, node: ValuePath) -> Matcher:
        binding = self._filter.resolve(node.attr_path, strict=False)
        if binding is None:
            return _never
        head = _head(binding)
        inner = _MatchingPart(self._filter, node.attr_path).visit(node.val_filter)
        return lambda document: any(map(inner, head(document) or ()))


class _MatchingPart(_Matching):
    """Conditions on the parts of one value, as they stand in `phoneNumbers[…]`."""

    def __init__(self, scim_filter: ScimFilter[Any], whole: AttrPath) -> None:
        super().__init__(scim_filter)
        self._whole = whole

    def visit_comparison(self, node: Comparison) -> Matcher:
        binding = self._resolved(node.attr_path)
        return _compared(binding, operator.methodcaller("get", _part(binding)), node)

    def visit_present(self, node: Present) -> Matcher:
        binding = self._resolved(node.attr_path)
        return _present(operator.methodcaller("get", _part(binding)))

    def visit_value_path(self, node: ValuePath) -> Matcher:
        raise UnindexedError(node)

    def _resolved(self, path: AttrPath) -> AttributeBinding:
        if path.sub_attr is not None or path.uri is not None:
            raise UnindexedError
        part = AttrPath(self._whole.attr, path.attr, self._whole.uri)
        binding = self._filter.resolve(part, strict=False)
        if binding is None or _part(binding) is None:
            raise UnindexedError
        return binding


def _compared(binding: AttributeBinding, read: Reader, node: Comparison) -> Matcher:
    _require_plain(binding)
    value = coerce_value(binding, node.value, node.op)
    wanted = None if value is None else binding.comparable(value)
    fits = _fitting(node.op, wanted)

    def compared(document: Document) -> bool:
        actual = read(document)
        if not isinstance(actual, list):
            return fits(binding.comparable(actual))
        every = all if node.op == CompareOperator.ne else any
        return every(fits(binding.comparable(item)) for item in actual)

    return compared


def _fitting(op: CompareOperator, wanted: object) -> Callable[[object], bool]:
    """Whether one value fits. What is of another kind, or not there, is only ever unequal."""
    if op == CompareOperator.ne:
        return lambda actual: actual != wanted
    if wanted is None:
        return lambda actual: op == CompareOperator.eq and actual is None
    kind, compare = type(wanted), _OPERATORS[op]
    if op in {CompareOperator.co, CompareOperator.sw, CompareOperator.ew} and kind is not str:
        return lambda _: False
    return lambda actual: type(actual) is kind and compare(actual, wanted)


def _present(read: Reader) -> Matcher:
    return lambda document: _is_there(read(document))


def _is_there(value: object) -> bool:
    """Whether anything in a value is neither null nor empty."""
    if isinstance(value, dict):
        return any(map(_is_there, value.values()))
    if isinstance(value, list):
        return any(map(_is_there, value))
    return value is not None and value != ""


def _reader(binding: AttributeBinding) -> Reader:
    head, name = _head(binding), _part(binding)
    if name is None:
        return head

    def read(document: Document) -> Any:  # noqa: ANN401 - whatever JSON holds
        value = head(document)
        if isinstance(value, list):
            return [item.get(name) for item in value]
        return None if value is None else value.get(name)

    return read


def _head(binding: AttributeBinding) -> Reader:
    """Reads the attribute itself, of the resource or of an extension."""
    schema, _, path = binding.urn.rpartition(":")
    name = path.partition(".")[0]
    if name in KEPT_BESIDE:
        raise UnindexedError
    if issubclass(binding.model, Resource):
        return operator.methodcaller("get", name)
    return lambda document: document.get(schema, {}).get(name)


def _part(binding: AttributeBinding) -> str | None:
    """The name of the attribute's part that is meant, where it is one."""
    return binding.urn.rpartition(":")[2].partition(".")[2] or None


def _require_plain(binding: AttributeBinding) -> None:
    if binding.target_type not in {str, bool}:
        raise UnindexedError


def _never(_document: Document) -> bool:
    return False
