"""Records an identity as verified: the one act by which it becomes a fact for policies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

import msgspec

from doorward.administrator.control_plane import Act, Effect, effect
from doorward.administrator.identity.checklist import CHECKS
from doorward.administrator.identity.claims_of_case import claims_of_case
from doorward.administrator.identity.records import (
    Case,
    End,
    Proposal,
    Verification,
    is_contact_of,
)
from doorward.administrator.identity.rules import Assessment, assess
from doorward.administrator.mail import Notice
from doorward.administrator.notices import notify_person
from doorward.administrator.ports import Transaction
from doorward.administrator.proofing.cases import audit_case, closed
from doorward.administrator.proofing.parts import DAY_SECONDS, Proofing
from doorward.administrator.targets import standing_of
from doorward.errors import DoorwardError
from doorward.model.estate import User
from doorward.model.ids import UnixSeconds, UserId
from doorward.model.snapshot import change


@dataclass(frozen=True, slots=True)
class Approved:
    """What was decided, and its effect."""

    verification: Verification
    effect: Effect


async def assessment_of(transaction: Transaction, case: Case, now: UnixSeconds) -> Assessment:
    """What the case reaches now; a person who is no more has no verified address."""
    person = await transaction.snapshot.get("user", case.subject)
    email = person.email if isinstance(person, User) else ""
    contact = await transaction.identity.contacts.of(case.subject)
    return assess(
        case.method,
        case.evidence,
        attributes=case.attributes,
        contact_verified=is_contact_of(contact, email),
        on=datetime.fromtimestamp(now, UTC).date(),
    )


async def require_reached(transaction: Transaction, case: Case, now: UnixSeconds) -> int:
    """The level that the case reaches now.

    Raises DoorwardError `user-disabled`, `evidence-insufficient`.
    """
    if (await standing_of(transaction, case.subject)).disabled:
        raise DoorwardError(
            "user-disabled", f"`{case.subject}` is disabled.", "Reject or withdraw the case."
        )
    assessment = await assessment_of(transaction, case, now)
    if not assessment.ial:
        raise DoorwardError(
            "evidence-insufficient",
            f"This reaches no level yet: {', '.join(assessment.missing)}.",
            "Record what is missing, or reject the case.",
        )
    return assessment.ial


async def record_verification(
    proofing: Proofing,
    transaction: Transaction,
    act: Act,
    case: Case,
    person: User,
    decision: Proposal,
    second: UserId | Literal[""] = "",
) -> tuple[Verification, int]:
    """The verification, and the number of the snapshot from which it counts.

    Record, standing and audit entry are written in `transaction`; a verification from before is
    superseded. `decision` is the first verifier's, `second` who confirmed it.
    """
    verification = _verification(proofing, act.at, case, person, decision, second)
    for stored in await transaction.identity.verifications.of(person.id):
        if stored.end is None:
            await transaction.identity.verifications.end(
                End(
                    verification=stored.verification.id,
                    kind="superseded",
                    at=act.at,
                    by=act.actor,
                    reason=verification.id,
                )
            )
    await transaction.identity.verifications.add(verification)
    await transaction.identity.cases.put(closed(case, act, "approved", verification.id))
    proofed = msgspec.structs.replace(
        await standing_of(transaction, person.id),
        ial=verification.ial,
        ial_until=verification.until,
    )
    number = await transaction.snapshot.publish([change("standing", proofed)])
    await audit_case(
        transaction,
        act,
        "identity-verified",
        case,
        verification=verification.id,
        ial=str(verification.ial),
        until=str(int(verification.until)),
        method=case.method,
        verifier=verification.verifier,
        **({"second": second} if second else {}),
    )
    return verification, number


async def told(
    proofing: Proofing, person: User, verification: Verification, number: int
) -> Approved:
    """Wait for the gateways, and tell the person."""
    done = await effect(proofing.control, number)
    await notify_person(proofing.control, person, _good_news(proofing, person, verification))
    return Approved(verification, done)


def _verification(
    proofing: Proofing,
    at: UnixSeconds,
    case: Case,
    person: User,
    decision: Proposal,
    second: UserId | Literal[""],
) -> Verification:
    return Verification(
        id=proofing.control.secrets.id("idv"),
        user=person.id,
        case=case.id,
        ial=decision.ial,
        at=at,
        until=good_until(case, at, proofing.proofing_days),
        verifier=decision.by,
        second_verifier=second,
        account_name=person.name,
        checks=CHECKS[case.method],
        verified_claims=claims_of_case(
            case,
            ial=decision.ial,
            claims=decision.claims,
            organisation=proofing.organisation,
            at=at,
            confirmed=bool(second),
        ),
    )


def good_until(case: Case, at: UnixSeconds, proofing_days: int) -> UnixSeconds:
    """The day that its first evidence expires, 0:00 UTC, and `proofing_days` from now at most."""
    days = [_midnight(item.expires_on) for item in case.evidence if item.expires_on is not None]
    return min([at + proofing_days * DAY_SECONDS, *days])


def _midnight(day: date) -> UnixSeconds:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


def _good_news(proofing: Proofing, person: User, verification: Verification) -> Notice:
    until = datetime.fromtimestamp(verification.until, UTC).date().isoformat()
    day = datetime.fromtimestamp(verification.at, UTC).date().isoformat()
    return Notice(
        subject=f"{proofing.organisation}: your identity was verified",
        text=(
            f"Hello {person.name},\n\n"
            f"{proofing.organisation} verified your identity on {day}. It counts until {until}.\n"
            "What was recorded you find on your identity page, where you sign in. Documents were "
            "looked at and not copied.\n\n"
            "If this was not you, answer at once to the people who run doorward at "
            f"{proofing.organisation}, and name {verification.id}.\n"
        ),
    )
