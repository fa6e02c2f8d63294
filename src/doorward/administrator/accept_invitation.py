"""Accept an invitation: register a passkey, or set a password with TOTP."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

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
from doorward.administrator.ports import OneTime, Transaction
from doorward.administrator.settled import settled
from doorward.errors import DoorwardError
from doorward.model.estate import User
from doorward.model.ids import UnixSeconds, UserId

PURPOSE = "invitation"
NEWEST = "newest-invitation"


class Invitation(msgspec.Struct, frozen=True):
    """What an invitation's one-time data says."""

    user: UserId


def newest(user: UserId, secret: str, expires_at: UnixSeconds) -> OneTime:
    """Says that of all invitations of `user` this one counts; those before count no more."""
    return OneTime(
        purpose=NEWEST,
        key=digest(user),
        data=msgspec.Raw(msgspec.json.encode(digest(secret))),
        expires_at=expires_at,
    )


async def read_invitation(
    authenticators: Authenticators, browser: Browser, secret: str, now: UnixSeconds
) -> User:
    """Who is invited. Raises DoorwardError `invitation-invalid`, `user-disabled`."""
    async with recorded(authenticators, browser, method="invitation", target="unknown", at=now):
        await admit(authenticators, f"passkey-address:{network_of(browser.address)}")
        async with authenticators.control.store.transaction() as transaction:
            item = await transaction.one_time.peek(PURPOSE, digest(secret), now)
            if item is None:
                raise _invalid()
            invitation = msgspec.json.decode(item.data, type=Invitation)
            valid = await transaction.one_time.peek(NEWEST, digest(invitation.user), now)
        if valid is None or msgspec.json.decode(valid.data) != digest(secret):
            raise _invalid()
    return require_enabled(authenticators.control.live.current, invitation.user)


async def begin_registration(
    authenticators: Authenticators, browser: Browser, secret: str, now: UnixSeconds
) -> dict[str, object]:
    """Options for `navigator.credentials.create`, without the passkeys the person has."""
    user = await read_invitation(authenticators, browser, secret, now)
    return await registration_options(authenticators, browser, user, now)


async def accept_with_passkey(
    authenticators: Authenticators,
    browser: Browser,
    secret: str,
    response: Mapping[str, object],
    now: UnixSeconds,
) -> Proof:
    """Use the invitation up and keep the new passkey.

    Raises PasskeyRejectedError and AttemptRejectedError `authenticator-refused`.
    """
    user = await read_invitation(authenticators, browser, secret, now)
    target = f"user:{user.id}"
    async with recorded(authenticators, browser, method="invitation", target=target, at=now):
        new = await verified_registration(authenticators, browser, user, response, now)
        control = authenticators.control
        async with control.store.transaction() as transaction:
            passkey = await keep_passkey(control, transaction, user, new, browser, now)
            await _use_up(transaction, secret, user, "passkey", browser, now)
    await _tell(authenticators, user, f"The passkey “{passkey.name}” can now", browser, now)
    return passkey_proof(passkey, authenticators.control.live.current.authenticators)


async def begin_totp(
    authenticators: Authenticators, browser: Browser, secret: str, now: UnixSeconds
) -> NewTotp:
    """A new TOTP secret, kept sealed for this browser until its first code confirms it."""
    user = await read_invitation(authenticators, browser, secret, now)
    return await new_totp(authenticators, browser, user, now)


async def accept_with_password(
    authenticators: Authenticators,
    browser: Browser,
    secret: str,
    *,
    ticket: str,
    password: str,
    code: str,
    now: UnixSeconds,
) -> Proof:
    """Use the invitation up and keep password and TOTP; both replace older ones.

    Sessions that rest on the older ones end.
    A wrong code leaves everything as it was, to be tried again.
    Raises what `confirmed_password` raises, and DoorwardError `invitation-invalid`.
    """
    user = await read_invitation(authenticators, browser, secret, now)
    target = f"user:{user.id}"
    async with recorded(authenticators, browser, method="invitation", target=target, at=now):
        new = await confirmed_password(
            authenticators, browser, user, ticket=ticket, password=password, code=code, now=now
        )
        control = authenticators.control
        async with control.store.transaction() as transaction:
            former = ends_with(await settled(control, transaction), user.id, {PASSWORD_CREDENTIAL})
            await keep_password(transaction, new, now)
            await _use_up(transaction, secret, user, "password", browser, now)
            number = await transaction.snapshot.publish(former)
    await effect(control, number)
    await _tell(authenticators, user, "A new password and authenticator app can now", browser, now)
    return password_proof(new.password, "totp")


async def _tell(
    authenticators: Authenticators, user: User, what: str, browser: Browser, now: UnixSeconds
) -> None:
    await tell_person(
        authenticators.control,
        user,
        "Your invitation was accepted",
        f"{what} sign in as you.",
        now,
        browser.address,
    )


async def _use_up(
    transaction: Transaction,
    secret: str,
    user: User,
    method: str,
    browser: Browser,
    now: UnixSeconds,
) -> None:
    await use_up(transaction, digest(secret), user, method, browser, now)


async def use_up(
    transaction: Transaction,
    key: str,
    user: User,
    method: str,
    browser: Browser,
    now: UnixSeconds,
) -> None:
    """Take the invitation in the transaction that stores what it was exchanged for.

    `key` is the SHA-256 of its secret. Raises DoorwardError `invitation-invalid`.
    """
    if await transaction.one_time.take(PURPOSE, key, now) is None:
        raise _invalid()
    valid = await transaction.one_time.take(NEWEST, digest(user.id), now)
    if valid is None or msgspec.json.decode(valid.data) != key:
        raise _invalid()
    await transaction.audit.append(
        at=now,
        actor=f"user:{user.id}",
        act="invitation-accepted",
        target=f"user:{user.id}",
        detail={"method": method, "address": browser.address},
    )


def _invalid() -> DoorwardError:
    return AttemptRejectedError(
        "invitation-invalid",
        "This invitation has been used or has expired.",
        "Ask for a new one.",
        why="invitation-invalid",
    )
