"""Reading `.cedar` files: single policies, each with its own `@id` and line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import cedarpy
import msgspec

from doorward.errors import SourceError
from doorward.model.estate import Policy
from doorward.model.ids import PolicyId, is_id

_TOKEN = re.compile(
    r'//[^\n\r]*|"(?:[^"\\]|\\.)*"|\?\w+|[^\W\d]\w*|\d+|==|!=|<=|>=|&&|\|\||::|\S', re.DOTALL
)
_MAX_DEPTH = 64
_MAX_CHARACTERS = 65_536
_UNFINISHED = "unexpected end of input"
_NONE: Mapping[str, Policy] = MappingProxyType({})


def parse_policies(text: str, file: str, known: Mapping[str, Policy] = _NONE) -> tuple[Policy, ...]:
    """The single policies of a `.cedar` file, in order.

    Each must carry a unique `@id("…")` and may carry `@description("…")`. Raises SourceError:
    `policy-syntax`, `policy-template`, `policy-id-missing`, `policy-id-invalid`,
    `policy-id-duplicate`. Whether they fit the schema is for `validate` to say. What has the text
    of a policy in `known` is not read again.
    """
    policies: dict[str, Policy] = {}
    line, counted = 1, 0
    for start, end in _statements(text):
        line += text.count("\n", counted, start)
        counted = start
        found = known.get(text[start:end])
        policy = (
            _policy(text[start:end], file, line)
            if found is None
            else msgspec.structs.replace(found, file=file, line=line)
        )
        first = policies.setdefault(policy.id, policy)
        if first is not policy:
            raise SourceError(
                "policy-id-duplicate",
                f'@id("{policy.id}") is already taken on line {first.line}',
                "give this policy an id of its own",
                file=file,
                line=line,
            )
    return tuple(policies.values())


def static_policy(text: str) -> dict[str, Any]:
    """The JSON form of the one policy in `text`.

    Raises ValueError where `text` is not exactly one policy without slots.
    """
    if len(text) > _MAX_CHARACTERS:
        message = f"a policy is longer than {_MAX_CHARACTERS} characters"
        raise ValueError(message)
    if _depth(text) > _MAX_DEPTH:
        message = f"brackets or operators are nested deeper than {_MAX_DEPTH} levels"
        raise ValueError(message)
    parsed = json.loads(cedarpy.policies_to_json_str(text))
    policies: list[dict[str, Any]] = list(parsed["staticPolicies"].values())
    if parsed["templates"]:
        message = "a template (`?principal`, `?resource`) is not a policy"
        raise ValueError(message)
    if len(policies) != 1:
        message = "expected exactly one policy"
        raise ValueError(message)
    return policies[0]


def _policy(text: str, file: str, line: int) -> Policy:
    try:
        parsed = static_policy(text)
    except (ValueError, RecursionError) as error:
        raise _syntax_error(text, file, line, str(error)) from None
    annotations = parsed.get("annotations", {})
    policy_id = annotations.get("id")
    if not policy_id:
        raise SourceError(
            "policy-id-missing",
            "the policy has no id",
            'write @id("a-name-of-its-own") above it',
            file=file,
            line=line,
        )
    if not is_id(policy_id):
        raise SourceError(
            "policy-id-invalid",
            "the policy's id is not an identifier",
            "use letters, digits and . _ @ : + - only, at most 128 of them",
            file=file,
            line=line,
        )
    return Policy(
        id=PolicyId(policy_id),
        text=text,
        file=file,
        line=line,
        description=annotations.get("description") or "",
    )


def _statements(text: str) -> Iterator[tuple[int, int]]:
    """The spans of the statements: from the first token to the `;` that ends it."""
    start: int | None = None
    end = 0
    for token in _TOKEN.finditer(text):
        if token.group().startswith("//"):
            continue
        if start is None:
            start = token.start()
        end = token.end()
        if token.group() == ";":
            yield start, end
            start = None
    if start is not None:
        yield start, end


def _depth(text: str) -> int:
    """How deep brackets nest, a run of prefix operators counted as so many levels."""
    depth = deepest = run = 0
    for token in _TOKEN.finditer(text):
        symbol = token.group()
        run = run + 1 if symbol in {"!", "-", "if", "else"} else 0
        if symbol in {"(", "[", "{"}:
            depth += 1
        elif symbol in {")", "]", "}"}:
            depth -= 1
        deepest = max(deepest, depth + run)
    return deepest


def _syntax_error(text: str, file: str, line: int, message: str) -> SourceError:
    if "template" in message:
        return SourceError(
            "policy-template",
            "a template (`?principal`, `?resource`) is not a policy",
            'name the principal and the resource, as in `principal in Group::"payroll"`',
            file=file,
            line=line,
        )
    remedy = "see docs/reference/policy.md for the form of a policy"
    culprit = _culprit(text, message)
    if message == _UNFINISHED:
        message, remedy = "the policy is not finished", "end it with `;`"
    return SourceError(
        "policy-syntax",
        message,
        remedy,
        file=file,
        line=line + text.count("\n", 0, culprit),
    )


def _culprit(text: str, message: str) -> int:
    """Where the token stands that `message` complains of; 0 where it names none.

    Cedar tells no position. The shortest prefix that is more than unfinished ends at the culprit
    or a little after it, because its parser tries to recover.
    """
    quoted = re.fullmatch(r"unexpected token `(.+)`", message)
    if quoted is None or _depth(text) > _MAX_DEPTH or len(text) > _MAX_CHARACTERS:
        return 0
    tokens = [token for token in _TOKEN.finditer(text) if not token.group().startswith("//")]
    low, high = 0, len(tokens) - 1
    while low < high:
        middle = (low + high) // 2
        if _error(text[: tokens[middle].end()]) == _UNFINISHED:
            low = middle + 1
        else:
            high = middle
    starts = [token.start() for token in tokens[: low + 1] if token.group() == quoted.group(1)]
    return starts[-1] if starts else 0


def _error(text: str) -> str:
    try:
        cedarpy.policies_to_json_str(text)
    except ValueError as error:
        return str(error)
    return ""
