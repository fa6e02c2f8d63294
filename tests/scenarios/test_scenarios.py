"""Every scenario file: what is decided, why, by which policies, and what would help."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from doorward.engine import decide, prepare
from doorward.model.decision import AccessRequest, Allow, ReasonCode, Remedy
from doorward.model.device import ClientCertificate
from doorward.model.snapshot import Change, Snapshot
from doorward.policy import parse_policies, validate
from tests.fakes.certificates import certificate, workload_certificate

FILES = sorted(Path(__file__).parent.glob("*.json"))
NOT_BY_THE_ENGINE = {"log-unavailable"}


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def shown(case: dict[str, Any]) -> ClientCertificate | None:
    if "workload" in case:
        return workload_certificate(*case["workload"])
    return certificate(case["device"]) if "device" in case else None


def said(remedy: Remedy) -> str:
    parts: list[str] = [remedy.kind]
    if remedy.target:
        parts.append(remedy.target)
    if remedy.until is not None:
        until = datetime.fromtimestamp(remedy.until, tz=UTC)
        parts.append(until.strftime("%Y-%m-%dT%H:%M:%SZ"))
    return " ".join(parts)


def snapshot(scenario: dict[str, Any]) -> Snapshot:
    policies = parse_policies("\n".join(scenario["policies"]), "scenario.cedar")
    validate(policies)
    changes = [
        Change(kind, document["id"], msgspec.Raw(msgspec.json.encode(document)))
        for kind, documents in scenario["estate"].items()
        for document in documents
    ]
    changes += [
        Change("policy", policy.id, msgspec.Raw(msgspec.json.encode(policy))) for policy in policies
    ]
    return Snapshot().advance(1, changes)


def scenarios() -> list[Any]:
    return [
        pytest.param(scenario, case, id=f"{path.stem}: {case['name']}")
        for path in FILES
        for scenario in [json.loads(path.read_text())]
        for case in scenario["cases"]
    ]


@pytest.mark.parametrize(("scenario", "case"), scenarios())
def test_scenario(scenario: dict[str, Any], case: dict[str, Any]) -> None:
    prepared = prepare(snapshot(scenario), expires_at=moment(scenario["expires"]))
    request = AccessRequest(
        resource=case["resource"],
        action=case["action"],
        address=case.get("address", "10.1.2.3"),
        session=case.get("session"),
        service_token=case.get("service_token"),
        country=case.get("country"),
        certificate=shown(case),
    )
    decision = decide(request, prepared, moment(case.get("at", scenario["now"])))
    assert decision.reason == case["reason"]
    assert list(decision.policies) == case.get("policies", [])
    assert isinstance(decision, Allow) == (case["reason"] == "permitted")
    json.loads(bytes(decision.facts))
    if not isinstance(decision, Allow):
        assert [said(remedy) for remedy in decision.remedies] == case.get("remedies", [])


def test_every_reason_of_the_engine_has_a_scenario() -> None:
    shown = {case["reason"] for path in FILES for case in json.loads(path.read_text())["cases"]}
    assert shown == set(get_args(ReasonCode)) - NOT_BY_THE_ENGINE
