"""Proofing cases: opening, working and deciding them.

A case is worked by a person with a session: through the operator's socket or with a service
token it can be looked at, opened and withdrawn, and nothing else.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field

from doorward.administrator.identity.checklist import Check
from doorward.administrator.identity.evidence import (
    AttributeCheck,
    CaseMethod,
    EvidenceKind,
    Ownership,
    Validation,
)
from doorward.administrator.identity.records import Case, StoredVerification
from doorward.administrator.identity.verified_claims import Claims
from doorward.administrator.proofing import cases, decide_case, work_case
from doorward.administrator.proofing import confirm_case as confirmation
from doorward.administrator.proofing.record_verification import Approved, assessment_of
from doorward.administrator.proofing.verifiers import Desk, hindrance, is_fresh
from doorward.entrypoints.actors import Actor
from doorward.entrypoints.api.bodies import Body, Reason, ReasonBody
from doorward.entrypoints.api.context import Caller, Context, Ports
from doorward.entrypoints.api.identity_reads import case_view, verification_detail
from doorward.entrypoints.api.identity_views import ApprovedView, CaseView
from doorward.entrypoints.api.views import EffectView
from doorward.entrypoints.rights import rights
from doorward.errors import DoorwardError
from doorward.model.ids import SessionId, UserId

router = APIRouter(prefix="/proofing/cases", tags=["identity"])

Text = Annotated[str, Field(max_length=200)]
Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2200, 1, 1))]


class CaseBody(Body):
    """Whose identity is to be verified, and how."""

    subject: str
    method: CaseMethod


class EvidenceBody(Body):
    """What was shown and how it was checked. Of `number` a keyed hash is kept, and its end."""

    kind: EvidenceKind
    issuer: Annotated[str, Field(min_length=1, max_length=200)]
    country: Annotated[str, Field(pattern="^([A-Z]{3})?$")] = ""
    number: Annotated[str, Field(max_length=64)] = ""
    issued_on: Day | None = None
    expires_on: Day | None = None
    validated: Validation | Literal[""] = ""
    owned: Ownership | Literal[""] = ""


class AttributesBody(Body):
    """Against what name and number of the person were checked."""

    check: AttributeCheck
    source: Text = ""


class ApprovalBody(Body):
    """The verified name, as the evidence has it, and the checklist."""

    given_name: Annotated[str, Field(min_length=1, max_length=200)]
    family_name: Annotated[str, Field(min_length=1, max_length=200)]
    birthdate: Day | None = None
    checks: tuple[Check, ...]


class RejectionBody(Body):
    """Why."""

    reason: Annotated[Reason, Field(min_length=1)]


@router.get("")
async def list_cases(ports: Ports, _: Caller, user: str | None = None) -> list[CaseView]:
    """Open cases, the oldest first; with `user` all of that person, the newest first."""
    async with ports.control.store.transaction() as transaction:
        table = transaction.identity.cases
        found = await (table.open() if user is None else table.of(UserId(user)))
    return [await _view(ports, case) for case in found]


@router.get("/{case}")
async def show_case(request: Request, ports: Ports, caller: Caller, case: str) -> CaseView:
    """One case, and what it reaches now.

    Whoever may decide it now (a verifier of the case with a fresh passkey, who may write here)
    is also shown the `claims` that wait for the second: they are what `/confirm` confirms.
    """
    sits = desk(ports, caller)
    async with ports.control.store.transaction() as transaction:
        found = await transaction.identity.cases.get(case)
        if found is None:
            raise DoorwardError(
                "case-unknown", f"There is no case `{case}`.", "List them in the console."
            )
        hindered = await hindrance(ports.proofing, transaction, sits, found.subject)
    snapshot = ports.control.live.current
    decides = (
        hindered is None and is_fresh(snapshot, sits) and await _may_write(request, ports, caller)
    )
    return await _view(ports, found, decides=decides)


@router.post("", status_code=201)
async def open_case(ports: Ports, caller: Caller, body: CaseBody) -> CaseView:
    """Open a case for somebody."""
    act = caller.act(ports.clock())
    case = await cases.open_case(ports.control, act, UserId(body.subject), body.method)
    return await _view(ports, case)


@router.post("/{case}/withdraw")
async def withdraw_case(ports: Ports, caller: Caller, case: str, body: ReasonBody) -> CaseView:
    """Close a case that nobody is to work any more."""
    act = caller.act(ports.clock())
    return await _view(ports, await cases.withdraw_case(ports.control, act, case, body.reason))


@router.post("/{case}/take")
async def take_case(ports: Ports, caller: Caller, case: str) -> CaseView:
    """Become its verifier."""
    return await _view(ports, await work_case.take_case(ports.proofing, desk(ports, caller), case))


@router.post("/{case}/evidence", status_code=201)
async def record_evidence(ports: Ports, caller: Caller, case: str, body: EvidenceBody) -> CaseView:
    """Add a piece of evidence."""
    shown = work_case.Shown(**body.model_dump())
    worked = await work_case.record_evidence(ports.proofing, desk(ports, caller), case, shown)
    return await _view(ports, worked)


@router.delete("/{case}/evidence/{evidence}")
async def strike_evidence(ports: Ports, caller: Caller, case: str, evidence: str) -> CaseView:
    """Take a piece of evidence back."""
    worked = await work_case.strike_evidence(ports.proofing, desk(ports, caller), case, evidence)
    return await _view(ports, worked)


@router.put("/{case}/attributes")
async def check_attributes(
    ports: Ports, caller: Caller, case: str, body: AttributesBody
) -> CaseView:
    """Record against what the person's attributes were checked."""
    worked = await work_case.check_attributes(
        ports.proofing, desk(ports, caller), case, body.check, body.source
    )
    return await _view(ports, worked)


@router.post("/{case}/approve")
async def approve_case(
    ports: Ports, caller: Caller, case: str, body: ApprovalBody, response: Response
) -> ApprovedView | CaseView:
    """Record the identity as verified, at the level that the evidence reaches.

    Where that level takes a second verifier the answer is 202 and the case, which waits for them.
    """
    claims = Claims(
        given_name=body.given_name, family_name=body.family_name, birthdate=body.birthdate
    )
    decided = await decide_case.approve_case(
        ports.proofing, desk(ports, caller), case, claims, body.checks
    )
    if isinstance(decided, Case):
        response.status_code = 202
        return await _view(ports, decided, decides=True)
    return _approved(ports, decided)


@router.post("/{case}/confirm")
async def confirm_case(ports: Ports, caller: Caller, case: str) -> ApprovedView:
    """Confirm what another verifier decided, as the second: the identity is verified."""
    return _approved(
        ports, await confirmation.confirm_case(ports.proofing, desk(ports, caller), case)
    )


@router.post("/{case}/reject")
async def reject_case(ports: Ports, caller: Caller, case: str, body: RejectionBody) -> CaseView:
    """Close the case without a verification."""
    rejected = await decide_case.reject_case(ports.proofing, desk(ports, caller), case, body.reason)
    return await _view(ports, rejected)


def desk(ports: Context, caller: Actor) -> Desk:
    """Where the caller sits, for acts that only a person with a session may do."""
    return Desk(caller.act(ports.clock()), SessionId(caller.session))


def _approved(ports: Context, approved: Approved) -> ApprovedView:
    stored = StoredVerification(verification=approved.verification)
    return ApprovedView(
        verification=verification_detail(stored, ports.control.live.current),
        effect=EffectView.model_validate(approved.effect),
    )


async def _may_write(request: Request, ports: Context, caller: Actor) -> bool:
    prepared = await ports.openid.prepared.of(ports.control.live.current)
    return rights(request, prepared, caller, ports.clock()).may("proofing")


async def _view(ports: Context, case: Case, *, decides: bool = False) -> CaseView:
    async with ports.control.store.transaction() as transaction:
        assessment = await assessment_of(transaction, case, ports.clock())
    return case_view(case, assessment, ports.control.live.current, decides=decides)
