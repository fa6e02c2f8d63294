"""Approve or reject a case: the one act by which an identity becomes a fact for policies."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime

import msgspec

from doorward.administrator.control_plane import Effect, effect
from doorward.administrator.identity.checklist import CHECKS
from doorward.administrator.identity.claims_of_case import claims_of_case
from doorward.administrator.identity.records import (
    Case,
    End,
    Verification,
    is_contact_of,
)
from doorward.administrator.identity.rules import Assessment, assess
from doorward.administrator.identity.verified_claims import Claims
from doorward.administrator.mail import Mail, notify
from doorward.administrator.ports import Transaction
from doorward.administrator.proofing.cases import audit_case, closed, open_case_named
from doorward.administrator.proofing.parts import DAY_SECONDS, Proofing
from doorward.administrator.proofing.verifiers import Desk, require_fresh, require_verifier
from doorward.administrator.proofing.work_case import require_own
from doorward.administrator.settled import settled
from doorward.administrator.targets import standing_of, user_named
from doorward.errors import DoorwardError
from doorward.model.estate import User
from doorward.model.ids import UnixSeconds
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


async def approve_case(
    proofing: Proofing, desk: Desk, case_id: str, claims: Claims, checks: Collection[str]
) -> Approved:
    """Record the identity as verified, at the level that the evidence reaches.

    `checks` are the codes of the checklist that the verifier confirmed. Record, standing and
    audit entry are one transaction; a verification from before is superseded.
    Raises those of `require_verifier` and `open_case_named`, `verifier-stale`, `case-of-another`,
    `user-disabled`, `checklist-incomplete`, `evidence-insufficient`, `request-invalid`.
    """
    act, control = desk.act, proofing.control
    if not claims.given_name.strip() or not claims.family_name.strip():
        raise DoorwardError(
            "request-invalid", "A verified person has a name.", "Write it as the evidence has it."
        )
    async with control.store.transaction() as transaction:
        case, person = await _to_decide(proofing, transaction, desk, case_id)
        standing = await standing_of(transaction, case.subject)
        if standing.disabled:
            raise DoorwardError(
                "user-disabled", f"`{person.id}` is disabled.", "Reject or withdraw the case."
            )
        _require_checks(case, checks)
        assessment = await assessment_of(transaction, case, act.at)
        if not assessment.ial:
            raise DoorwardError(
                "evidence-insufficient",
                f"This reaches no level yet: {', '.join(assessment.missing)}.",
                "Record what is missing, or reject the case.",
            )
        verification = _verification(proofing, desk, case, person, claims, assessment.ial)
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
            standing, ial=verification.ial, ial_until=verification.until
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
        )
    done = await effect(control, number)
    await notify(control.mailer, _good_news(proofing, person, verification))
    return Approved(verification, done)


async def reject_case(proofing: Proofing, desk: Desk, case_id: str, reason: str) -> Case:
    """Close the case without a verification; what stood before stands.

    Raises those of `approve_case`; `request-invalid` without a reason.
    """
    if not reason.strip():
        raise DoorwardError(
            "request-invalid", "A rejection has a reason.", "Say what was wrong, in one sentence."
        )
    async with proofing.control.store.transaction() as transaction:
        case, person = await _to_decide(proofing, transaction, desk, case_id)
        rejected = closed(case, desk.act, "rejected", reason.strip())
        await transaction.identity.cases.put(rejected)
        await audit_case(
            transaction, desk.act, "identity-case-rejected", rejected, reason=rejected.reason
        )
    await notify(proofing.control.mailer, _bad_news(proofing, person))
    return rejected


async def _to_decide(
    proofing: Proofing, transaction: Transaction, desk: Desk, case_id: str
) -> tuple[Case, User]:
    case = await open_case_named(transaction, case_id)
    verifier = await require_verifier(proofing, transaction, desk, case.subject)
    require_own(case, verifier)
    require_fresh(await settled(proofing.control, transaction), desk)
    case = msgspec.structs.replace(case, verifier=verifier)
    return case, await user_named(transaction, case.subject)


def _require_checks(case: Case, checks: Collection[str]) -> None:
    left = [check for check in CHECKS[case.method] if check not in checks]
    if left:
        raise DoorwardError(
            "checklist-incomplete",
            f"Not all of the checklist is confirmed: {', '.join(left)}.",
            "Do what is missing and confirm it, or reject the case.",
        )


def _verification(
    proofing: Proofing, desk: Desk, case: Case, person: User, claims: Claims, ial: int
) -> Verification:
    at = desk.act.at
    return Verification(
        id=proofing.control.secrets.id("idv"),
        user=person.id,
        case=case.id,
        ial=ial,
        at=at,
        until=good_until(case, at, proofing.proofing_days),
        verifier=desk.person,
        account_name=person.name,
        checks=CHECKS[case.method],
        verified_claims=claims_of_case(
            case, ial=ial, claims=claims, organisation=proofing.organisation, at=at
        ),
    )


def good_until(case: Case, at: UnixSeconds, proofing_days: int) -> UnixSeconds:
    """The day that its first evidence expires, 0:00 UTC, and `proofing_days` from now at most."""
    days = [_midnight(item.expires_on) for item in case.evidence if item.expires_on is not None]
    return min([at + proofing_days * DAY_SECONDS, *days])


def _midnight(day: date) -> UnixSeconds:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


def _good_news(proofing: Proofing, person: User, verification: Verification) -> Mail:
    until = datetime.fromtimestamp(verification.until, UTC).date().isoformat()
    day = datetime.fromtimestamp(verification.at, UTC).date().isoformat()
    return Mail(
        to=person.email,
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


def _bad_news(proofing: Proofing, person: User) -> Mail:
    return Mail(
        to=person.email,
        subject=f"{proofing.organisation}: your identity could not be verified",
        text=(
            f"Hello {person.name},\n\n"
            "The attempt to verify your identity was closed without success. You can ask for a "
            "new one on your identity page, where you sign in. If you think that this is a "
            f"mistake, ask the people who run doorward at {proofing.organisation}.\n"
        ),
    )
