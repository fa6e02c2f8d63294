"""Register a new way to sign in, in the browser whose recovery was approved.

In one transaction the request is used up with every other of that person, the new way is kept,
and what the person could sign in with until now ends with all their sessions and accounts
elsewhere, unless the approver chose to keep it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

from doorward.administrator.accept_invitation import NEWEST
from doorward.administrator.attempts import admit, network_of, recorded
from doorward.administrator.authentication import (
    AttemptRejectedError,
    Authenticators,
    Browser,
    Proof,
    digest,
    require_enabled,
)
from doorward.administrator.control_plane import effect
from doorward.administrator.credentials.assurance import (
    PASSWORD_CREDENTIAL,
    passkey_proof,
    password_proof,
)
from doorward.administrator.credentials.enrol_password import (
    NewTotp,
    confirmed_password,
    keep_password,
    new_totp,
)
from doorward.administrator.credentials.own_change import ends_with
from doorward.administrator.credentials.register_passkey import (
    keep_passkey,
    registration_options,
    verified_registration,
)
from doorward.administrator.credentials.tell import tell_person
from doorward.administrator.federation.unlink import unlink_all
from doorward.administrator.password_attempts import forget_attempts
from doorward.administrator.ports import Transaction
from doorward.administrator.recovery_ports import Recovery
from doorward.administrator.sessions_of import end_sessions, sessions_of
from doorward.administrator.settled import settled
from doorward.model.estate import User
from doorward.model.ids import UnixSeconds, UserId
from doorward.model.snapshot import Change


async def read_recovery(
    authenticators: Authenticators, browser: Browser, now: UnixSeconds
) -> tuple[User, Recovery]:
    """Whose approved recovery this browser may complete.

    Raises AttemptRejectedError `recovery-not-approved`, DoorwardError `user-disabled`,
    TooManyAttemptsError.
    """
    await admit(authenticators, f"passkey-address:{network_of(browser.address)}")
    async with authenticators.control.store.transaction() as transaction:
        recovery = await _approved(transaction, browser, now)
    user = require_enabled(authenticators.control.live.current, UserId(recovery.user))
    return user, recovery


async def begin_recovery_passkey(
    authenticators: Authenticators, browser: Browser, now: UnixSeconds
) -> dict[str, object]:
    """Options for `navigator.credentials.create`."""
    user, recovery = await read_recovery(authenticators, browser, now)
    return await registration_options(authenticators, browser, user, now, anew=not recovery.keep)


async def recover_with_passkey(
    authenticators: Authenticators,
    browser: Browser,
    response: Mapping[str, object],
    now: UnixSeconds,
) -> Proof:
    """Keep the new passkey. Raises what `read_recovery` and `verified_registration` raise."""
    user, _ = await read_recovery(authenticators, browser, now)
    target = f"user:{user.id}"
    async with recorded(authenticators, browser, method="recovery", target=target, at=now):
        new = await verified_registration(authenticators, browser, user, response, now)
        async with _completion(authenticators, browser, user, "passkey", now) as transaction:
            control = authenticators.control
            passkey = await keep_passkey(control, transaction, user, new, browser, now)
    return _proof(passkey_proof(passkey, {}))


async def begin_recovery_totp(
    authenticators: Authenticators, browser: Browser, now: UnixSeconds
) -> NewTotp:
    """A new TOTP secret to scan."""
    user, _ = await read_recovery(authenticators, browser, now)
    return await new_totp(authenticators, browser, user, now)


async def recover_with_password(
    authenticators: Authenticators,
    browser: Browser,
    *,
    ticket: str,
    password: str,
    code: str,
    now: UnixSeconds,
) -> Proof:
    """Keep the new password and TOTP. Raises what `read_recovery`, `confirmed_password` raise."""
    user, _ = await read_recovery(authenticators, browser, now)
    target = f"user:{user.id}"
    async with recorded(authenticators, browser, method="recovery", target=target, at=now):
        new = await confirmed_password(
            authenticators, browser, user, ticket=ticket, password=password, code=code, now=now
        )
        async with _completion(authenticators, browser, user, "password", now) as transaction:
            await keep_password(transaction, new, now)
    return _proof(password_proof(new.password, "totp"))


def _proof(registered: Proof) -> Proof:
    """AAL 1: somebody was believed, nothing was proved yet with what was `registered`."""
    return replace(
        registered,
        methods=("recovery-approval",),
        phishing_resistant=False,
        multi_factor=False,
        aal=1,
    )


@asynccontextmanager
async def _completion(
    authenticators: Authenticators, browser: Browser, user: User, method: str, now: UnixSeconds
) -> AsyncIterator[Transaction]:
    """The transaction in which the new way in is kept; afterwards all of it is in effect."""
    control = authenticators.control
    async with control.store.transaction() as transaction:
        snapshot = await settled(control, transaction)
        recovery = await _approved(transaction, browser, now)
        require_enabled(snapshot, user.id)
        if recovery.user != user.id:
            raise _not_approved()
        changes: list[Change] = []
        if recovery.keep:
            replaced = {PASSWORD_CREDENTIAL} if method == "password" else set()
            changes += ends_with(snapshot, user.id, replaced)
        else:
            changes += end_sessions(snapshot, sessions_of(snapshot, user.id))
            changes += await unlink_all(transaction, snapshot, user.id)
            await transaction.credentials.remove_all(user.id)
            await forget_attempts(transaction, user.id)
            await transaction.one_time.take(NEWEST, digest(user.id), now)
        yield transaction
        await transaction.recoveries.remove_of(user.id)
        number = await transaction.snapshot.publish(changes)
        await transaction.audit.append(
            at=now,
            actor=f"user:{user.id}",
            act="recovery-completed",
            target=f"user:{user.id}",
            detail={
                "recovery": recovery.id,
                "approved": recovery.decided_by,
                "method": method,
                "kept": "yes" if recovery.keep else "no",
                "address": browser.address,
            },
        )
    await effect(control, number)
    kept = "What else you had until now still works." if recovery.keep else "Nothing older works."
    await tell_person(
        control,
        user,
        "Your account was recovered",
        f"A new {method} was registered after a second person approved. {kept}",
        now,
        browser.address,
    )


async def _approved(transaction: Transaction, browser: Browser, now: UnixSeconds) -> Recovery:
    found = await transaction.recoveries.of_flow(browser.flow)
    if found is None or found.state != "approved" or found.expires_at <= now:
        raise _not_approved()
    return found


def _not_approved() -> AttemptRejectedError:
    return AttemptRejectedError(
        "recovery-not-approved",
        "Nobody has approved a recovery in this browser, or its time is over.",
        "Open the recovery page and begin again.",
        why="recovery-not-approved",
    )
