"""What the console's forms do about identity verification."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any, TypeVar, cast, get_args
from urllib.parse import quote

from starlette.responses import Response

from doorward.administrator.identity.checklist import CHECKS, Check
from doorward.administrator.identity.evidence import (
    AttributeCheck,
    CaseMethod,
    EvidenceKind,
    Ownership,
    Validation,
)
from doorward.administrator.identity.records import Case
from doorward.administrator.identity.verified_claims import Claims
from doorward.administrator.proofing import (
    cases,
    decide_case,
    verifiers,
    work_case,
)
from doorward.administrator.proofing import confirm_case as confirmation
from doorward.administrator.proofing import (
    revoke_verification as revocation,
)
from doorward.administrator.proofing.record_verification import Approved
from doorward.entrypoints.console.identity import desk
from doorward.entrypoints.console.visit import Visit
from doorward.errors import DoorwardError
from doorward.model.ids import UserId

_MAX_TEXT = 200
_HOME = "/identity"
T = TypeVar("T")


async def open_case(visit: Visit) -> Response:
    """Open a case for somebody."""
    form = await visit.form()
    method, user = _one_of(form.get("method", ""), CaseMethod), UserId(form.get("user", "").strip())
    case = await cases.open_case(visit.context.control, visit.act, user, cast("CaseMethod", method))
    return visit.recorded(_case(case.id), "case-opened")


async def take_case(visit: Visit) -> Response:
    """Become its verifier."""
    case = await work_case.take_case(visit.context.proofing, desk(visit), _id(visit))
    return visit.recorded(_case(case.id), "case-taken")


async def withdraw_case(visit: Visit) -> Response:
    """Close a case that nobody is to work any more."""
    reason = _text(await visit.form(), "reason")
    await cases.withdraw_case(visit.context.control, visit.act, _id(visit), reason)
    return visit.recorded(_HOME, "case-withdrawn")


async def record_evidence(visit: Visit) -> Response:
    """Add a piece of evidence."""
    form = await visit.form()
    shown = work_case.Shown(
        kind=cast("EvidenceKind", _one_of(form.get("kind", ""), EvidenceKind)),
        issuer=_text(form, "issuer"),
        country=_country(form.get("country", "")),
        number=_text(form, "number"),
        issued_on=_day(form, "issued_on"),
        expires_on=_day(form, "expires_on"),
        validated=cast("Validation", _one_of(form.get("validated", ""), Validation, none=True)),
        owned=cast("Ownership", _one_of(form.get("owned", ""), Ownership, none=True)),
    )
    await work_case.record_evidence(visit.context.proofing, desk(visit), _id(visit), shown)
    return visit.recorded(_case(_id(visit)), "case-worked")


async def strike_evidence(visit: Visit) -> Response:
    """Take a piece of evidence back."""
    item = visit.request.path_params["evidence"]
    await work_case.strike_evidence(visit.context.proofing, desk(visit), _id(visit), item)
    return visit.recorded(_case(_id(visit)), "case-worked")


async def check_attributes(visit: Visit) -> Response:
    """Record against what the person's attributes were checked."""
    form = await visit.form()
    check = cast("AttributeCheck", _one_of(form.get("check", ""), AttributeCheck))
    await work_case.check_attributes(
        visit.context.proofing, desk(visit), _id(visit), check, _text(form, "source")
    )
    return visit.recorded(_case(_id(visit)), "case-worked")


async def approve_case(visit: Visit) -> Response:
    """Record the identity as verified."""
    form = await visit.form()
    claims = Claims(
        given_name=_text(form, "given_name"),
        family_name=_text(form, "family_name"),
        birthdate=_day(form, "birthdate"),
    )
    known = {check for of_method in CHECKS.values() for check in of_method}
    checks: list[Check] = [check for check in known if form.get(f"check-{check}") == "yes"]
    approved = await decide_case.approve_case(
        visit.context.proofing, desk(visit), _id(visit), claims, checks
    )
    if isinstance(approved, Case):
        return visit.recorded(_case(_id(visit)), "case-proposed")
    return _verified(visit, approved)


async def confirm_case(visit: Visit) -> Response:
    """Confirm, as the second, what another verifier decided."""
    if (await visit.form()).get("looked") != "yes":
        raise DoorwardError(
            "checklist-incomplete",
            "You have not said that you looked at this case yourself.",
            "Look at it and say so, or reject the case.",
        )
    approved = await confirmation.confirm_case(visit.context.proofing, desk(visit), _id(visit))
    return _verified(visit, approved)


def _verified(visit: Visit, approved: Approved) -> Response:
    path = f"{_HOME}/verifications/{quote(approved.verification.id, safe='')}"
    return visit.done(path, "identity-verified", approved.effect)


async def reject_case(visit: Visit) -> Response:
    """Close the case without a verification."""
    reason = _text(await visit.form(), "reason")
    await decide_case.reject_case(visit.context.proofing, desk(visit), _id(visit), reason)
    return visit.recorded(_HOME, "case-rejected")


async def revoke_verification(visit: Visit) -> Response:
    """End a verification at once."""
    verification = visit.request.path_params["verification"]
    reason = _text(await visit.form(), "reason")
    effect = await revocation.revoke_verification(
        visit.context.proofing, visit.act, verification, reason
    )
    path = f"{_HOME}/verifications/{quote(verification, safe='')}"
    return visit.done(path, "verification-revoked", effect)


async def train_verifier(visit: Visit) -> Response:
    """Record that somebody was trained."""
    form = await visit.form()
    day = _day(form, "until")
    if day is None:
        raise _malformed("Training has a last day.")
    until = datetime.combine(day, time(), UTC).timestamp()
    await verifiers.train_verifier(
        visit.context.proofing, visit.act, UserId(form.get("user", "").strip()), until=until
    )
    return visit.recorded(f"{_HOME}/verifiers", "verifier-trained")


def _id(visit: Visit) -> str:
    return str(visit.request.path_params["case"])


def _case(case: str) -> str:
    return f"{_HOME}/cases/{quote(case, safe='')}"


def _one_of(text: str, known: Any, *, none: bool = False) -> str:  # noqa: ANN401 - a Literal
    if text in get_args(known) or (none and not text):
        return text
    raise _malformed("This choice is none that the page offers.")


def _text(form: dict[str, str], name: str) -> str:
    text = form.get(name, "").strip()
    if len(text) > _MAX_TEXT or not text.isprintable():
        raise _malformed("A text is too long, or holds control characters.")
    return text


def _country(text: str) -> str:
    country = text.strip().upper()
    if country and not (len(country) == 3 and country.isascii() and country.isalpha()):  # noqa: PLR2004
        raise _malformed("A country is an ISO 3166 code of three letters, such as DEU.")
    return country


def _day(form: dict[str, str], name: str) -> date | None:
    text = form.get(name, "").strip()
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise _malformed("A day is written like 2027-03-31.") from None
    if not date(1900, 1, 1) <= day <= date(2200, 1, 1):
        raise _malformed("This day is too far away.")
    return day


def _malformed(detail: str) -> DoorwardError:
    return DoorwardError("request-invalid", detail, "Go back and correct the form.")
