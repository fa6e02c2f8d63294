"""A person shows that they read their e-mail: a code goes there and is typed back.

It says that a message reaches them, and nothing of who they are: the identity assurance level
stays what it was.
"""

from __future__ import annotations

from doorward.administrator.authentication import Authenticators, Browser
from doorward.administrator.guesses import CONTACT_CODES
from doorward.administrator.identity.records import Contact
from doorward.administrator.mail import Mail
from doorward.administrator.mailed_codes import (
    CodeKind,
    admit_network,
    count_code,
    mail_code,
    take_code,
    worth_noting,
    wrong_code,
)
from doorward.administrator.targets import user_named
from doorward.model.estate import User
from doorward.model.ids import UnixSeconds, UserId

CONTACT = CodeKind("contact-code", "contact", CONTACT_CODES)


async def send_code(
    authenticators: Authenticators, browser: Browser, user: UserId, now: UnixSeconds
) -> str:
    """Send a code to the person's address, and answer that address. One before is void.

    Raises DoorwardError `user-unknown`, `contact-too-often`, `mail-unsent`.
    """
    await admit_network(authenticators, browser)
    async with authenticators.control.store.transaction() as transaction:
        person = await user_named(transaction, user)
        await count_code(CONTACT, transaction, user, now)
    await mail_code(
        CONTACT, authenticators, user, person.email, lambda code: _message(person, code), now
    )
    return person.email


async def confirm_code(
    authenticators: Authenticators, browser: Browser, user: UserId, code: str, now: UnixSeconds
) -> Contact:
    """Record the address as verified. Raises DoorwardError `contact-code-wrong`.

    Also where no code is awaited, it is too late, or the address changed since: all look alike.
    """
    noted = await worth_noting(authenticators, browser)
    confirmed: Contact | None = None
    async with authenticators.control.store.transaction() as transaction:
        person = await user_named(transaction, user)
        if await take_code(
            CONTACT, authenticators, transaction, user, code, now, address=person.email
        ):
            confirmed = Contact(user=user, value=person.email, verified_at=now)
            await transaction.identity.contacts.put(confirmed)
        if confirmed or noted:
            await transaction.audit.append(
                at=now,
                actor=f"user:{user}",
                act="contact-verified" if confirmed else "contact-code-rejected",
                target=f"user:{user}",
                detail={"address": person.email, "from": browser.address},
            )
    if confirmed is None:
        raise wrong_code()
    return confirmed


def _message(person: User, code: str) -> Mail:
    return Mail(
        to=person.email,
        subject="Your code for doorward",
        text=(
            f"Hello {person.name},\n\n"
            f"    {code}\n\n"
            "Type this code on your identity page, where you asked for it. It works for ten "
            "minutes.\nIf you did not ask for it, somebody else is signed in as you: end all "
            "sessions, and tell the people who run doorward.\n"
        ),
    )
