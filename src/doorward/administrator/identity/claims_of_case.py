"""From a worked case to its `verified_claims`. Pure.

Check methods and evidence types are those of OpenID's register of predefined values where it has
one; `confirmation_code` and `micro_transaction` are doorward's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from doorward.administrator.identity import verified_claims as ida
from doorward.administrator.identity.evidence import (
    CaseMethod,
    Evidence,
    EvidenceKind,
    Ownership,
    Validation,
    strength_of,
)
from doorward.administrator.identity.records import Case
from doorward.model.ids import UnixSeconds

TRUST_FRAMEWORK = "nist_800_63A"
POLICY = "SP 800-63A-4"
_PROCEDURES: Mapping[CaseMethod, str] = MappingProxyType(
    {"onsite": "onsite attended", "video": "remote attended", "documents": "remote, from documents"}
)
_DOCUMENTS: Mapping[EvidenceKind, str] = MappingProxyType(
    {
        "passport": "passport",
        "identity-card": "idcard",
        "residence-permit": "residence_permit",
        "driving-licence": "driving_permit",
        "company-card": "company_card",
    }
)
_RECORDS: Mapping[EvidenceKind, str] = MappingProxyType(
    {
        "digital-identity": "digital_identity",
        "bank-account": "bank_account",
        "phone-account": "mno",
        "employment-record": "employer_record",
    }
)
_OWNERSHIP_METHODS: Mapping[Ownership, str] = MappingProxyType(
    {
        "code-to-address": "confirmation_code",
        "code-to-postal-address": "confirmation_code",
        "micro-transaction": "micro_transaction",
        "sign-in-aal2": "auth",
        "sign-in-aal3": "auth",
    }
)


def claims_of_case(
    case: Case,
    *,
    ial: int,
    claims: ida.Claims,
    organisation: str,
    at: UnixSeconds,
    confirmed: bool = False,
) -> ida.VerifiedClaims:
    """The record of an approved case; `organisation` is who verified.

    `confirmed` says that a second verifier agreed.
    """
    procedure = _PROCEDURES[case.method]
    time = _time(at)
    details = [detail for item in case.evidence for detail in _details(item)]
    return ida.VerifiedClaims(
        verification=ida.VerificationElement(
            trust_framework=TRUST_FRAMEWORK,
            assurance_level=f"ial{ial}",
            assurance_process=ida.AssuranceProcess(
                policy=POLICY,
                procedure=f"{procedure}, confirmed by a second verifier"
                if confirmed
                else procedure,
                assurance_details=tuple(details),
            ),
            time=time,
            verification_process=case.id,
            evidence=tuple(_evidence(item, case.method, organisation) for item in case.evidence),
        ),
        claims=claims,
    )


def _evidence(
    item: Evidence, method: CaseMethod, organisation: str
) -> ida.Document | ida.ElectronicRecord | ida.Vouch:
    checks = _checks(item, method, organisation)
    issuer = ida.Issuer(name=item.issuer, country_code=item.country)
    if item.kind in _DOCUMENTS:
        details = ida.DocumentDetails(
            type=_DOCUMENTS[item.kind],
            date_of_issuance=item.issued_on,
            date_of_expiry=item.expires_on,
            issuer=issuer,
        )
        return ida.Document(document_details=details, check_details=checks)
    if item.kind in _RECORDS:
        record = ida.Record(type=_RECORDS[item.kind], date_of_expiry=item.expires_on, source=issuer)
        return ida.ElectronicRecord(record=record, check_details=checks)
    attestation = ida.Attestation(
        type="written_attestation",
        date_of_issuance=item.issued_on,
        voucher=ida.Voucher(name=item.issuer),
    )
    return ida.Vouch(attestation=attestation, check_details=checks)


def _checks(item: Evidence, method: CaseMethod, organisation: str) -> tuple[ida.Check, ...]:
    found = []
    if item.validated:
        found.append((_validation_method(item.validated, method), f"{item.id}-validated"))
    if item.owned:
        found.append((_ownership_method(item.owned, method), f"{item.id}-owned"))
    return tuple(
        ida.Check(
            check_method=name,
            check_id=check_id,
            organization=organisation,
            time=_time(item.recorded_at),
        )
        for name, check_id in found
    )


def _details(item: Evidence) -> list[ida.AssuranceDetail]:
    parts = [
        ("evidence_validation", item.validated, f"{item.id}-validated"),
        ("verification", item.owned, f"{item.id}-owned"),
    ]
    return [
        ida.AssuranceDetail(
            assurance_type=part,
            assurance_classification=strength_of(item),
            evidence_ref=(ida.EvidenceRef(check_id=check_id),),
        )
        for part, done, check_id in parts
        if done
    ]


def _validation_method(validated: Validation, method: CaseMethod) -> str:
    if validated == "signature":
        return "vcrypt"
    return "vpip" if method == "onsite" and validated != "scanned" else "vri"


def _ownership_method(owned: Ownership, method: CaseMethod) -> str:
    if owned == "compared":
        return "pvp" if method == "onsite" else "pvr"
    return _OWNERSHIP_METHODS[owned]


def _time(at: UnixSeconds) -> str:
    return datetime.fromtimestamp(int(at), UTC).isoformat().replace("+00:00", "Z")
