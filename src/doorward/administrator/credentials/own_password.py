"""A person sets, replaces or removes their password with TOTP; an administrator removes it."""

from __future__ import annotations

from doorward.administrator.authentication import Authenticators, Browser
from doorward.administrator.control_plane import Act, ControlPlane, Effect, effect
from doorward.administrator.credentials.assurance import PASSWORD_CREDENTIAL, usable
from doorward.administrator.credentials.enrol_password import (
    NewTotp,
    confirmed_password,
    keep_password,
    new_totp,
)
from doorward.administrator.credentials.own_change import (
    ends_with,
    last_way,
    own_change,
    refusals_noted,
)
from doorward.administrator.credentials.tell import tell_person
from doorward.administrator.password_attempts import allow, forget_attempts
from doorward.administrator.ports import Transaction
from doorward.administrator.settled import settled
from doorward.administrator.targets import user_named
from doorward.errors import DoorwardError
from doorward.model.ids import SessionId, UnixSeconds, UserId


async def begin_password(
    authenticators: Authenticators, browser: Browser, session: SessionId, now: UnixSeconds
) -> NewTotp:
    """A new TOTP secret to scan. Raises what `own_change` raises."""
    async with own_change(authenticators.control, session, now) as own:
        user = own.user
    return await new_totp(authenticators, browser, user, now)


async def set_own_password(
    authenticators: Authenticators,
    browser: Browser,
    session: SessionId,
    *,
    ticket: str,
    password: str,
    code: str,
    now: UnixSeconds,
) -> Effect:
    """Set both, or replace both, and end the other sessions that rest on the former password.

    Raises what `own_change`, `confirmed_password` and `keep_password` raise.
    """
    control = authenticators.control
    async with own_change(control, session, now) as own:
        user = own.user
    async with refusals_noted(authenticators, browser, user, now):
        new = await confirmed_password(
            authenticators, browser, user, ticket=ticket, password=password, code=code, now=now
        )
        async with own_change(control, session, now) as own:
            await keep_password(own.transaction, new, now)
            ended = ends_with(own.snapshot, user.id, {PASSWORD_CREDENTIAL}, spared=session)
            number = await own.transaction.snapshot.publish(ended)
            act = "password-replaced" if own.held.password else "password-set"
            await own.note(now, act, address=browser.address)
    done = await effect(control, number)
    await tell_person(
        control,
        user,
        "The password of your account was set",
        "A new password and a new authenticator app can now sign in as you. Older ones cannot.",
        now,
        browser.address,
    )
    return done


async def remove_own_password(
    control: ControlPlane, session: SessionId, now: UnixSeconds
) -> Effect:
    """Forget password, TOTP and recovery codes, and end the sessions that rest on them.

    Raises what `own_change` raises, `password-unknown` and `last-credential`.
    """
    async with own_change(control, session, now) as own:
        if own.held.password and not usable(own.held, own.snapshot.authenticators):
            raise last_way()
        await _forget(own.transaction, own.user.id)
        ended = ends_with(own.snapshot, own.user.id, {PASSWORD_CREDENTIAL})
        number = await own.transaction.snapshot.publish(ended)
        await own.note(now, "password-removed")
    done = await effect(control, number)
    await tell_person(control, own.user, _SUBJECT, _SENTENCE, now)
    return done


async def revoke_password(control: ControlPlane, act: Act, user: UserId) -> Effect:
    """The same by an administrator, also where it is the last way in. Tells the person.

    Raises DoorwardError `user-unknown`, `password-unknown`.
    """
    async with control.store.transaction() as transaction:
        person = await user_named(transaction, user)
        await _forget(transaction, user)
        ended = ends_with(await settled(control, transaction), user, {PASSWORD_CREDENTIAL})
        number = await transaction.snapshot.publish(ended)
        await transaction.audit.append(
            at=act.at, actor=act.actor, act="password-removed", target=f"user:{user}", detail={}
        )
    done = await effect(control, number)
    await tell_person(control, person, _SUBJECT, _SENTENCE, act.at)
    return done


async def allow_password(control: ControlPlane, act: Act, user: UserId) -> None:
    """Let a password sign in again that too many attempts had turned off. Tells the person.

    Raises DoorwardError `user-unknown`, `password-not-off`.
    """
    async with control.store.transaction() as transaction:
        person = await user_named(transaction, user)
        if not await allow(transaction, user, act, "administrator"):
            raise DoorwardError(
                "password-not-off",
                "The password of this person is not off.",
                "Reload the page, or look with doorward user credentials.",
            )
    await tell_person(
        control,
        person,
        "Your password works again",
        "It was off after too many failed attempts, and signs you in again. If you do not know "
        "who tried, set another one.",
        act.at,
    )


_SUBJECT = "The password of your account was removed"
_SENTENCE = "Password, authenticator app and recovery codes no longer sign in as you."


async def _forget(transaction: Transaction, user: UserId) -> None:
    credentials = transaction.credentials
    password, totp = await credentials.password(user), await credentials.totp(user)
    if password is None:
        raise DoorwardError(
            "password-unknown", "There is no password to remove.", "Reload the page."
        )
    await credentials.remove(password)
    if totp is not None:
        await credentials.remove(totp)
    await transaction.recovery_codes.replace(user, (), 0)
    await forget_attempts(transaction, user)
