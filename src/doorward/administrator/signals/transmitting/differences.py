"""What a transaction changed, as far as receivers of signals care: before and after. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from doorward.administrator.ports import Passkey, Password, Totp
from doorward.model.device import Device
from doorward.model.estate import User
from doorward.model.identity import Session, Standing
from doorward.model.ids import UserId
from doorward.model.snapshot import Kind

Credential = Passkey | Password | Totp
Told = Session | Standing | User | Device

TOLD_KINDS: tuple[Kind, ...] = ("session", "standing", "user", "device")
"""The kinds of documents that events are about."""


@dataclass(frozen=True, slots=True)
class DocumentDifference:
    """A document before and after; None where there is none. Both are of one kind."""

    before: Told | None
    after: Told | None


@dataclass(frozen=True, slots=True)
class RecoveryCodes:
    """All recovery codes of a person that are not used: one credential, of which `left` are."""

    left: int


@dataclass(frozen=True, slots=True)
class CredentialDifference:
    """A credential of `user` before and after; None where there is none."""

    user: UserId
    before: Credential | RecoveryCodes | None
    after: Credential | RecoveryCodes | None


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a transaction was: the act in the audit log, who did it, and when.

    `actor` is as in `Act`; an act without an entry is the `system`'s.
    """

    at: float
    actor: str = "system"
    act: str = ""
