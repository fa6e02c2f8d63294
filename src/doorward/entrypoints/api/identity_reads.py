"""Records of identity verification, in the API's shapes. Pure; the console shows the same."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from doorward.administrator.handover import Owned
from doorward.administrator.identity.checklist import CHECKS
from doorward.administrator.identity.evidence import Evidence, strength_of
from doorward.administrator.identity.records import (
    Case,
    Proposal,
    StoredVerification,
    Training,
    Verification,
)
from doorward.administrator.identity.rules import Assessment
from doorward.administrator.proofing.sweep_identity import needs_review
from doorward.administrator.proofing.verifiers import holds_role
from doorward.administrator.reach import Move, Reach
from doorward.entrypoints.api.identity_views import (
    CaseView,
    EvidenceView,
    MoveView,
    OwnedView,
    ProposalView,
    ReachView,
    VerificationDetail,
    VerificationView,
    VerifierView,
)
from doorward.model.ids import RoleId, UnixSeconds
from doorward.model.snapshot import Snapshot


def case_view(
    case: Case, assessment: Assessment, snapshot: Snapshot, *, decides: bool = False
) -> CaseView:
    """A case and what it reaches; for one who `decides` it, what the first of two found."""
    person = snapshot.users.get(case.subject)
    return CaseView.model_validate(
        {
            **msgspec.structs.asdict(case),
            "name": person.name if person else "",
            "email": person.email if person else "",
            "proposal": case.proposal and _proposal_view(case.proposal, decides=decides),
            "evidence": [_evidence_view(item) for item in case.evidence],
            "ial": assessment.ial,
            "missing": assessment.missing,
            "checklist": CHECKS[case.method],
        }
    )


def _proposal_view(proposal: Proposal, *, decides: bool) -> ProposalView:
    claims = proposal.claims if decides else None
    return ProposalView.model_validate({**msgspec.structs.asdict(proposal), "claims": claims})


def _evidence_view(item: Evidence) -> EvidenceView:
    return EvidenceView.model_validate(
        {**msgspec.structs.asdict(item), "strength": strength_of(item)}
    )


def verification_view(stored: StoredVerification, snapshot: Snapshot) -> VerificationView:
    """A verification, without the record itself."""
    return VerificationView.model_validate(_verification_fields(stored, snapshot))


def verification_detail(stored: StoredVerification, snapshot: Snapshot) -> VerificationDetail:
    """A verification with its `verified_claims`."""
    item = stored.verification
    return VerificationDetail.model_validate(
        {
            **_verification_fields(stored, snapshot),
            "checks": item.checks,
            "verified_claims": msgspec.json.decode(msgspec.json.encode(item.verified_claims)),
        }
    )


def live_views(items: Sequence[Verification], snapshot: Snapshot) -> list[VerificationView]:
    """Verifications that have not ended."""
    return [verification_view(StoredVerification(verification=item), snapshot) for item in items]


def _verification_fields(stored: StoredVerification, snapshot: Snapshot) -> dict[str, object]:
    item = stored.verification
    return {
        **msgspec.structs.asdict(item),
        "other_name": needs_review(item, snapshot.users.get(item.user)),
        "end": stored.end,
    }


def verifier_views(
    trainings: Sequence[Training], snapshot: Snapshot, role: RoleId, now: UnixSeconds
) -> list[VerifierView]:
    """Everyone with a record of training, by id."""
    return [
        VerifierView.model_validate(
            {
                **msgspec.structs.asdict(item),
                "qualified": now < item.expires_at and holds_role(snapshot, item.user, role),
            }
        )
        for item in trainings
    ]


def owned_view(owned: Owned) -> OwnedView:
    """What a person answers for."""
    return OwnedView.model_validate(owned)


def reach_view(reach: Reach) -> ReachView:
    """One line of a forecast."""
    return ReachView.model_validate(reach)


def move_view(move: Move) -> MoveView:
    """One line of what a move changes."""
    return MoveView(
        resource=move.after.resource,
        action=move.after.action,
        gained=move.gained,
        before=reach_view(move.before),
        after=reach_view(move.after),
    )
