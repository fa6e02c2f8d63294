"""Identity evidence: what a person shows, and how a verifier checked it (SP 800-63A-4, 2.4)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Literal, NamedTuple

import msgspec

from doorward.model.ids import UnixSeconds, UserId

CaseMethod = Literal["onsite", "video", "documents"]
"""Where verifier and person meet: in one room, in a live video call, or not at all."""

EvidenceKind = Literal[
    "passport",
    "identity-card",
    "residence-permit",
    "driving-licence",
    "digital-identity",
    "company-card",
    "bank-account",
    "phone-account",
    "employment-record",
    "vouch",
]
Strength = Literal["supporting", "fair", "strong", "superior"]
Validation = Literal["inspected", "handled", "scanned", "signature"]
"""How it was found genuine: by eye, by hand, by a scanner, by its issuer's digital signature."""

Ownership = Literal[
    "compared",
    "code-to-address",
    "code-to-postal-address",
    "micro-transaction",
    "sign-in-aal2",
    "sign-in-aal3",
]
"""How it was found to be the person's own: by comparing faces, by returning a code or an amount
that was sent to the evidence's validated address or account, by signing in to that account."""

AttributeCheck = Literal["source", "signed"]
"""Against what the person's attributes were checked: an authoritative or credible source, or the
issuer's signature on superior evidence."""


class KindFacts(NamedTuple):
    """What a kind of evidence can be. `strength` is the most it can count for."""

    strength: Strength
    portrait: bool
    physical: bool
    signed: bool


KINDS: Mapping[EvidenceKind, KindFacts] = MappingProxyType(
    {
        "passport": KindFacts("superior", portrait=True, physical=True, signed=True),
        "identity-card": KindFacts("superior", portrait=True, physical=True, signed=True),
        "residence-permit": KindFacts("superior", portrait=True, physical=True, signed=True),
        "driving-licence": KindFacts("strong", portrait=True, physical=True, signed=False),
        "digital-identity": KindFacts("superior", portrait=False, physical=False, signed=True),
        "company-card": KindFacts("fair", portrait=True, physical=True, signed=True),
        "bank-account": KindFacts("fair", portrait=False, physical=False, signed=True),
        "phone-account": KindFacts("fair", portrait=False, physical=False, signed=True),
        "employment-record": KindFacts("supporting", portrait=False, physical=False, signed=False),
        "vouch": KindFacts("supporting", portrait=False, physical=False, signed=False),
    }
)
"""After the examples in SP 800-63A-4, appendix A. Supporting evidence counts for no level."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One piece of evidence. No image of it is kept, and of its number only a keyed hash.

    `country` is an ISO 3166 code of three letters, or empty. `number_end` are the number's last
    characters, at most four, for people to recognise it by.
    """

    id: str
    kind: EvidenceKind
    issuer: str
    recorded_at: UnixSeconds
    recorded_by: UserId
    country: str = ""
    number_hash: str = ""
    number_end: str = ""
    issued_on: date | None = None
    expires_on: date | None = None
    validated: Validation | Literal[""] = ""
    owned: Ownership | Literal[""] = ""


def strength_of(item: Evidence) -> Strength:
    """What it counts for: superior evidence is strong until its signature was verified."""
    strongest = KINDS[item.kind].strength
    return "strong" if strongest == "superior" and item.validated != "signature" else strongest
