"""Finding a case, opening one, and closing one without a decision."""

from __future__ import annotations

import msgspec

from doorward.administrator.control_plane import Act, ControlPlane
from doorward.administrator.identity.evidence import CaseMethod
from doorward.administrator.identity.records import Case, CaseState
from doorward.administrator.ports import Transaction
from doorward.administrator.proofing.parts import DAY_SECONDS
from doorward.administrator.targets import standing_of, user_named
from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds, UserId

CASE_DAYS = 30
"""How long a case stays open; after that it is begun anew."""


async def open_case(control: ControlPlane, act: Act, subject: UserId, method: CaseMethod) -> Case:
    """A new case, asked for by the person or by somebody of the console.

    Raises DoorwardError `user-unknown`, `user-disabled`, `case-open`.
    """
    case = Case(
        id=control.secrets.id("idc"),
        subject=subject,
        method=method,
        opened_at=act.at,
        opened_by=act.actor,
        expires_at=act.at + CASE_DAYS * DAY_SECONDS,
    )
    async with control.store.transaction() as transaction:
        await user_named(transaction, subject)
        if (await standing_of(transaction, subject)).disabled:
            raise DoorwardError(
                "user-disabled", f"`{subject}` is disabled.", "Enable them first, if they are back."
            )
        former = await transaction.identity.cases.of(subject)
        if any(_state(found, act.at) == "open" for found in former):
            raise DoorwardError(
                "case-open",
                f"There is an open case of `{subject}` already.",
                "Work that one, or withdraw it.",
            )
        await transaction.identity.cases.put(case)
        await audit_case(transaction, act, "identity-case-opened", case, method=method)
    return case


async def withdraw_case(control: ControlPlane, act: Act, case_id: str, reason: str = "") -> Case:
    """Close a case that nobody is to work any more. Raises `case-unknown`, `case-closed`."""
    async with control.store.transaction() as transaction:
        case = await open_case_named(transaction, case_id, act.at)
        case = closed(case, act, "withdrawn", reason)
        await transaction.identity.cases.put(case)
        await audit_case(transaction, act, "identity-case-withdrawn", case, reason=reason)
    return case


async def open_case_named(transaction: Transaction, case_id: str, at: UnixSeconds) -> Case:
    """Raises DoorwardError `case-unknown`, or `case-closed` where it is not open any more."""
    case = await transaction.identity.cases.get(case_id)
    if case is None:
        raise DoorwardError(
            "case-unknown", f"There is no case `{case_id}`.", "List them in the console."
        )
    state = _state(case, at)
    if state != "open":
        raise DoorwardError(
            "case-closed", f"Case `{case_id}` is {state}.", "Open a new one if it is needed."
        )
    return case


def _state(case: Case, at: UnixSeconds) -> CaseState:
    """Its time is up at `expires_at`, also before it was swept."""
    return "expired" if case.state == "open" and case.expires_at <= at else case.state


def closed(case: Case, act: Act, state: CaseState, reason: str) -> Case:
    """The case as it is after this act closed it; a decision that waited is kept no longer."""
    return msgspec.structs.replace(
        case, state=state, closed_at=act.at, closed_by=act.actor, reason=reason, proposal=None
    )


async def audit_case(
    transaction: Transaction, act: Act, name: str, case: Case, **detail: str
) -> None:
    """One entry about a case; its subject is the target."""
    await transaction.audit.append(
        at=act.at,
        actor=act.actor,
        act=name,
        target=f"user:{case.subject}",
        detail={"case": case.id, **detail},
    )
