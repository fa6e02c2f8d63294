"""The record of a verification in the form of OpenID Identity Assurance (schema definition 1.0).

Only what doorward fills in. Members that the specification requires are required here, so that
`decode` refuses what is not of its shape; what it does not know it ignores, as is specified.
"""

from __future__ import annotations

from datetime import date

import msgspec


class Check(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One check of one piece of evidence. `organization` is who made it."""

    check_method: str
    check_id: str
    organization: str = ""
    time: str = ""


class Issuer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who issued a document. `country_code` has three letters (ISO 3166, ICAO 9303)."""

    name: str = ""
    country_code: str = ""


class DocumentDetails(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A document, without its number."""

    type: str
    date_of_issuance: date | None = None
    date_of_expiry: date | None = None
    issuer: Issuer | None = None


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An electronic record."""

    type: str
    date_of_expiry: date | None = None
    source: Issuer | None = None


class Voucher(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who vouched."""

    name: str = ""


class Attestation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody said who vouched."""

    type: str
    date_of_issuance: date | None = None
    voucher: Voucher | None = None


class Document(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="document"
):
    """A document that the person showed."""

    document_details: DocumentDetails
    check_details: tuple[Check, ...] = ()


class ElectronicRecord(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    tag_field="type",
    tag="electronic_record",
):
    """A record that a source holds of the person."""

    record: Record
    check_details: tuple[Check, ...] = ()


class Vouch(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="vouch"
):
    """Somebody's word for the person."""

    attestation: Attestation
    check_details: tuple[Check, ...] = ()


class EvidenceRef(msgspec.Struct, frozen=True, kw_only=True):
    """Names a check by its `check_id`."""

    check_id: str


class AssuranceDetail(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of the process some checks fulfil, and how they were classed."""

    assurance_type: str
    assurance_classification: str
    evidence_ref: tuple[EvidenceRef, ...]


class AssuranceProcess(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The policy that was followed, the procedure within it, and how the evidence meets it."""

    policy: str
    procedure: str
    assurance_details: tuple[AssuranceDetail, ...] = ()


class VerificationElement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the claims came to be verified. `time` is RFC 3339 in UTC."""

    trust_framework: str
    assurance_level: str
    assurance_process: AssuranceProcess
    time: str
    verification_process: str
    evidence: tuple[Document | ElectronicRecord | Vouch, ...] = ()


class Claims(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was verified: no more than is needed."""

    given_name: str
    family_name: str
    birthdate: date | None = None


class VerifiedClaims(msgspec.Struct, frozen=True, kw_only=True):
    """The value of `verified_claims`."""

    verification: VerificationElement
    claims: Claims


_decoder = msgspec.json.Decoder(VerifiedClaims)


def decode(body: bytes | msgspec.Raw) -> VerifiedClaims:
    """Raises msgspec.DecodeError where the shape is not that of the specification."""
    return _decoder.decode(body)
