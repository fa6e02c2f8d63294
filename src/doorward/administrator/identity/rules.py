"""Which evidence, checked how, reaches which identity assurance level (SP 800-63A-4, section 4).

The rules, in order; each level needs all of those before it.

IAL 1:
1. the person's e-mail address is verified (3.1.10: the notice of proofing goes there);
2. there is evidence that counts, fair or better (4.1.2);
3. none of it has expired: stricter than the standard, which leaves that to the operator;
4. each piece was found genuine, by a technique that the method of the case allows (4.1.4);
5. the person's attributes were checked, by a source or by the issuer's signature (4.1.5);
6. one piece was found to be the person's own (4.1.6).

IAL 2:
7. one piece is superior, or one is strong and another fair or better (4.2.2);
8. each piece was found to be the person's own, in a way that its strength allows (4.2.6).

IAL 3 needs a biometric sample that is kept (4.3.3). doorward keeps none: it is out of reach.
From documents alone nobody's face is compared, since no live person was seen. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Literal

from doorward.administrator.identity.evidence import (
    KINDS,
    AttributeCheck,
    CaseMethod,
    Evidence,
    Ownership,
    Strength,
    Validation,
    strength_of,
)

HIGHEST = 2
"""The highest level that a case can reach."""

Shortfall = Literal[
    "contact-unverified",
    "evidence-missing",
    "evidence-expired",
    "evidence-unvalidated",
    "attributes-unchecked",
    "ownership-unverified",
    "evidence-too-weak",
    "ownership-of-each-unverified",
]

_CODES: frozenset[Ownership] = frozenset({"code-to-address", "micro-transaction"})
_SIGN_IN: frozenset[Ownership] = frozenset({"sign-in-aal2", "sign-in-aal3"})
_STRONG: frozenset[Ownership] = _SIGN_IN | {"compared", "code-to-postal-address"}

OWNERSHIP_AT_TWO: Mapping[Strength, frozenset[Ownership]] = MappingProxyType(
    {
        "supporting": frozenset(),
        "fair": _STRONG | _CODES,
        "strong": _STRONG,
        "superior": frozenset({"compared", "code-to-postal-address", "sign-in-aal3"}),
    }
)
"""4.2.6, the non-biometric and the digital pathway together."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """The level that a case reaches, and all that it lacks for the next; nothing at the highest."""

    ial: int
    missing: tuple[Shortfall, ...]


def validations(item: Evidence, method: CaseMethod) -> frozenset[Validation]:
    """The techniques that can find it genuine in a case of this method."""
    facts = KINDS[item.kind]
    found: set[Validation] = {"signature"} if facts.signed else set()
    if facts.physical:
        found |= {"inspected", "scanned"}
        if method == "onsite":
            found.add("handled")
    return frozenset(found)


def ownerships(item: Evidence, method: CaseMethod) -> frozenset[Ownership]:
    """The ways that can find it to be the person's own in a case of this method, at IAL 1."""
    facts = KINDS[item.kind]
    if facts.strength == "supporting":
        return frozenset()
    found: set[Ownership] = {"code-to-address", "code-to-postal-address", *_SIGN_IN}
    if facts.portrait and method != "documents":
        found.add("compared")
    if item.kind == "bank-account":
        found.add("micro-transaction")
    return frozenset(found)


def assess(
    method: CaseMethod,
    evidence: Sequence[Evidence],
    *,
    attributes: AttributeCheck | Literal[""],
    contact_verified: bool,
    on: date,
) -> Assessment:
    """What a case reaches on that day, in UTC."""
    counted = [item for item in evidence if KINDS[item.kind].strength != "supporting"]
    first = _first(method, counted, attributes, contact_verified=contact_verified, on=on)
    if first:
        return Assessment(0, first)
    second = _second(method, counted)
    return Assessment(1, second) if second else Assessment(HIGHEST, ())


def _first(
    method: CaseMethod,
    counted: Sequence[Evidence],
    attributes: AttributeCheck | Literal[""],
    *,
    contact_verified: bool,
    on: date,
) -> tuple[Shortfall, ...]:
    signed = any(strength_of(item) == "superior" for item in counted)
    rules: list[tuple[Shortfall, bool]] = [
        ("contact-unverified", contact_verified),  # 1
        ("evidence-missing", bool(counted)),  # 2
        ("evidence-expired", all(_lasts(item, on) for item in counted)),  # 3
        ("evidence-unvalidated", all(i.validated in validations(i, method) for i in counted)),  # 4
        (
            "attributes-unchecked",
            attributes == "source" or (attributes == "signed" and signed),
        ),  # 5
        ("ownership-unverified", any(i.owned in ownerships(i, method) for i in counted)),  # 6
    ]
    return tuple(name for name, kept in rules if not kept)


def _second(method: CaseMethod, counted: Sequence[Evidence]) -> tuple[Shortfall, ...]:
    strengths = [strength_of(item) for item in counted]
    enough = "superior" in strengths or ("strong" in strengths and len(strengths) > 1)
    owned = all(
        item.owned in ownerships(item, method) & OWNERSHIP_AT_TWO[strength_of(item)]
        for item in counted
    )
    rules: list[tuple[Shortfall, bool]] = [
        ("evidence-too-weak", enough),  # 7
        ("ownership-of-each-unverified", owned),  # 8
    ]
    return tuple(name for name, kept in rules if not kept)


def _lasts(item: Evidence, on: date) -> bool:
    """The day on which it expires no longer counts: somewhere it is tomorrow already."""
    return item.expires_on is None or on < item.expires_on
