"""Working a case: taking it, recording evidence and how it was checked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from typing import Literal

import msgspec

from doorward.administrator.identity.evidence import (
    AttributeCheck,
    Evidence,
    EvidenceKind,
    Ownership,
    Validation,
)
from doorward.administrator.identity.records import Case
from doorward.administrator.identity.rules import ownerships, validations
from doorward.administrator.ports import Transaction
from doorward.administrator.proofing.cases import audit_case, open_case_named
from doorward.administrator.proofing.parts import Proofing
from doorward.administrator.proofing.verifiers import Desk, require_verifier
from doorward.errors import DoorwardError

MAX_EVIDENCE = 8
_SHOWN_OF_NUMBER = 4
_FEWEST_HIDDEN = 4


@dataclass(frozen=True, slots=True)
class Shown:
    """What a verifier says of a piece of evidence. `number` is hashed and then forgotten."""

    kind: EvidenceKind
    issuer: str
    country: str = ""
    number: str = ""
    issued_on: date | None = None
    expires_on: date | None = None
    validated: Validation | Literal[""] = ""
    owned: Ownership | Literal[""] = ""


async def take_case(proofing: Proofing, desk: Desk, case_id: str) -> Case:
    """Become the verifier of a case, also of one that somebody else had.

    Raises those of `require_verifier`, `case-unknown`, `case-closed`, `case-decided`.
    """
    async with proofing.control.store.transaction() as transaction:
        case = await open_case_named(transaction, case_id, desk.act.at)
        verifier = await require_verifier(proofing, transaction, desk, case.subject)
        require_undecided(case)
        if case.verifier == verifier:
            return case
        taken = msgspec.structs.replace(case, verifier=verifier)
        await transaction.identity.cases.put(taken)
        await audit_case(transaction, desk.act, "identity-case-taken", taken, former=case.verifier)
    return taken


async def record_evidence(proofing: Proofing, desk: Desk, case_id: str, shown: Shown) -> Case:
    """Add a piece of evidence, with how it was found genuine and the person's own.

    Raises those of `take_case`, `case-of-another`, `evidence-invalid`, `evidence-of-another`.
    """

    async def add(transaction: Transaction, case: Case) -> tuple[Case, dict[str, str]]:
        if len(case.evidence) >= MAX_EVIDENCE:
            raise _invalid(f"A case holds {MAX_EVIDENCE} pieces of evidence at most.")
        item = _evidence(proofing, desk, shown)
        if item.validated and item.validated not in validations(item, case.method):
            raise _invalid("Such evidence is not found genuine that way in a case like this.")
        if item.owned and item.owned not in ownerships(item, case.method):
            raise _invalid("Such evidence is not found the person's own that way here.")
        others = await transaction.identity.cases.holders(item.number_hash) - {case.subject}
        if item.number_hash and others:
            raise DoorwardError(
                "evidence-of-another",
                "This very document was used to verify somebody else.",
                "Find out whose it is: one of the two accounts may be a fraud.",
            )
        more = msgspec.structs.replace(case, evidence=(*case.evidence, item))
        return more, {"added": f"{item.kind} {item.id}"}

    return await _work(proofing, desk, case_id, add)


async def strike_evidence(proofing: Proofing, desk: Desk, case_id: str, evidence: str) -> Case:
    """Take back a piece of evidence. Raises those of `record_evidence`, `evidence-unknown`."""

    async def strike(_: Transaction, case: Case) -> tuple[Case, dict[str, str]]:
        kept = tuple(item for item in case.evidence if item.id != evidence)
        if len(kept) == len(case.evidence):
            raise DoorwardError(
                "evidence-unknown", "This case has no such evidence.", "Open the case again."
            )
        return msgspec.structs.replace(case, evidence=kept), {"struck": evidence}

    return await _work(proofing, desk, case_id, strike)


async def check_attributes(
    proofing: Proofing, desk: Desk, case_id: str, check: AttributeCheck, source: str
) -> Case:
    """Record against what the person's name and number were checked.

    Raises those of `record_evidence`; `evidence-invalid` without the name of a source.
    """

    async def record(_: Transaction, case: Case) -> tuple[Case, dict[str, str]]:
        if check == "source" and not source.strip():
            raise _invalid("The source that was asked has a name.")
        checked = msgspec.structs.replace(case, attributes=check, attribute_source=source.strip())
        return checked, {"attributes": check, "source": source.strip()}

    return await _work(proofing, desk, case_id, record)


Step = Callable[[Transaction, Case], Awaitable[tuple[Case, dict[str, str]]]]


async def _work(proofing: Proofing, desk: Desk, case_id: str, step: Step) -> Case:
    async with proofing.control.store.transaction() as transaction:
        case = await open_case_named(transaction, case_id, desk.act.at)
        verifier = await require_verifier(proofing, transaction, desk, case.subject)
        require_undecided(case)
        require_own(case, verifier)
        case, detail = await step(transaction, case)
        case = msgspec.structs.replace(case, verifier=verifier)
        await transaction.identity.cases.put(case)
        await audit_case(transaction, desk.act, "identity-case-worked", case, **detail)
    return case


def require_own(case: Case, verifier: str) -> None:
    """Raises DoorwardError `case-of-another`."""
    if case.verifier not in {"", verifier}:
        raise DoorwardError(
            "case-of-another",
            f"`{case.verifier}` works this case.",
            "Take it over first, if you have agreed on that.",
        )


def require_undecided(case: Case) -> None:
    """Raises DoorwardError `case-decided`: what waits for a second verifier stays as it is."""
    if case.proposal is not None:
        raise DoorwardError(
            "case-decided",
            f"`{case.proposal.by}` has decided this case, and a second verifier is to confirm it.",
            "Confirm it, or reject it and open a new one.",
        )


def _evidence(proofing: Proofing, desk: Desk, shown: Shown) -> Evidence:
    number = "".join(shown.number.split()).upper()
    if not shown.issuer.strip():
        raise _invalid("Evidence has an issuer.")
    if shown.issued_on and shown.expires_on and shown.expires_on <= shown.issued_on:
        raise _invalid("It cannot expire before it was issued.")
    return Evidence(
        id=proofing.control.secrets.id("ide"),
        kind=shown.kind,
        issuer=shown.issuer.strip(),
        recorded_at=desk.act.at,
        recorded_by=desk.person,
        country=shown.country,
        number_hash=proofing.numbers.hash(shown.kind, shown.country, number) if number else "",
        number_end=_end(number),
        issued_on=shown.issued_on,
        expires_on=shown.expires_on,
        validated=shown.validated,
        owned=shown.owned,
    )


def _end(number: str) -> str:
    """The last characters of a number, fewer where that would show most of it."""
    shown = min(_SHOWN_OF_NUMBER, max(0, len(number) - _FEWEST_HIDDEN))
    return number[len(number) - shown :]


def _invalid(detail: str) -> DoorwardError:
    return DoorwardError("evidence-invalid", detail, "Correct it, and record it again.")
