"""The record of a verification has the shape that OpenID Identity Assurance demands."""

from __future__ import annotations

import re
from datetime import date
from typing import Any, get_args

import msgspec
import pytest

from doorward.administrator.identity.claims_of_case import claims_of_case
from doorward.administrator.identity.evidence import KINDS, CaseMethod, Evidence
from doorward.administrator.identity.rules import ownerships, validations
from doorward.administrator.identity.verified_claims import Claims, decode
from tests.fakes.proofing import a_case, an_evidence

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
DETAILS = {
    "document": ("document_details", "type"),
    "electronic_record": ("record", "type"),
    "vouch": ("attestation", "type"),
}
"""What each type of evidence must hold, if it says anything of itself."""


def record(method: CaseMethod) -> dict[str, Any]:
    """A case of every kind of evidence, checked in every way."""
    items: list[Evidence] = []
    for kind in KINDS:
        item = an_evidence(kind=kind)
        for validated in (*sorted(validations(item, method)), ""):
            for owned in (*sorted(ownerships(item, method)), ""):
                items.append(
                    an_evidence(id=f"ide_{len(items)}", kind=kind, validated=validated, owned=owned)
                )
    case = a_case("idc_1", method=method, evidence=tuple(items))
    claims = Claims(given_name="Ada", family_name="L", birthdate=date(1990, 1, 2))
    made = claims_of_case(case, ial=2, claims=claims, organisation="example", at=1795435200.5)
    body = msgspec.json.encode(made)
    assert decode(body) == made
    found: dict[str, Any] = msgspec.json.decode(body)
    return found


@pytest.mark.parametrize("method", get_args(CaseMethod))
def test_every_required_member_is_there(method: CaseMethod) -> None:
    found = record(method)
    assert set(found) == {"verification", "claims"}
    verification = found["verification"]
    assert verification["trust_framework"] == "nist_800_63A"
    assert verification["assurance_level"] == "ial2"
    assert TIME.fullmatch(verification["time"])
    known = set()
    for item in verification["evidence"]:
        holder, required = DETAILS[item["type"]]
        assert item[holder][required]
        for check in item.get("check_details", []):
            assert check["check_method"]
            assert TIME.fullmatch(check["time"])
            known.add(check["check_id"])
        for day in ("date_of_issuance", "date_of_expiry"):
            assert day not in item[holder] or DAY.fullmatch(item[holder][day])
    for detail in verification["assurance_process"]["assurance_details"]:
        assert {ref["check_id"] for ref in detail["evidence_ref"]} <= known


@pytest.mark.parametrize("method", get_args(CaseMethod))
def test_no_number_and_no_hash_of_one_is_in_it(method: CaseMethod) -> None:
    assert "number" not in repr(record(method))
    assert "hash" not in repr(record(method))


def test_what_was_not_asked_is_not_there() -> None:
    claims = Claims(given_name="Ada", family_name="L")
    made = claims_of_case(a_case("c"), ial=1, claims=claims, organisation="x", at=1.0)
    assert msgspec.json.decode(msgspec.json.encode(made))["claims"] == {
        "given_name": "Ada",
        "family_name": "L",
    }


@pytest.mark.parametrize(
    "without",
    ["verification", "claims", "verification.trust_framework", "verification.evidence.0.type"],
)
def test_a_record_without_a_required_member_is_none(without: str) -> None:
    found = record("onsite")
    holder: Any = found
    *path, last = without.split(".")
    for part in path:
        holder = holder[int(part)] if part.isdigit() else holder[part]
    del holder[last]
    with pytest.raises(msgspec.DecodeError):
        decode(msgspec.json.encode(found))
