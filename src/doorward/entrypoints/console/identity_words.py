"""Identity verification in plain words, for verifiers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from doorward.administrator.identity.checklist import Check
from doorward.administrator.identity.evidence import (
    AttributeCheck,
    CaseMethod,
    EvidenceKind,
    Ownership,
    Strength,
    Validation,
)
from doorward.administrator.identity.records import CaseState, EndKind
from doorward.administrator.identity.rules import Shortfall

METHODS: Mapping[CaseMethod, str] = MappingProxyType(
    {"onsite": "On site", "video": "By video", "documents": "From documents"}
)
KINDS: Mapping[EvidenceKind, str] = MappingProxyType(
    {
        "passport": "Passport",
        "identity-card": "Identity card",
        "residence-permit": "Residence permit",
        "driving-licence": "Driving licence",
        "digital-identity": "Digital identity (eID, wallet)",
        "company-card": "Company card with a portrait",
        "bank-account": "Bank account",
        "phone-account": "Phone account",
        "employment-record": "Employment record (supports, does not count)",
        "vouch": "Somebody vouches (supports, does not count)",
    }
)
STRENGTHS: Mapping[Strength, str] = MappingProxyType(
    {"supporting": "supporting", "fair": "FAIR", "strong": "STRONG", "superior": "SUPERIOR"}
)
VALIDATIONS: Mapping[Validation, str] = MappingProxyType(
    {
        "inspected": "Looked at its security features",
        "handled": "Looked at and felt its security features",
        "scanned": "A document scanner accepted it",
        "signature": "Verified its issuer's digital signature (chip, eID)",
    }
)
OWNERSHIPS: Mapping[Ownership, str] = MappingProxyType(
    {
        "compared": "Compared the face with the portrait",
        "code-to-address": "A code sent to its validated e-mail address or phone came back",
        "code-to-postal-address": "A code sent to its validated postal address came back",
        "micro-transaction": "The amount of a small payment came back",
        "sign-in-aal2": "Signed in to its account (AAL2, FAL2)",
        "sign-in-aal3": "Signed in to its account with hardware (AAL3, FAL2)",
    }
)
ATTRIBUTES: Mapping[AttributeCheck, str] = MappingProxyType(
    {
        "source": "An authoritative or credible source",
        "signed": "The issuer's signature on the evidence",
    }
)
SHORTFALLS: Mapping[Shortfall, str] = MappingProxyType(
    {
        "contact-unverified": "The person has not verified their e-mail address: they do it on "
        "their own identity page.",
        "evidence-missing": "No evidence that counts is recorded.",
        "evidence-expired": "A piece of evidence has expired. Take it out, or ask for another.",
        "evidence-unvalidated": "Not every piece was found genuine.",
        "attributes-unchecked": "Name and number were not checked with a source.",
        "ownership-unverified": "No piece was found to be the person's own.",
        "evidence-too-weak": "It takes a SUPERIOR piece, or a STRONG one and another.",
        "ownership-of-each-unverified": "Not every piece was found to be the person's own, in a "
        "way that is good enough for its strength.",
    }
)
CHECKS: Mapping[Check, str] = MappingProxyType(
    {
        "notice-given": "I told the person why this is done, what is kept, and for how long.",
        "same-name": "The names on all evidence are of one person, and of this account.",
        "not-deceased": "The source says nothing of the person's having died.",
        "no-coercion": "I saw no sign of manipulation, coercion or a rehearsed story.",
        "private-place": "We were in a place where nobody else could watch or steer.",
        "channel-protected": "The call was encrypted, and I know that it was with this person.",
        "in-view": "The person stayed in view the whole time.",
        "challenge-answered": "I asked for things that no recording could foresee.",
        "codes-returned": "Codes and sign-ins came back from the person, in time and once.",
    }
)
GUIDES: Mapping[CaseMethod, tuple[str, ...]] = MappingProxyType(
    {
        "onsite": (
            "Meet where nobody else watches. Say why you ask, what is kept, and for how long.",
            (
                "Take each document into your hands. Look at its security features with lens and "
                "ultraviolet light, feel the print, look for tampering; read its chip if you can."
            ),
            "Compare the face with the portrait on each document that has one.",
            (
                "Check name and number with the issuing office or another source, and that the "
                "person is not recorded as deceased."
            ),
            "Record each piece below. Copy nothing and photograph nothing.",
        ),
        "video": (
            "Call the person yourself, over an encrypted call. Record nothing without consent.",
            "Say why you ask, what is kept, and for how long.",
            (
                "Let the person hold each document to the camera and tilt it. Ask for moves that "
                "no recording could foresee: turn the head, a hand before the face, another order."
            ),
            "Keep the person in view all the time; if the picture breaks off, begin again.",
            "Compare the face with the portrait on each document that has one.",
            (
                "Check name and number with the issuing office or another source, and that the "
                "person is not recorded as deceased."
            ),
        ),
        "documents": (
            (
                "Nobody is seen here, so no face can be compared: only codes that were sent to a "
                "validated address, small payments and sign-ins show whose evidence it is."
            ),
            (
                "Send codes only to addresses that a source has for the person, never to one that "
                "they give you."
            ),
            "Verify digital signatures where there are any: they count for more.",
            (
                "Check name and number with the issuing office or another source, and that the "
                "person is not recorded as deceased."
            ),
        ),
    }
)
STATES: Mapping[CaseState, str] = MappingProxyType(
    {
        "open": "Open",
        "approved": "Approved",
        "rejected": "Rejected",
        "withdrawn": "Withdrawn",
        "expired": "Expired",
    }
)
ENDS: Mapping[EndKind, str] = MappingProxyType(
    {
        "revoked": "Revoked",
        "expired": "Ran out",
        "superseded": "Superseded",
        "left": "The person left",
    }
)
