"""What the API answers about identity verification: its public shapes.

No document's number is among them, nor its hash: at most its last four characters.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import JsonValue

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
from doorward.entrypoints.api.views import EffectView, View


class EvidenceView(View):
    """A piece of evidence, what it counts for, and how it was checked."""

    id: str
    kind: EvidenceKind
    strength: Strength
    issuer: str
    country: str
    number_end: str
    issued_on: date | None
    expires_on: date | None
    validated: Validation | Literal[""]
    owned: Ownership | Literal[""]
    recorded_at: datetime
    recorded_by: str


class ClaimsView(View):
    """Who a verifier found the person to be, as the evidence has it."""

    given_name: str
    family_name: str
    birthdate: date | None


class ProposalView(View):
    """What the first of two verifiers decided.

    `claims` are there for whoever may decide the case now, and for nobody else.
    """

    by: str
    at: datetime
    ial: int
    claims: ClaimsView | None = None


class CaseView(View):
    """A proofing case; `ial` is what it reaches now, `missing` what it lacks for the next level.

    `checklist` is what its verifier confirms on approving it. An open case with a `proposal`
    waits for a second verifier. `name` and `email` are the account's now, empty where it is gone.
    """

    id: str
    subject: str
    name: str = ""
    email: str = ""
    method: CaseMethod
    state: CaseState
    verifier: str
    opened_at: datetime
    opened_by: str
    expires_at: datetime
    closed_at: datetime | None
    closed_by: str
    reason: str
    evidence: tuple[EvidenceView, ...]
    attributes: AttributeCheck | Literal[""]
    attribute_source: str
    ial: int
    missing: tuple[Shortfall, ...]
    checklist: tuple[Check, ...]
    proposal: ProposalView | None


class EndView(View):
    """Why and when a verification ended."""

    kind: EndKind
    at: datetime
    by: str
    reason: str


class VerificationView(View):
    """A verified identity. `other_name` where the account has another name since."""

    id: str
    user: str
    case: str
    ial: int
    at: datetime
    until: datetime
    verifier: str
    second_verifier: str
    account_name: str
    other_name: bool
    end: EndView | None


class VerificationDetail(VerificationView):
    """With the record itself, in the form of OpenID Identity Assurance."""

    checks: tuple[str, ...]
    verified_claims: dict[str, JsonValue]


class ApprovedView(View):
    """What an approval recorded, and its effect."""

    verification: VerificationDetail
    effect: EffectView


class VerifierView(View):
    """Somebody with a record of training; they verify while `qualified`."""

    user: str
    trained_at: datetime
    expires_at: datetime
    recorded_by: str
    qualified: bool


class EndedView(View):
    """How many of what ended."""

    what: str
    count: int


class OwnedView(View):
    """What a person answers for, to be handed over."""

    user: str
    resources: tuple[str, ...]
    services: tuple[str, ...]
    policies: tuple[str, ...]
    cases: tuple[str, ...]


class LeftView(View):
    """What ended with a person who left, and what they owned."""

    ended: tuple[EndedView, ...]
    owned: OwnedView
    effect: EffectView


class ReachView(View):
    """A forecast: whether a resource would open, or after which remedies."""

    resource: str
    action: str
    open: bool
    needs: tuple[str, ...]


class MoveView(View):
    """A resource and action whose answer would change."""

    resource: str
    action: str
    gained: bool
    before: ReachView
    after: ReachView


class JoinedView(View):
    """An invitation, answered once; `mailed` says whether it was also sent."""

    link: str
    expires_at: datetime
    mailed: bool
    reach: tuple[ReachView, ...]
    missing: tuple[str, ...]
