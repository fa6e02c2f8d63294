"""Console pages of identity verification: cases, verifications, verifiers."""

from __future__ import annotations

from urllib.parse import quote

from starlette.responses import Response

from doorward.administrator.credentials.assurance import VOUCHING_SECONDS
from doorward.administrator.identity import evidence, rules
from doorward.administrator.identity.records import Case
from doorward.administrator.proofing.record_verification import assessment_of
from doorward.administrator.proofing.revoke_verification import verification_named
from doorward.administrator.proofing.verifiers import (
    Desk,
    hindrance,
    is_fresh,
)
from doorward.entrypoints.api import identity_reads
from doorward.entrypoints.console import identity_words as words
from doorward.entrypoints.console.visit import Visit
from doorward.errors import DoorwardError
from doorward.model.ids import SessionId

_SOON_SECONDS = 30 * 86_400
_SHOWN = 200


async def overview(visit: Visit) -> Response:
    """Open cases, verifications in force, and who may verify."""
    async with visit.context.control.store.transaction() as transaction:
        open_cases = await transaction.identity.cases.open()
        live = await transaction.identity.verifications.live()
        trainings = await transaction.identity.trainings.all()
        reached = {
            case.id: (await assessment_of(transaction, case, visit.now)) for case in open_cases
        }
    role = visit.context.proofing.verifier_role
    return visit.page(
        "identity.html",
        words=words,
        cases=[
            identity_reads.case_view(case, reached[case.id], visit.snapshot) for case in open_cases
        ],
        verifications=identity_reads.live_views(live[:_SHOWN], visit.snapshot),
        more=max(0, len(live) - _SHOWN),
        soon=visit.now + _SOON_SECONDS,
        verifiers=identity_reads.verifier_views(trainings, visit.snapshot, role, visit.now),
        role=role,
    )


async def verifiers(visit: Visit) -> Response:
    """Who may verify, and recording that somebody was trained: for those who manage people.

    A page of its own, since they need not see any case, and those who work cases make no verifiers.
    """
    async with visit.context.control.store.transaction() as transaction:
        trainings = await transaction.identity.trainings.all()
    role = visit.context.proofing.verifier_role
    return visit.page(
        "verifiers.html",
        verifiers=identity_reads.verifier_views(trainings, visit.snapshot, role, visit.now),
        role=role,
        people=sorted(item.id for item in visit.snapshot.users.values() if role in item.roles),
    )


async def case(visit: Visit) -> Response:
    """One case, and what its verifier may do with it now."""
    case_id = visit.request.path_params["case"]
    async with visit.context.control.store.transaction() as transaction:
        found = await transaction.identity.cases.get(case_id)
        if found is None:
            raise DoorwardError("case-unknown", "There is no such case.", "See under Identity.")
        reached = await assessment_of(transaction, found, visit.now)
        hindered = await hindrance(visit.context.proofing, transaction, desk(visit), found.subject)
    fresh = hindered is None and is_fresh(visit.snapshot, desk(visit))
    decides = fresh and visit.rights.may("proofing")
    return visit.page(
        "case.html",
        words=words,
        case=identity_reads.case_view(found, reached, visit.snapshot, decides=decides),
        choices=_choices(found),
        hindrance=hindered,
        own=hindered is None and found.proposal is None and found.verifier == desk(visit).person,
        second=hindered is None
        and found.proposal is not None
        and found.proposal.by != desk(visit).person,
        needs_second=visit.context.proofing.needs_second(reached.ial),
        fresh=fresh,
        fresh_minutes=VOUCHING_SECONDS // 60,
        step_up=visit.step_up(f"/identity/cases/{quote(case_id, safe='')}"),
    )


async def verification(visit: Visit) -> Response:
    """One verification with its record."""
    async with visit.context.control.store.transaction() as transaction:
        stored = await verification_named(transaction, visit.request.path_params["verification"])
    detail = identity_reads.verification_detail(stored, visit.snapshot)
    return visit.page("verification.html", words=words, verification=detail)


def desk(visit: Visit) -> Desk:
    """Where this visitor sits, for acts that only a person with a session may do."""
    return Desk(visit.act, SessionId(visit.actor.session))


def _choices(case: Case) -> dict[str, list[str]]:
    """The ways of checking that any kind of evidence allows in a case of this method."""
    items = [
        evidence.Evidence(id="", kind=kind, issuer="", recorded_at=0.0, recorded_by=case.subject)
        for kind in evidence.KINDS
    ]
    validated = frozenset[str]().union(*(rules.validations(i, case.method) for i in items))
    owned = frozenset[str]().union(*(rules.ownerships(i, case.method) for i in items))
    return {
        "validated": [name for name in words.VALIDATIONS if name in validated],
        "owned": [name for name in words.OWNERSHIPS if name in owned],
    }
