"""`/account/identity`: what is verified of the person, until when, and how to get verified."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast, get_args

from starlette.responses import Response

from doorward.administrator.identity.evidence import CaseMethod
from doorward.administrator.identity.records import (
    Case,
    StoredVerification,
    Verification,
    is_contact_of,
)
from doorward.administrator.proofing.cases import open_case as open_for
from doorward.administrator.proofing.cases import withdraw_case as withdraw
from doorward.administrator.proofing.confirm_contact import confirm_code, send_code
from doorward.entrypoints.login.account.visit import AccountVisit
from doorward.entrypoints.login.answers import error_status
from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds

HERE = "/account/identity"
_SHOWN_ERRORS = frozenset(
    {
        "case-closed",
        "case-open",
        "case-unknown",
        "contact-code-wrong",
        "contact-too-often",
        "mail-unsent",
        "request-invalid",
    }
)
"""What the page itself says, so that the person can go on."""


async def show(visit: AccountVisit) -> Response:
    """What is verified of the visitor, and what they can do about it."""
    return await _page(visit)


async def send(visit: AccountVisit) -> Response:
    """Send a code to the person's own address."""
    try:
        await send_code(
            visit.wiring.authenticators, visit.visit.browser(), visit.user.id, visit.now
        )
    except DoorwardError as error:
        return await _refused(visit, error)
    return visit.done(HERE, "code-sent")


async def confirm(visit: AccountVisit) -> Response:
    """The code, typed back."""
    code = (await visit.visit.form()).get("code", "")
    try:
        await confirm_code(
            visit.wiring.authenticators, visit.visit.browser(), visit.user.id, code, visit.now
        )
    except DoorwardError as error:
        return await _refused(visit, error, waiting=True)
    return visit.done(HERE, "contact-verified")


async def open_case(visit: AccountVisit) -> Response:
    """Ask to be verified."""
    asked = (await visit.visit.form()).get("method", "")
    try:
        await open_for(visit.wiring.control, visit.act, visit.user.id, _method(asked))
    except DoorwardError as error:
        return await _refused(visit, error)
    return visit.done(HERE, "case-opened")


async def withdraw_case(visit: AccountVisit) -> Response:
    """Take the request back. No form names a case: it is the visitor's own."""
    try:
        case = await _open_case_of(visit)
        await withdraw(visit.wiring.control, visit.act, case.id, "by the person")
    except DoorwardError as error:
        return await _refused(visit, error)
    return visit.done(HERE, "case-withdrawn")


async def _refused(visit: AccountVisit, error: DoorwardError, *, waiting: bool = False) -> Response:
    if error.code not in _SHOWN_ERRORS:
        raise error
    return await _page(visit, error, waiting=waiting)


async def _page(
    visit: AccountVisit, error: DoorwardError | None = None, *, waiting: bool = False
) -> Response:
    user = visit.user
    async with visit.wiring.control.store.transaction() as transaction:
        contact = await transaction.identity.contacts.of(user.id)
        cases = await transaction.identity.cases.of(user.id)
        verifications = await transaction.identity.verifications.of(user.id)
    newest = cases[0] if cases else None
    return visit.page(
        "account/identity.html",
        status=200 if error is None else error_status(error),
        error=error,
        contact=contact if is_contact_of(contact, user.email) else None,
        former=contact,
        waiting=waiting or visit.visit.query("done") == "code-sent",
        verification=_in_force(verifications, visit.now),
        case=newest if newest and newest.state == "open" else None,
        failed=newest if newest and newest.state in {"rejected", "expired"} else None,
    )


def _in_force(found: Sequence[StoredVerification], now: UnixSeconds) -> Verification | None:
    lasting = (stored.verification for stored in found if stored.end is None)
    return next((item for item in lasting if now < item.until), None)


async def _open_case_of(visit: AccountVisit) -> Case:
    """Raises DoorwardError `case-unknown`."""
    async with visit.wiring.control.store.transaction() as transaction:
        for case in await transaction.identity.cases.of(visit.user.id):
            if case.state == "open":
                return case
    raise DoorwardError(
        "case-unknown", "You have no open request.", "Ask for a new one if you need it."
    )


def _method(text: str) -> CaseMethod:
    """Raises DoorwardError `request-invalid`."""
    if text not in get_args(CaseMethod):
        raise DoorwardError(
            "request-invalid", "Choose how you want to be verified.", "Choose one of the three."
        )
    return cast("CaseMethod", text)
