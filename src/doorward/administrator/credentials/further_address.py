"""A person has one further address for notices: asked for, confirmed by a code, removed.

Each of these takes what changing a credential takes, and each change is told at every address
that the person has and had: whoever takes an account over cannot silence its owner quietly.
It signs nobody in, recovers nothing, is no identity and no fact for policies.
"""

from __future__ import annotations

from doorward.administrator.authentication import Authenticators, Browser
from doorward.administrator.control_plane import Act, ControlPlane
from doorward.administrator.credentials.notice_addresses import checked_address, require_further
from doorward.administrator.credentials.own_change import own_change
from doorward.administrator.credentials.tell import tell_person
from doorward.administrator.guesses import NOTICE_CODES
from doorward.administrator.identity.records import Contact
from doorward.administrator.mail import Mail
from doorward.administrator.mailed_codes import (
    CodeKind,
    admit_network,
    awaited,
    count_code,
    mail_code,
    take_code,
    worth_noting,
    wrong_code,
)
from doorward.administrator.ports import Transaction
from doorward.administrator.targets import user_named
from doorward.errors import DoorwardError
from doorward.model.estate import User
from doorward.model.ids import SessionId, UnixSeconds, UserId

NOTICE = CodeKind("notice-code", "notice", NOTICE_CODES)


async def ask_address(
    authenticators: Authenticators,
    browser: Browser,
    session: SessionId,
    typed: str,
    now: UnixSeconds,
) -> str:
    """Send a code to the address that was typed, and answer that address. One before is void.

    Nothing is kept of it but the code, and who asked. Raises what `own_change` raises,
    `notice-address-invalid`, `notice-address-known`, `contact-too-often`, `mail-unsent`.
    """
    async with own_change(authenticators.control, session, now) as own:
        user = own.user
        address = checked_address(typed, user)
        before = await own.transaction.identity.notice_addresses.of(user.id)
        if before is not None and before.value == address:
            raise _kept_already()
        await admit_network(authenticators, browser)
        await count_code(NOTICE, own.transaction, user.id, now)
        await own.note(now, "notice-code-asked", address=address, **{"from": browser.address})
    await mail_code(
        NOTICE, authenticators, user.id, address, lambda code: _message(address, code), now
    )
    return address


async def awaited_address(transaction: Transaction, user: UserId, now: UnixSeconds) -> str | None:
    """The address that a code is on its way to, which nobody has typed back yet."""
    return await awaited(NOTICE, transaction, user, now)


async def confirm_address(
    authenticators: Authenticators,
    browser: Browser,
    session: SessionId,
    code: str,
    now: UnixSeconds,
) -> Contact:
    """Keep the address that the code was sent to, in place of one before.

    Raises what `own_change` raises, `contact-code-wrong`, and `notice-address-known` where the
    estate has that address by now.
    """
    noted = await worth_noting(authenticators, browser)
    kept: Contact | None = None
    async with own_change(authenticators.control, session, now) as own:
        user, table = own.user, own.transaction.identity.notice_addresses
        address = await take_code(NOTICE, authenticators, own.transaction, user.id, code, now)
        if address is not None:
            require_further(address, user)
            before = await table.of(user.id)
            kept = Contact(user=user.id, value=address, verified_at=now)
            await table.put(kept)
            was = {"was": before.value} if before else {}
            await own.note(
                now, "notice-address-set", address=address, **was, **{"from": browser.address}
            )
        elif noted:
            await own.note(now, "notice-code-rejected", **{"from": browser.address})
    if kept is None:
        raise wrong_code()
    former = was.get("was", "")
    instead = f" They no longer go to {former}." if former else ""
    await tell_person(
        authenticators.control,
        user,
        "A further address for notices about your account was set",
        f"Notices about your account go to {kept.value} too from now on.{instead}",
        now,
        browser.address,
        also=[former],
    )
    return kept


async def remove_own_address(control: ControlPlane, session: SessionId, now: UnixSeconds) -> None:
    """Forget it. A code that is on its way to another stays good.

    Raises what `own_change` raises, and `notice-address-unknown`.
    """
    async with own_change(control, session, now) as own:
        former = await _forget(own.transaction, own.user.id)
        await own.note(now, "notice-address-removed", address=former)
    await _tell_removed(control, own.user, former, "you", now)


async def remove_address(control: ControlPlane, act: Act, user: UserId) -> None:
    """The same by an administrator.

    Raises DoorwardError `user-unknown`, `notice-address-unknown`.
    """
    async with control.store.transaction() as transaction:
        person = await user_named(transaction, user)
        former = await _forget(transaction, user)
        await transaction.audit.append(
            at=act.at,
            actor=act.actor,
            act="notice-address-removed",
            target=f"user:{user}",
            detail={"address": former},
        )
    await _tell_removed(control, person, former, "an administrator", act.at)


async def _forget(transaction: Transaction, user: UserId) -> str:
    table = transaction.identity.notice_addresses
    found = await table.of(user)
    if found is None:
        raise DoorwardError(
            "notice-address-unknown",
            "There is no further address for notices.",
            "It may be removed already: reload the page.",
        )
    await table.remove(user)
    return found.value


async def _tell_removed(
    control: ControlPlane, person: User, former: str, by: str, at: UnixSeconds
) -> None:
    await tell_person(
        control,
        person,
        "The further address for notices about your account was removed",
        f"Notices about your account no longer go to {former}: it was removed by {by}.",
        at,
        also=[former],
    )


def _kept_already() -> DoorwardError:
    return DoorwardError(
        "notice-address-known",
        "Notices go to this address already.",
        "Type another one to replace it.",
    )


def _message(address: str, code: str) -> Mail:
    return Mail(
        to=address,
        subject="Your code for notices of doorward",
        text=(
            "Somebody wants notices about their account at doorward to go to this address.\n\n"
            f"    {code}\n\n"
            "If that is you, type this code on the page where you asked for it. It works for ten "
            "minutes, and only there.\nIf it is not you, do nothing, and give the code to nobody: "
            "without it, nothing is sent here.\n"
        ),
    )
