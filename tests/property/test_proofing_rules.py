"""The rules of identity assurance against a truth table, written from the standard once more."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import date
from typing import NamedTuple, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorward.administrator.identity.checklist import CHECKS
from doorward.administrator.identity.evidence import (
    AttributeCheck,
    CaseMethod,
    Evidence,
    EvidenceKind,
    Ownership,
    Validation,
    strength_of,
)
from doorward.administrator.identity.rules import Assessment, assess
from doorward.administrator.proofing.confirm_case import confirm_case
from doorward.administrator.proofing.decide_case import approve_case, reject_case
from doorward.administrator.proofing.work_case import take_case
from doorward.errors import DoorwardError
from doorward.model.ids import UserId
from tests.fakes.proofing import CLAIMS, an_evidence
from tests.unit.test_proofing import ALICE, BOB, VERA, WILL, a_bureau

TODAY = date(2026, 11, 23)
CHIPS = {"passport", "identity-card", "residence-permit"}
PORTRAITS = CHIPS | {"driving-licence", "company-card"}
NO_CHIP = {"driving-licence"}
DIGITAL = {"digital-identity", "bank-account", "phone-account"}
SUPPORTING = {"employment-record", "vouch"}


def ways(method: str, kind: str, validated: str, owned: str) -> tuple[str, bool, bool, bool]:
    """Strength, genuine, own at IAL 1, own at IAL 2; SP 800-63A-4, 4.1.4, 4.1.6, 4.2.6."""
    if kind in SUPPORTING:
        return "none", False, False, False
    by_hand = validated in {"inspected", "scanned"} or (
        validated == "handled" and method == "onsite"
    )
    genuine = (by_hand and kind in PORTRAITS) or (validated == "signature" and kind not in NO_CHIP)
    if kind in CHIPS | {"digital-identity"}:
        strength = "superior" if validated == "signature" else "strong"
    else:
        strength = "strong" if kind == "driving-licence" else "fair"
    face = owned == "compared" and kind in PORTRAITS and method != "documents"
    amount = owned == "micro-transaction" and kind == "bank-account"
    first = face or amount or owned.startswith(("code-", "sign-in-"))
    second = face or owned in {"code-to-postal-address", "sign-in-aal3"}
    if strength != "superior":
        second = second or owned == "sign-in-aal2"
    if strength == "fair":
        second = second or owned == "code-to-address" or amount
    return strength, genuine, first, second


def truth(method: str, evidence: list[Evidence], attributes: str, contact: bool, on: date) -> int:
    """The level, told plainly."""
    rows = [
        (item, *ways(method, item.kind, item.validated, item.owned))
        for item in evidence
        if item.kind not in SUPPORTING
    ]
    strengths = [row[1] for row in rows]
    checked = attributes == "source" or (attributes == "signed" and "superior" in strengths)
    if not (rows and contact and checked):
        return 0
    if not all(genuine for _, _, genuine, _, _ in rows):
        return 0
    if any(item.expires_on and item.expires_on <= on for item, *_ in rows):
        return 0
    if not any(first for *_, first, _ in rows):
        return 0
    pair = "strong" in strengths and len(rows) >= 2
    if ("superior" in strengths or pair) and all(second for *_, second in rows):
        return 2
    return 1


evidence = st.builds(
    an_evidence,
    kind=st.sampled_from(get_args(EvidenceKind)),
    validated=st.sampled_from(["", *get_args(Validation)]),
    owned=st.sampled_from(["", *get_args(Ownership)]),
    expires_on=st.sampled_from([None, date(2026, 11, 23), date(2026, 11, 24), date(2020, 1, 1)]),
)
good = st.builds(
    an_evidence,
    kind=st.sampled_from(sorted(PORTRAITS)),
    validated=st.sampled_from(["inspected", "signature"]),
    owned=st.sampled_from(["compared", "code-to-postal-address", "sign-in-aal3"]),
)
pieces = st.lists(st.one_of(evidence, good), max_size=4)
methods = st.sampled_from(get_args(CaseMethod))
checks = st.sampled_from(["source", "signed", ""])


def reached(
    method: CaseMethod,
    found: list[Evidence],
    attributes: AttributeCheck = "source",
    contact: bool = True,
) -> Assessment:
    return assess(method, found, attributes=attributes, contact_verified=contact, on=TODAY)


@given(methods, pieces, checks, st.sampled_from([True, True, False]))
def test_the_rules_say_what_the_table_says(
    method: CaseMethod, found: list[Evidence], attributes: AttributeCheck, contact: bool
) -> None:
    assessment = reached(method, found, attributes, contact)
    assert assessment.ial == truth(method, found, attributes, contact, TODAY)
    assert bool(assessment.missing) == (assessment.ial < 2)


@given(methods, pieces)
def test_nothing_reaches_the_third_level(method: CaseMethod, found: list[Evidence]) -> None:
    assert reached(method, found).ial <= 2


@given(methods, st.lists(good, min_size=1, max_size=3))
def test_what_has_expired_never_helps(method: CaseMethod, found: list[Evidence]) -> None:
    expired = [msgspec.structs.replace(item, expires_on=TODAY) for item in found]
    assert reached(method, [*found, expired[0]]).ial == 0


@given(pieces, checks)
def test_what_holds_without_a_face_holds_with_one(
    found: list[Evidence], attributes: AttributeCheck
) -> None:
    """Whatever documents alone reach, a meeting reaches too."""
    alone = reached("documents", found, attributes).ial
    assert reached("video", found, attributes).ial >= alone
    assert reached("onsite", found, attributes).ial >= reached("video", found, attributes).ial


@given(methods, pieces)
def test_without_an_address_that_is_read_nobody_is_verified(
    method: CaseMethod, found: list[Evidence]
) -> None:
    assessment = reached(method, found, contact=False)
    assert assessment.ial == 0
    assert "contact-unverified" in assessment.missing


class Row(NamedTuple):
    method: CaseMethod
    evidence: list[tuple[str, str, str]]
    ial: int


EXAMPLES = [
    Row("onsite", [("passport", "signature", "compared")], 2),
    Row("onsite", [("passport", "inspected", "compared")], 1),
    Row(
        "onsite",
        [("passport", "inspected", "compared"), ("company-card", "handled", "compared")],
        2,
    ),
    Row("onsite", [("company-card", "handled", "compared")], 1),
    Row("onsite", [("driving-licence", "signature", "compared")], 0),
    Row("video", [("identity-card", "handled", "compared")], 0),
    Row("video", [("identity-card", "inspected", "compared")], 1),
    Row(
        "video",
        [
            ("driving-licence", "scanned", "compared"),
            ("bank-account", "signature", "micro-transaction"),
        ],
        2,
    ),
    Row("documents", [("passport", "signature", "compared")], 0),
    Row("documents", [("passport", "signature", "code-to-address")], 1),
    Row("documents", [("passport", "signature", "code-to-postal-address")], 2),
    Row("documents", [("digital-identity", "signature", "sign-in-aal2")], 1),
    Row("documents", [("digital-identity", "signature", "sign-in-aal3")], 2),
    Row("onsite", [("vouch", "inspected", "compared")], 0),
    Row("onsite", [("employment-record", "signature", "code-to-address")], 0),
    Row("onsite", [], 0),
]


@pytest.mark.parametrize("row", EXAMPLES, ids=str)
def test_examples_that_a_verifier_meets(row: Row) -> None:
    found = [
        an_evidence(id=str(number), kind=kind, validated=validated, owned=owned)
        for number, (kind, validated, owned) in enumerate(row.evidence)
    ]
    assert reached(row.method, found).ial == row.ial


def test_a_signature_is_what_makes_evidence_superior() -> None:
    assert strength_of(an_evidence(kind="passport", validated="signature")) == "superior"
    assert strength_of(an_evidence(kind="passport", validated="scanned")) == "strong"
    assert strength_of(an_evidence(kind="driving-licence", validated="inspected")) == "strong"


acts = st.lists(
    st.tuples(
        st.sampled_from(["approve", "confirm", "take", "reject"]),
        st.sampled_from([ALICE, BOB, VERA, WILL]),
    ),
    max_size=6,
)


@settings(max_examples=60)
@given(st.integers(0, 2), acts)
def test_however_acts_follow_each_other_enough_verifiers_agreed(
    second_from: int, sequence: list[tuple[str, UserId]]
) -> None:
    """Two different people who may verify, and neither is the subject; or one, below the level."""
    asyncio.run(_holds(second_from, sequence))


async def _holds(second_from: int, sequence: list[tuple[str, UserId]]) -> None:
    bureau = await a_bureau(second_verifier_from=second_from)
    case = await bureau.worked()
    agreed: set[UserId] = set()
    for act, who in sequence:
        desk = bureau.desk(who)
        with suppress(DoorwardError):
            if act == "approve":
                checks = CHECKS[case.method]
                await approve_case(bureau.proofing, desk, case.id, CLAIMS, checks)
                agreed.add(who)
            elif act == "confirm":
                await confirm_case(bureau.proofing, desk, case.id)
                agreed.add(who)
            elif act == "take":
                await take_case(bureau.proofing, desk, case.id)
            else:
                await reject_case(bureau.proofing, desk, case.id, "no")
    assert agreed <= {VERA, WILL}
    verified = await bureau.stored()
    needed = 2 if second_from else 1
    assert len(verified) == (1 if bureau.standing().ial else 0)
    for stored in verified:
        item = stored.verification
        assert {item.verifier, item.second_verifier} - {""} == agreed
        assert len(agreed) == needed
