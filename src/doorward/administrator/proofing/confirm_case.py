"""Confirm what another verifier decided: a case that takes two."""

from __future__ import annotations

from doorward.administrator.identity.records import Proposal
from doorward.administrator.ports import Transaction
from doorward.administrator.proofing.cases import open_case_named
from doorward.administrator.proofing.parts import Proofing
from doorward.administrator.proofing.record_verification import (
    Approved,
    record_verification,
    require_reached,
    told,
)
from doorward.administrator.proofing.verifiers import (
    Desk,
    require_fresh,
    require_qualified,
    require_verifier,
)
from doorward.administrator.settled import settled
from doorward.administrator.targets import standing_of, user_named
from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds, UserId


async def confirm_case(proofing: Proofing, desk: Desk, case_id: str) -> Approved:
    """Record the identity as verified, as the first verifier decided.

    The second verifier is another person than the first and than the subject, and as qualified
    and fresh as the first had to be; the first must still be allowed to verify, and the evidence
    must still reach the level that was decided on.
    Raises those of `require_verifier` and `open_case_named`, `verifier-stale`, `case-undecided`,
    `second-verifier-needed`, `first-verifier-unfit`, `user-disabled`, `evidence-insufficient`.
    """
    act = desk.act
    async with proofing.control.store.transaction() as transaction:
        case = await open_case_named(transaction, case_id, act.at)
        second = await require_verifier(proofing, transaction, desk, case.subject)
        if case.proposal is None:
            raise DoorwardError(
                "case-undecided",
                "Nobody has decided this case yet, so there is nothing to confirm.",
                "Let its verifier decide first.",
            )
        require_other(case.proposal, second)
        require_fresh(await settled(proofing.control, transaction), desk)
        await _require_first_fit(proofing, transaction, case.proposal, case.subject, act.at)
        if await require_reached(transaction, case, act.at) < case.proposal.ial:
            raise DoorwardError(
                "evidence-insufficient",
                f"The evidence does not reach IAL {case.proposal.ial} any more.",
                "Reject the case, and open a new one.",
            )
        person = await user_named(transaction, case.subject)
        recorded = await record_verification(
            proofing, transaction, act, case, person, case.proposal, second
        )
    return await told(proofing, person, *recorded)


def require_other(proposal: Proposal, second: UserId) -> None:
    """Raises DoorwardError `second-verifier-needed`: nobody confirms their own decision."""
    if proposal.by == second:
        raise DoorwardError(
            "second-verifier-needed",
            "This level takes two verifiers, and you are the first.",
            "Ask another verifier to look at the case and confirm it.",
        )


async def _require_first_fit(
    proofing: Proofing,
    transaction: Transaction,
    proposal: Proposal,
    subject: UserId,
    at: UnixSeconds,
) -> None:
    try:
        await require_qualified(proofing, transaction, proposal.by, subject, at)
        fit = not (await standing_of(transaction, proposal.by)).disabled
    except DoorwardError:
        fit = False
    if not fit:
        raise DoorwardError(
            "first-verifier-unfit",
            f"`{proposal.by}`, who decided this case, may not verify anybody now.",
            "Reject the case, and open a new one.",
        )
