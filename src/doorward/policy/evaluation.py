"""Asking Cedar: the only place where its authorizer is called.

A `forbid` that errors is skipped by Cedar, which would let the request through. So every request
and entity is held against the schema, and any error at all makes the verdict `error`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import cedarpy
import msgspec

from doorward.errors import DoorwardError
from doorward.model.ids import PolicyId
from doorward.policy.bundle import Slice
from doorward.policy.schema import SCHEMA


@dataclass(frozen=True, slots=True)
class Verdict:
    """What Cedar says. `policies` are the permits of an allow, the forbids of a deny, sorted."""

    outcome: Literal["allow", "deny", "error"]
    policies: tuple[PolicyId, ...] = ()


ERROR = Verdict("error")
EntitySet = cedarpy.Entities


def entity_set(entities: Sequence[dict[str, Any]]) -> EntitySet:
    """Cedar's own form of entities, held against the schema.

    Raises DoorwardError `policy-error` where they do not fit it.
    """
    try:
        return cedarpy.Entities.from_json_str(msgspec.json.encode(entities).decode(), SCHEMA)
    except (ValueError, TypeError, OverflowError):
        raise DoorwardError("policy-error", "the facts do not fit the policy schema") from None


def evaluate(policies: Slice, entities: EntitySet, requests: list[dict[str, Any]]) -> list[Verdict]:
    """Cedar's verdict on each request; its `context` is JSON text."""
    try:
        results = cedarpy.is_authorized_batch(requests, policies.handle, entities, SCHEMA)
    except (ValueError, TypeError, OverflowError):
        return [ERROR] * len(requests)
    return [_verdict(policies, result) for result in results]


def _verdict(policies: Slice, result: cedarpy.AuthzResult) -> Verdict:
    decision = result.decision
    diagnostics = result.diagnostics
    if decision is cedarpy.Decision.NoDecision or diagnostics.errors:
        return ERROR
    reasons = diagnostics.reasons
    return Verdict(
        "allow" if decision is cedarpy.Decision.Allow else "deny",
        tuple(sorted(policies.policy_id(reason) for reason in reasons)),
    )
