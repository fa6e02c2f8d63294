"""Holding policies against the schema, before they can decide anything."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable

import cedarpy

from doorward.errors import SourceError
from doorward.model.estate import Policy
from doorward.policy.compiled import compile_policy
from doorward.policy.schema import SCHEMA

_FOR_POLICY = re.compile(r"^for policy `[^`]*`, ")
_QUOTED = re.compile(r"`([^`]+)`")
_FLEETING = frozenset({"Session", "Origin"})


def validate(policies: Iterable[Policy], accepted: Container[str] = ()) -> None:
    """Refuse policies that the schema does not allow, or that share an id.

    What has a text in `accepted` is known to fit the schema. Raises SourceError
    `policy-id-duplicate` or `policy-invalid` for the first offender; about a millisecond a policy.
    """
    everything = tuple(policies)
    refuse_duplicates(everything)
    ordered = tuple(policy for policy in everything if policy.text not in accepted)
    if not ordered:
        return
    for policy in ordered:
        _refuse_fleeting_ids(policy)
    result = cedarpy.validate_policies("\n".join(policy.text for policy in ordered), SCHEMA)
    if result.validation_passed:
        return
    faults = [(_position(error.policy_id), error.error) for error in result.errors]
    position, message = min(faults) if faults else (0, "the policies cannot be validated")
    message = _FOR_POLICY.sub("", message).replace("\n", " ")
    more = f" (and {len(faults) - 1} more errors)" if len(faults) > 1 else ""
    policy = ordered[position]
    raise SourceError(
        "policy-invalid",
        f"policy {policy.id}: {message}{more}",
        _remedy(message),
        file=policy.file,
        line=policy.line + _line_of(policy.text, message),
    )


def refuse_duplicates(policies: Iterable[Policy]) -> None:
    """Refuse policies that share an id. Raises SourceError `policy-id-duplicate`."""
    seen: dict[str, Policy] = {}
    for policy in policies:
        first = seen.setdefault(policy.id, policy)
        if first is not policy:
            raise SourceError(
                "policy-id-duplicate",
                f'@id("{policy.id}") is already taken in {first.file}:{first.line}',
                "give this policy an id of its own",
                file=policy.file,
                line=policy.line,
            )


def _refuse_fleeting_ids(policy: Policy) -> None:
    for kind, _ in compile_policy(policy).literals:
        if kind in _FLEETING:
            raise SourceError(
                "policy-invalid",
                f"policy {policy.id}: names one {kind} by its id, which does not last",
                f"ask for attributes of `context.{kind.lower()}` instead",
                file=policy.file,
                line=policy.line + _line_of(policy.text, f"`{kind}::`"),
            )


def _position(policy_id: str) -> int:
    return int(policy_id.removeprefix("policy") or 0)


def _line_of(text: str, message: str) -> int:
    """How many lines into the policy the first thing stands that `message` quotes."""
    for quoted in _QUOTED.findall(message):
        attribute = re.search(rf"\.\s*{re.escape(quoted)}\b", text)
        at = attribute.start() if attribute else text.find(quoted)
        if at >= 0:
            return text.count("\n", 0, at)
    return 0


def _remedy(message: str) -> str:
    quoted = _QUOTED.search(message)
    name = quoted.group(1) if quoted else ""
    if "optional attribute" in message:
        return (
            f"this fact can be unknown: ask first, as in `context has {name} && …` "
            "(an unknown fact never satisfies)"
        )
    if "action" in message:
        return 'the actions are Action::"read" and Action::"write"; principals are User and Service'
    if "attribute" in message:
        return (
            "docs/reference/policy.md lists every attribute; of a principal that may be a Service, "
            "ask `principal is User && …` first"
        )
    return "docs/reference/policy.md lists every fact and its type"
