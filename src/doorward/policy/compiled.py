"""What the engine knows of a policy without evaluating it: scope, facts it reads, ids it names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from doorward.errors import DoorwardError
from doorward.model.estate import Policy
from doorward.policy.source import static_policy

Uid = tuple[str, str]
"""An entity: its type and its id."""

ScopeKey = tuple[str, str | None]
"""Where a policy stands in the index: `ANY`, a type and None (`is`), or an entity."""

ANY: ScopeKey = ("", None)
EVERYTHING = "*"
"""The mention of a policy that reads the context as a whole."""

_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
_MINUTE_OF_DAY = {".": {"left": {"Var": "context"}, "attr": "minute_of_day"}}


@dataclass(frozen=True, slots=True)
class CompiledPolicy:
    """One policy, taken apart.

    `mentions` are the names of all attributes that its conditions read; `literals` the entities
    that they name. `minutes` are the numbers that `context.minute_of_day` is compared with, None
    where the policy does anything else with it.
    """

    policy: Policy
    principal: ScopeKey
    actions: tuple[Uid, ...] | None
    resource: ScopeKey
    mentions: frozenset[str]
    literals: frozenset[Uid]
    minutes: frozenset[int] | None


def compile_policy(policy: Policy) -> CompiledPolicy:
    """Take a policy apart. Raises DoorwardError `policy-invalid`."""
    try:
        parsed = static_policy(policy.text)
    except (ValueError, RecursionError) as error:
        raise DoorwardError(
            "policy-invalid", f"policy {policy.id}: {error}", "publish it again from its file"
        ) from None
    reader = _Reader()
    for condition in parsed.get("conditions", ()):
        reader.read(condition["body"])
    return CompiledPolicy(
        policy=policy,
        principal=_scope(parsed["principal"]),
        actions=_actions(parsed["action"]),
        resource=_scope(parsed["resource"]),
        mentions=frozenset(reader.mentions),
        literals=frozenset(reader.literals),
        minutes=None if reader.computes_minutes else frozenset(reader.minutes),
    )


class _Reader:
    """Walks an expression in Cedar's JSON form."""

    def __init__(self) -> None:
        self.mentions: set[str] = set()
        self.literals: set[Uid] = set()
        self.minutes: set[int] = set()
        self.computes_minutes = False

    def read(self, node: Any) -> None:  # noqa: ANN401
        """Read a JSON value of any shape."""
        if isinstance(node, list):
            for item in node:
                self.read(item)
        elif isinstance(node, dict) and not self._read_comparison(node):
            for operator, operands in node.items():
                self._read_operation(operator, operands)

    def _read_comparison(self, node: dict[str, Any]) -> bool:
        for operator, operands in node.items():
            if operator not in _COMPARISONS:
                continue
            left, right = operands["left"], operands["right"]
            for side, other in ((left, right), (right, left)):
                if side == _MINUTE_OF_DAY and isinstance(other.get("Value"), int):
                    self.mentions.add("minute_of_day")
                    self.minutes.add(other["Value"])
                    return True
        return False

    def _read_operation(self, operator: str, operands: Any) -> None:  # noqa: ANN401
        if operator == "Value":
            self._read_value(operands)
        elif operator == "Var":
            if operands == "context":
                self.mentions.add(EVERYTHING)
                self.computes_minutes = True
        elif operator in {".", "has"}:
            attribute = operands["attr"]
            self.mentions.update(attribute if isinstance(attribute, list) else [attribute])
            if operator == "." and attribute == "minute_of_day":
                self.computes_minutes = True
            if operands["left"] != {"Var": "context"}:
                self.read(operands["left"])
        else:
            self.read(list(operands.values()) if isinstance(operands, dict) else operands)
            if operator == "is" and "in" in operands:
                self._read_value(operands["in"].get("entity", {}))

    def _read_value(self, value: Any) -> None:  # noqa: ANN401
        if isinstance(value, list):
            for item in value:
                self._read_value(item)
        elif isinstance(value, dict):
            entity = value.get("__entity", value)
            if isinstance(entity, dict) and entity.keys() >= {"type", "id"}:
                self.literals.add((entity["type"], entity["id"]))
            else:
                for item in value.values():
                    self._read_value(item)


def _scope(constraint: dict[str, Any]) -> ScopeKey:
    operator = constraint["op"]
    if operator == "All":
        return ANY
    if operator == "is":
        within = constraint.get("in")
        return _uid(within["entity"]) if within else (constraint["entity_type"], None)
    return _uid(constraint["entity"])


def _actions(constraint: dict[str, Any]) -> tuple[Uid, ...] | None:
    if constraint["op"] == "All":
        return None
    if "entities" in constraint:
        return tuple(_uid(entity) for entity in constraint["entities"])
    return (_uid(constraint["entity"]),)


def _uid(entity: dict[str, Any]) -> Uid:
    inner = entity.get("__entity", entity)
    return inner["type"], inner["id"]
