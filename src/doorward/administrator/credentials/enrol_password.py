"""Set a password with TOTP: the steps that invitation, account page and recovery share.

A password never stands alone: it is set together with a TOTP secret whose first code was right.
"""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass

import msgspec

from doorward.administrator.authentication import (
    AttemptRejectedError,
    Authenticators,
    Browser,
    TotpEnrolment,
    digest,
)
from doorward.administrator.password_attempts import forget_attempts
from doorward.administrator.password_rules import normalised, require_acceptable
from doorward.administrator.ports import OneTime, Password, Totp, Transaction
from doorward.model.estate import User
from doorward.model.ids import UnixSeconds, UserId

_PURPOSE = "totp-enrolment"
_LIFETIME_SECONDS = 900


class _Enrolment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    user: UserId
    flow: str
    sealed: str


@dataclass(frozen=True, slots=True)
class NewTotp:
    """A TOTP secret to show, and the `ticket` with which its first code is confirmed."""

    ticket: str
    enrolment: TotpEnrolment


@dataclass(frozen=True, slots=True)
class NewPassword:
    """Password and TOTP secret that may be stored, once the ticket is taken with it."""

    password: Password
    totp: Totp
    ticket: str


def totp_context(user: UserId) -> str:
    """What a sealed TOTP secret is bound to."""
    return f"totp:{user}"


async def new_totp(
    authenticators: Authenticators, browser: Browser, user: User, now: UnixSeconds
) -> NewTotp:
    """A new TOTP secret, kept sealed for this browser until its first code confirms it."""
    enrolment = authenticators.totp.enrolment(user.email or user.id)
    ticket = authenticators.control.secrets.token()
    sealed = authenticators.sealer.seal(enrolment.secret.encode(), totp_context(user.id))
    data = _Enrolment(user.id, browser.flow, base64.b64encode(sealed).decode())
    async with authenticators.control.store.transaction() as transaction:
        await transaction.one_time.put(
            OneTime(
                purpose=_PURPOSE,
                key=digest(ticket),
                data=msgspec.Raw(msgspec.json.encode(data)),
                expires_at=now + _LIFETIME_SECONDS,
            )
        )
    return NewTotp(ticket, enrolment)


async def confirmed_password(
    authenticators: Authenticators,
    browser: Browser,
    user: User,
    *,
    ticket: str,
    password: str,
    code: str,
    now: UnixSeconds,
) -> NewPassword:
    """What `keep_password` stores. A wrong code leaves the ticket good for another try.

    Raises DoorwardError `password-too-weak`, `password-leaked` and
    `password-blocklist-unreadable`, AttemptRejectedError `code-wrong` and `enrolment-expired`.
    """
    judge, leaked = authenticators.judge, authenticators.leaked
    await asyncio.to_thread(require_acceptable, password, user, judge, leaked)
    async with authenticators.control.store.transaction() as transaction:
        item = await transaction.one_time.peek(_PURPOSE, digest(ticket), now)
    enrolment = item and msgspec.json.decode(item.data, type=_Enrolment)
    if not enrolment or (enrolment.user, enrolment.flow) != (user.id, browser.flow):
        raise _expired()
    sealed = base64.b64decode(enrolment.sealed)
    secret = authenticators.sealer.open(sealed, totp_context(user.id)).decode()
    step = authenticators.totp.accepted_step(secret, code, now)
    if step is None:
        raise AttemptRejectedError(
            "code-wrong",
            "This code does not match the QR code.",
            "Type the six digits that your app shows now.",
            why="wrong-code",
        )
    phc = await authenticators.hasher.hash(normalised(password))
    return NewPassword(
        Password(user=user.id, hash=phc),
        Totp(user=user.id, sealed_secret=sealed, last_step=step),
        ticket,
    )


async def keep_password(transaction: Transaction, new: NewPassword, now: UnixSeconds) -> None:
    """Store both, and use the ticket up. Raises AttemptRejectedError `enrolment-expired`."""
    if await transaction.one_time.take(_PURPOSE, digest(new.ticket), now) is None:
        raise _expired()
    await transaction.credentials.put(new.password)
    await transaction.credentials.put(new.totp)
    await forget_attempts(transaction, new.password.user)


def _expired() -> AttemptRejectedError:
    return AttemptRejectedError(
        "enrolment-expired",
        "This QR code has been used, has expired, or was made for another browser.",
        "Reload the page and scan the new one.",
        why="enrolment-expired",
    )
