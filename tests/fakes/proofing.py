"""Cases, evidence and verifications to test with, and proofing acts on the store in memory."""

from __future__ import annotations

from datetime import date

from doorward.adapters.document_numbers import HmacDocumentNumbers
from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.identity.claims_of_case import claims_of_case
from doorward.administrator.identity.evidence import CaseMethod, Evidence
from doorward.administrator.identity.records import Case, Verification
from doorward.administrator.identity.verified_claims import Claims
from doorward.administrator.proofing.parts import Proofing
from doorward.model.ids import RoleId, UserId

VERIFIER_ROLE = RoleId("identity-verifier")
CLAIMS = Claims(given_name="Alice", family_name="Adams")


def proofing_on(control: ControlPlane, second_verifier_from: int = 0) -> Proofing:
    """The proofing acts, as an operator has set them."""
    return Proofing(
        control=control,
        numbers=HmacDocumentNumbers(bytes(32)),
        organisation="example",
        verifier_role=VERIFIER_ROLE,
        proofing_days=730,
        record_days=1095,
        second_verifier_from=second_verifier_from,
    )


def an_evidence(**changed: object) -> Evidence:
    """A driving licence that was inspected, and its face compared."""
    fields = {
        "id": "ide_1",
        "kind": "driving-licence",
        "issuer": "Road office",
        "recorded_at": 1.0,
        "recorded_by": UserId("vera"),
        "country": "DEU",
        "issued_on": date(2020, 1, 1),
        "expires_on": date(2030, 1, 1),
        "validated": "inspected",
        "owned": "compared",
    }
    return Evidence(**(fields | changed))  # type: ignore[arg-type]


def a_case(case_id: str, *, method: CaseMethod = "onsite", **changed: object) -> Case:
    """An open case."""
    fields = {
        "id": case_id,
        "subject": UserId("alice"),
        "method": method,
        "opened_at": 1.0,
        "opened_by": "user:alice",
        "expires_at": 1000.0,
    }
    return Case(**(fields | changed))  # type: ignore[arg-type]


def a_verification(verification_id: str, **changed: object) -> Verification:
    """A verification at IAL 1 by one driving licence."""
    case = a_case("idc_0", evidence=(an_evidence(),))
    fields = {
        "id": verification_id,
        "user": UserId("alice"),
        "case": case.id,
        "ial": 1,
        "at": 1.0,
        "until": 50.0,
        "verifier": UserId("vera"),
        "account_name": "Alice Adams",
        "checks": ("notice-given",),
        "verified_claims": claims_of_case(
            case, ial=1, claims=CLAIMS, organisation="example", at=1.0
        ),
    }
    return Verification(**(fields | changed))  # type: ignore[arg-type]
