"""What is kept of identity verification: cases, verifications, contacts, training."""

from __future__ import annotations

from typing import Literal

import msgspec

from doorward.administrator.identity.evidence import AttributeCheck, CaseMethod, Evidence
from doorward.administrator.identity.verified_claims import Claims, VerifiedClaims
from doorward.model.ids import UnixSeconds, UserId

CaseState = Literal["open", "approved", "rejected", "withdrawn", "expired"]
EndKind = Literal["revoked", "expired", "superseded", "left"]


class Proposal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a verifier decided, and a second has yet to confirm."""

    by: UserId
    at: UnixSeconds
    ial: int
    claims: Claims


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One attempt to verify who a person is.

    `opened_by` and `closed_by` are actors (`user:ID`, `operator`, `system`); `verifier` is who
    works it, empty for nobody yet; `attribute_source` names the source that was asked. An open
    case with a `proposal` waits for a second verifier.
    """

    id: str
    subject: UserId
    method: CaseMethod
    opened_at: UnixSeconds
    opened_by: str
    expires_at: UnixSeconds
    state: CaseState = "open"
    verifier: UserId | Literal[""] = ""
    evidence: tuple[Evidence, ...] = ()
    attributes: AttributeCheck | Literal[""] = ""
    attribute_source: str = ""
    closed_at: UnixSeconds | None = None
    closed_by: str = ""
    reason: str = ""
    proposal: Proposal | None = None


class Verification(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person's identity was verified. Never changed; that it ended is a record of its own.

    `second_verifier` is who confirmed it, empty where one decided alone.
    `account_name` is the name that the account had then: another one now wants a look.
    """

    id: str
    user: UserId
    case: str
    ial: int
    at: UnixSeconds
    until: UnixSeconds
    verifier: UserId
    account_name: str
    checks: tuple[str, ...]
    verified_claims: VerifiedClaims
    second_verifier: UserId | Literal[""] = ""


class End(msgspec.Struct, frozen=True, kw_only=True):
    """A verification counts no more. `by` is an actor."""

    verification: str
    kind: EndKind
    at: UnixSeconds
    by: str
    reason: str = ""


class StoredVerification(msgspec.Struct, frozen=True, kw_only=True):
    """A verification, and its end where it has one."""

    verification: Verification
    end: End | None = None


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """An e-mail address that the person read a code at. Good for that very address only."""

    user: UserId
    value: str
    verified_at: UnixSeconds


class Training(msgspec.Struct, frozen=True, kw_only=True):
    """A person was trained to verify others, good until `expires_at`."""

    user: UserId
    trained_at: UnixSeconds
    expires_at: UnixSeconds
    recorded_by: str


def is_contact_of(contact: Contact | None, email: str) -> bool:
    """Whether `contact` verifies this address: another one, or a changed one, is not verified."""
    return contact is not None and bool(email) and contact.value.casefold() == email.casefold()
