"""Approve or reject a case. Where two must agree, approving it asks for the second."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from doorward.administrator.identity.checklist import CHECKS
from doorward.administrator.identity.records import Case, Proposal
from doorward.administrator.identity.verified_claims import Claims
from doorward.administrator.mail import Notice
from doorward.administrator.notices import notify_person
from doorward.administrator.ports import Transaction
from doorward.administrator.proofing.cases import audit_case, closed, open_case_named
from doorward.administrator.proofing.parts import Proofing
from doorward.administrator.proofing.record_verification import (
    Approved,
    record_verification,
    require_reached,
    told,
)
from doorward.administrator.proofing.verifiers import Desk, require_fresh, require_verifier
from doorward.administrator.proofing.work_case import require_own, require_undecided
from doorward.administrator.settled import settled
from doorward.administrator.targets import user_named
from doorward.errors import DoorwardError
from doorward.model.estate import User


async def approve_case(
    proofing: Proofing, desk: Desk, case_id: str, claims: Claims, checks: Collection[str]
) -> Approved | Case:
    """Record the identity as verified, at the level that the evidence reaches.

    Where that level takes two verifiers, nothing is verified yet: the answer is the case, which
    keeps the decision until a second verifier confirms it (`confirm_case`) or rejects the case.
    `checks` are the codes of the checklist that the verifier confirmed.
    Raises those of `require_verifier` and `open_case_named`, `verifier-stale`, `case-of-another`,
    `case-decided`, `user-disabled`, `checklist-incomplete`, `evidence-insufficient`,
    `request-invalid`.
    """
    act = desk.act
    if not claims.given_name.strip() or not claims.family_name.strip():
        raise DoorwardError(
            "request-invalid", "A verified person has a name.", "Write it as the evidence has it."
        )
    async with proofing.control.store.transaction() as transaction:
        case, person = await _to_decide(proofing, transaction, desk, case_id)
        require_own(case, desk.person)
        require_undecided(case)
        case = msgspec.structs.replace(case, verifier=desk.person)
        _require_checks(case, checks)
        ial = await require_reached(transaction, case, act.at)
        decision = Proposal(by=desk.person, at=act.at, ial=ial, claims=claims)
        if proofing.needs_second(ial):
            waiting = msgspec.structs.replace(case, proposal=decision)
            await transaction.identity.cases.put(waiting)
            await audit_case(transaction, act, "identity-case-proposed", waiting, ial=str(ial))
            return waiting
        recorded = await record_verification(proofing, transaction, act, case, person, decision)
    return await told(proofing, person, *recorded)


async def reject_case(proofing: Proofing, desk: Desk, case_id: str, reason: str) -> Case:
    """Close the case without a verification; what stood before stands.

    While a case waits for a second verifier, any other than its own may do that too.
    Raises those of `approve_case`; `request-invalid` without a reason.
    """
    if not reason.strip():
        raise DoorwardError(
            "request-invalid", "A rejection has a reason.", "Say what was wrong, in one sentence."
        )
    async with proofing.control.store.transaction() as transaction:
        case, person = await _to_decide(proofing, transaction, desk, case_id)
        if case.proposal is None:
            require_own(case, desk.person)
            case = msgspec.structs.replace(case, verifier=desk.person)
        rejected = closed(case, desk.act, "rejected", reason.strip())
        await transaction.identity.cases.put(rejected)
        await audit_case(
            transaction, desk.act, "identity-case-rejected", rejected, reason=rejected.reason
        )
    await notify_person(proofing.control, person, _bad_news(proofing, person))
    return rejected


async def _to_decide(
    proofing: Proofing, transaction: Transaction, desk: Desk, case_id: str
) -> tuple[Case, User]:
    case = await open_case_named(transaction, case_id, desk.act.at)
    await require_verifier(proofing, transaction, desk, case.subject)
    require_fresh(await settled(proofing.control, transaction), desk)
    return case, await user_named(transaction, case.subject)


def _require_checks(case: Case, checks: Collection[str]) -> None:
    left = [check for check in CHECKS[case.method] if check not in checks]
    if left:
        raise DoorwardError(
            "checklist-incomplete",
            f"Not all of the checklist is confirmed: {', '.join(left)}.",
            "Do what is missing and confirm it, or reject the case.",
        )


def _bad_news(proofing: Proofing, person: User) -> Notice:
    return Notice(
        subject=f"{proofing.organisation}: your identity could not be verified",
        text=(
            f"Hello {person.name},\n\n"
            "The attempt to verify your identity was closed without success. You can ask for a "
            "new one on your identity page, where you sign in. If you think that this is a "
            f"mistake, ask the people who run doorward at {proofing.organisation}.\n"
        ),
    )
