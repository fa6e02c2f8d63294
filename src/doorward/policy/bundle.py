"""Many policies, of which each request sees only those whose scope can match.

Cedar skips a policy whose scope does not match, so leaving it out changes neither the decision
nor its reasons (cedar-spec, `Cedar/Thm/PolicySlice.lean`). What is evaluated is linear in the
slice, not in the bundle.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import cedarpy

from doorward.model.estate import Policy
from doorward.model.ids import PolicyId
from doorward.policy.compiled import ANY, CompiledPolicy, ScopeKey, Uid, compile_policy

_MAX_SLICES = 8_192


@dataclass(frozen=True, slots=True)
class Node:
    """An entity and everything that contains it, directly or not."""

    uid: Uid
    ancestors: frozenset[Uid] = frozenset()

    def keys(self) -> Iterator[ScopeKey]:
        """Every scope that this entity is in."""
        yield ANY
        yield self.uid[0], None
        yield self.uid
        yield from self.ancestors


class Slice:
    """The policies whose scope matches one principal, action and resource."""

    __slots__ = ("_handle", "literals", "mentions", "minutes", "policies")

    def __init__(self, policies: tuple[CompiledPolicy, ...]) -> None:
        self.policies = policies
        self.mentions = frozenset[str]().union(*(item.mentions for item in policies))
        self.literals = frozenset[Uid]().union(*(item.literals for item in policies))
        minutes = [item.minutes for item in policies if item.minutes is not None]
        self.minutes = frozenset[int]().union(*minutes) if len(minutes) == len(policies) else None
        self._handle: cedarpy.PolicySet | None = None

    @property
    def handle(self) -> cedarpy.PolicySet:
        """Cedar's own form of the slice, parsed at the first use (some 60 µs a policy)."""
        if self._handle is None:
            self._handle = cedarpy.PolicySet.from_str(
                "\n".join(item.policy.text for item in self.policies)
            )
        return self._handle

    def policy_id(self, cedar_id: str) -> PolicyId:
        """The id of the policy that Cedar numbered `policyN`, in the order of the text."""
        return self.policies[int(cedar_id.removeprefix("policy"))].policy.id


_Resources = dict[ScopeKey, list[int]]
_Actions = dict[Uid | None, _Resources]


@dataclass(frozen=True, slots=True)
class Bundle:
    """Compiled policies, indexed by principal scope, action and resource scope.

    `named_kinds` are the types of all entities that conditions name by id. `compilation` stands
    for this bundle with whoever must not keep it alive.
    """

    policies: tuple[CompiledPolicy, ...]
    named_kinds: frozenset[str]
    _index: dict[ScopeKey, _Actions]
    _slices: dict[tuple[PolicyId, ...], Slice] = field(default_factory=dict)
    compilation: object = field(default_factory=object)

    def slice(self, principal: Node, action: Node, resource: Node) -> Slice:
        """The policies that can apply, in the bundle's order; the same policies, the same slice."""
        positions = sorted(self._candidates(principal, action, resource))
        policies = tuple(self.policies[position] for position in positions)
        names = tuple(item.policy.id for item in policies)
        found = self._slices.pop(names, None)
        if found is None or found.policies != policies:
            found = Slice(policies)
            while len(self._slices) >= _MAX_SLICES:
                del self._slices[next(iter(self._slices))]
        self._slices[names] = found
        return found

    def _candidates(self, principal: Node, action: Node, resource: Node) -> Iterator[int]:
        actions = (None, action.uid, *action.ancestors)
        resources = tuple(resource.keys())
        for key in principal.keys():  # noqa: SIM118 - Node is not a dict
            by_action = self._index.get(key)
            if by_action is None:
                continue
            # A policy that names two actions stands under both; a set keeps it once.
            seen: set[int] = set()
            for name in actions:
                by_resource = by_action.get(name, {})
                for scope in resources:
                    seen.update(by_resource.get(scope, ()))
            yield from seen


def compile_bundle(policies: Iterable[Policy], previous: Bundle | None = None) -> Bundle:
    """Compile policies that `validate` accepted, reusing what `previous` holds of them.

    A slice whose policies are all as before is the same object. Some 0.3 ms a policy.
    Raises DoorwardError `policy-invalid`.
    """
    known = {item.policy.id: item for item in previous.policies} if previous else {}
    compiled = tuple(_reuse(policy, known.get(policy.id)) for policy in policies)
    index: dict[ScopeKey, _Actions] = {}
    for position, item in enumerate(compiled):
        by_action = index.setdefault(item.principal, {})
        for action in item.actions if item.actions is not None else (None,):
            by_resource = by_action.setdefault(action, {})
            by_resource.setdefault(item.resource, []).append(position)
    named_kinds = frozenset(kind for item in compiled for kind, _ in item.literals)
    slices = dict(previous._slices) if previous else {}  # noqa: SLF001
    return Bundle(compiled, named_kinds, index, slices)


def _reuse(policy: Policy, known: CompiledPolicy | None) -> CompiledPolicy:
    return known if known is not None and known.policy == policy else compile_policy(policy)
