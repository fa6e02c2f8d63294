"""Accept an invitation: register a passkey, or set a password with TOTP."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from doorward.administrator.attempts import admit, network_of, recorded
from doorward.administrator.authentication import (
    AttemptRejectedError,
    Authenticators,
    Browser,
    PasskeyRejectedError,
    Proof,
    TotpEnrolment,
    digest,
    require_enabled,
)
from doorward.administrator.passkey_challenge import new_challenge, use_challenge
from doorward.administrator.password_rules import normalised, require_acceptable
from doorward.administrator.ports import OneTime, Passkey, Password, Totp, Transaction
from doorward.administrator.sign_in_password import totp_context
from doorward.errors import DoorwardError
from doorward.model.estate import User
from doorward.model.ids import UnixSeconds, UserId

PURPOSE = "invitation"
NEWEST = "newest-invitation"
_ENROLMENT = "totp-enrolment"
_ENROLMENT_SECONDS = 900


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


class _Enrolment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    user: UserId
    flow: str
    sealed: str


@dataclass(frozen=True, slots=True)
class NewTotp:
    """A TOTP secret to show, and the `ticket` with which its first code is confirmed."""

    ticket: str
    enrolment: TotpEnrolment


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
    challenge = await new_challenge(authenticators, browser, "registration", user.id, now)
    async with authenticators.control.store.transaction() as transaction:
        existing = await transaction.credentials.passkeys(user.id)
    return authenticators.relying_party.registration_options(user, challenge, existing)


async def accept_with_passkey(
    authenticators: Authenticators,
    browser: Browser,
    secret: str,
    response: Mapping[str, object],
    now: UnixSeconds,
) -> Proof:
    """Use the invitation up and keep the new passkey. Raises PasskeyRejectedError."""
    user = await read_invitation(authenticators, browser, secret, now)
    target = f"user:{user.id}"
    async with recorded(authenticators, browser, method="invitation", target=target, at=now):
        credential = authenticators.relying_party.read(response)
        await use_challenge(authenticators, browser, "registration", credential, user.id, now)
        new = authenticators.relying_party.verify_registration(credential)
        async with authenticators.control.store.transaction() as transaction:
            if await transaction.credentials.passkey(new.id) is not None:
                raise PasskeyRejectedError("passkey-already-registered")
            await transaction.credentials.put(
                Passkey(
                    id=new.id,
                    user=user.id,
                    name="Passkey",
                    public_key=new.public_key,
                    sign_count=new.sign_count,
                    transports=new.transports,
                    aaguid=new.aaguid,
                    created_at=now,
                    last_used_at=now,
                )
            )
            await _use_up(transaction, secret, user, "passkey", browser, now)
    return Proof(user.id, ("passkey",), phishing_resistant=True, multi_factor=True, aal=2)


async def begin_totp(
    authenticators: Authenticators, browser: Browser, secret: str, now: UnixSeconds
) -> NewTotp:
    """A new TOTP secret, kept sealed for this browser until its first code confirms it."""
    user = await read_invitation(authenticators, browser, secret, now)
    enrolment = authenticators.totp.enrolment(user.email or user.id)
    ticket = authenticators.control.secrets.token()
    sealed = authenticators.sealer.seal(enrolment.secret.encode(), totp_context(user.id))
    data = _Enrolment(user.id, browser.flow, base64.b64encode(sealed).decode())
    async with authenticators.control.store.transaction() as transaction:
        await transaction.one_time.put(
            OneTime(
                purpose=_ENROLMENT,
                key=digest(ticket),
                data=msgspec.Raw(msgspec.json.encode(data)),
                expires_at=now + _ENROLMENT_SECONDS,
            )
        )
    return NewTotp(ticket, enrolment)


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

    A wrong code leaves everything as it was, to be tried again.
    Raises DoorwardError `password-too-weak`, `invitation-invalid` and AttemptRejectedError
    `code-wrong`.
    """
    user = await read_invitation(authenticators, browser, secret, now)
    require_acceptable(password, user)
    target = f"user:{user.id}"
    async with recorded(authenticators, browser, method="invitation", target=target, at=now):
        async with authenticators.control.store.transaction() as transaction:
            item = await transaction.one_time.peek(_ENROLMENT, digest(ticket), now)
        enrolment = item and msgspec.json.decode(item.data, type=_Enrolment)
        if not enrolment or (enrolment.user, enrolment.flow) != (user.id, browser.flow):
            raise _invalid()
        sealed = base64.b64decode(enrolment.sealed)
        totp = authenticators.sealer.open(sealed, totp_context(user.id)).decode()
        step = authenticators.totp.accepted_step(totp, code, now)
        if step is None:
            raise AttemptRejectedError(
                "code-wrong",
                "This code does not match the QR code.",
                "Type the six digits that your app shows now.",
                why="wrong-code",
            )
        phc = await authenticators.hasher.hash(normalised(password))
        async with authenticators.control.store.transaction() as transaction:
            await transaction.credentials.put(Password(user=user.id, hash=phc))
            await transaction.credentials.put(
                Totp(user=user.id, sealed_secret=sealed, last_step=step)
            )
            await transaction.one_time.take(_ENROLMENT, digest(ticket), now)
            await _use_up(transaction, secret, user, "password", browser, now)
    return Proof(user.id, ("password", "totp"), phishing_resistant=False, multi_factor=True, aal=2)


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
    if await transaction.one_time.take(NEWEST, digest(user.id), now) is None:
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
