"""Sliced evaluation equals whole-set evaluation on Cedar's own corpus."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cedarpy

from doorward.model.estate import Policy
from doorward.model.ids import PolicyId
from doorward.policy import Node, compile_bundle
from doorward.policy.source import _statements

ARCHIVE = "cedar/corpus-1500.tar.gz"


class Case(NamedTuple):
    name: str
    test: dict[str, Any]
    policies: str
    schema: str
    entities: list[dict[str, Any]]


def cases(archive: Path) -> Iterator[Case]:
    with tarfile.open(archive) as tar:
        files = ((member.name, tar.extractfile(member)) for member in tar.getmembers())
        texts = {name: file.read().decode() for name, file in files if file is not None}
    for name in sorted(texts):
        if name.endswith(".json") and not name.endswith(".entities.json"):
            test = json.loads(texts[name])
            yield Case(
                name,
                test,
                texts[test["policies"]],
                texts[test["schema"]],
                json.loads(texts[test["entities"]]),
            )


def uid(value: dict[str, Any]) -> tuple[str, str]:
    inner = value.get("__entity", value)
    return inner["type"], inner["id"]


def containers(
    entities: list[dict[str, Any]], start: tuple[str, str]
) -> frozenset[tuple[str, str]]:
    parents = {uid(item["uid"]): [uid(parent) for parent in item["parents"]] for item in entities}
    found: set[tuple[str, str]] = set()
    waiting = list(parents.get(start, ()))
    while waiting:
        item = waiting.pop()
        if item not in found:
            found.add(item)
            waiting += parents.get(item, ())
    return frozenset(found)


def check(case: Case) -> int:
    policies = [
        Policy(id=PolicyId(f"policy{n}"), text=case.policies[start:end], file=case.name, line=1)
        for n, (start, end) in enumerate(_statements(case.policies))
    ]
    bundle = compile_bundle(policies)
    schema = cedarpy.Schema.from_str(case.schema)
    whole = cedarpy.PolicySet.from_str(case.policies)
    entities = cedarpy.Entities.from_json_str(json.dumps(case.entities), schema)
    for request in case.test["requests"]:
        question = {
            "principal": dict(zip(("type", "id"), uid(request["principal"]), strict=True)),
            "action": dict(zip(("type", "id"), uid(request["action"]), strict=True)),
            "resource": dict(zip(("type", "id"), uid(request["resource"]), strict=True)),
            "context": request["context"],
        }
        action = uid(request["action"])
        found = bundle.slice(
            Node(uid(request["principal"]), containers(case.entities, uid(request["principal"]))),
            Node(action, containers(case.entities, action)),
            Node(uid(request["resource"]), containers(case.entities, uid(request["resource"]))),
        )
        known = schema if request.get("validateRequest", True) else None
        full = cedarpy.is_authorized(question, whole, entities, known)
        part = cedarpy.is_authorized(question, found.handle, entities, known)
        where = f"{case.name}: {request['description']}"
        assert part.decision is full.decision, where
        reasons = {found.policy_id(reason) for reason in part.diagnostics.reasons}
        assert reasons == set(full.diagnostics.reasons), where
        assert full.decision.value.lower() == request["decision"], where
        assert reasons == set(request["reason"]), where
        assert len(part.diagnostics.errors) == len(full.diagnostics.errors), where
    return len(case.test["requests"])


def test_the_whole_corpus_is_decided_the_same_in_slices(fixtures_root: Path) -> None:
    found = list(cases(fixtures_root / ARCHIVE))
    assert len(found) == 1_500
    assert sum(map(check, found)) >= 10_000
