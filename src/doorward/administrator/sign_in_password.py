"""Sign in with password and code together, so that nobody learns which was wrong.

The code is that of the authenticator app, or a recovery code. A password alone proves nothing.
"""

from __future__ import annotations

import msgspec

from doorward.administrator.attempts import admit, network_of, recorded
from doorward.administrator.authentication import (
    AttemptRejectedError,
    Authenticators,
    Browser,
    Proof,
    digest,
    find_user,
)
from doorward.administrator.credentials.assurance import password_proof
from doorward.administrator.credentials.enrol_password import totp_context
from doorward.administrator.credentials.recovery_codes import FEW, code_hash
from doorward.administrator.credentials.tell import tell_person
from doorward.administrator.password_attempts import PasswordAttempt
from doorward.administrator.password_rules import MAX_LENGTH, normalised
from doorward.administrator.ports import Totp
from doorward.model.estate import User
from doorward.model.identity import Method
from doorward.model.ids import UnixSeconds, UserId

_NOBODY = UserId("nobody@nowhere.invalid")
_DECOY_SECRET = "A" * 32


async def sign_in_password(
    authenticators: Authenticators,
    browser: Browser,
    *,
    name: str,
    password: str,
    code: str,
    now: UnixSeconds,
    known: User | None = None,
) -> Proof:
    """What the three together prove; `name` is an id or e-mail address.

    Whom the caller has `known` already is not looked up by it: an id can be another's address.

    An unknown name takes every step that a known one takes, the hash included. Too many attempts
    under one name are told; too many for the person under all their names, or in a row, look like
    a wrong password, since who is told would learn that somebody goes by the names.
    Raises AttemptRejectedError `sign-in-rejected` whatever was wrong, TooManyAttemptsError, or
    DoorwardError `sign-in-busy`.
    """
    user = known or find_user(authenticators.control.live.current, name)
    target = f"user:{user.id}" if user else f"unknown:{digest(name)[:16]}"
    async with recorded(authenticators, browser, method="password", target=target, at=now):
        await admit(authenticators, f"address:{network_of(browser.address)}")
        attempt = PasswordAttempt.of(name, user)
        user_id = user.id if user else _NOBODY
        recovery = code_hash(code)
        async with authenticators.control.store.transaction() as transaction:
            refused = await attempt.count(transaction, now)
            stored = await transaction.credentials.password(user_id)
            totp = await transaction.credentials.totp(user_id)
            held = await transaction.recovery_codes.holds(user_id, recovery)
        phc = stored.hash if stored else None
        right = await authenticators.hasher.verify(phc, normalised(password[: MAX_LENGTH + 1]))
        step = authenticators.totp.accepted_step(totp_secret(authenticators, totp), code, now)
        if refused:
            raise _rejected(refused)
        if user is None or stored is None or totp is None:
            raise _rejected("unknown-account" if user is None else "no-password")
        if not right:
            raise _rejected("wrong-password")
        if step is None and not held:
            raise _rejected("wrong-code")
        second = await _use_second_factor(
            authenticators, user, attempt, step, recovery, browser, now
        )
    return password_proof(stored, second)


def totp_secret(authenticators: Authenticators, totp: Totp | None) -> str:
    """The base32 secret, or a decoy where there is none."""
    if totp is None:
        return _DECOY_SECRET
    return authenticators.sealer.open(totp.sealed_secret, totp_context(totp.user)).decode()


async def _use_second_factor(
    authenticators: Authenticators,
    user: User,
    attempt: PasswordAttempt,
    step: int | None,
    recovery: str,
    browser: Browser,
    now: UnixSeconds,
) -> Method:
    if step is not None:
        await _use_step(authenticators, user.id, attempt, step)
        return "totp"
    left = await _use_recovery_code(authenticators, user, attempt, recovery, browser, now)
    advice = " Make new ones soon." if left <= FEW else ""
    await tell_person(
        authenticators.control,
        user,
        "A recovery code of your account was used",
        f"Somebody signed in as you with your password and a recovery code. {left} left.{advice}",
        now,
        browser.address,
    )
    return "recovery-code"


async def _use_step(
    authenticators: Authenticators, user: UserId, attempt: PasswordAttempt, step: int
) -> None:
    """Accept a time step once (RFC 6238 5.2), also against a racing second request."""
    async with authenticators.control.store.transaction() as transaction:
        totp = await transaction.credentials.totp(user)
        if totp is None or step <= totp.last_step:
            raise _rejected("code-replayed")
        await transaction.credentials.put(msgspec.structs.replace(totp, last_step=step))
        await attempt.forget(transaction)


async def _use_recovery_code(
    authenticators: Authenticators,
    user: User,
    attempt: PasswordAttempt,
    recovery: str,
    browser: Browser,
    now: UnixSeconds,
) -> int:
    """Accept a code once, also against a racing second request; how many are left."""
    async with authenticators.control.store.transaction() as transaction:
        if not await transaction.recovery_codes.take(user.id, recovery):
            raise _rejected("code-replayed")
        left = await transaction.recovery_codes.left(user.id)
        await attempt.forget(transaction)
        await transaction.audit.append(
            at=now,
            actor=f"user:{user.id}",
            act="recovery-code-used",
            target=f"user:{user.id}",
            detail={"left": str(left), "address": browser.address},
        )
    return left


def _rejected(why: str) -> AttemptRejectedError:
    return AttemptRejectedError(
        "sign-in-rejected",
        "Name, password and code do not match.",
        "Check all three. A code works once: wait for the next one.",
        why=why,
    )
