"""A person shows that they read their e-mail: a code goes there and is typed back.

It says that a message reaches them, and nothing of who they are: the identity assurance level
stays what it was. The code has eight digits (SP 800-63A-4, 3.1.8, wants six), works for ten
minutes and once, for this person and this address only, and allows five mistakes.
"""

from __future__ import annotations

import base64
import hmac
from hashlib import sha256

import msgspec

from doorward.administrator.attempts import network_of
from doorward.administrator.authentication import Authenticators, Browser, digest
from doorward.administrator.guesses import CONTACT_CODES, count
from doorward.administrator.identity.records import Contact
from doorward.administrator.mail import Mail
from doorward.administrator.ports import OneTime
from doorward.administrator.targets import user_named
from doorward.errors import DoorwardError
from doorward.model.estate import User
from doorward.model.ids import UnixSeconds, UserId

PURPOSE = "contact-code"
LIFETIME_SECONDS = 600
MISTAKES = 5
DIGITS = 8


class _Pending(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`sealed` is the code, base64: what is so short must not be found by its hash."""

    user: UserId
    address: str
    sealed: str
    mistakes: int = 0


async def send_code(
    authenticators: Authenticators, browser: Browser, user: UserId, now: UnixSeconds
) -> str:
    """Send a code to the person's address, and answer that address. One before is void.

    Raises DoorwardError `user-unknown`, `contact-too-often`, `mail-unsent`.
    """
    control = authenticators.control
    if not await authenticators.throttle.allow(f"contact-address:{network_of(browser.address)}"):
        raise _too_often()
    async with control.store.transaction() as transaction:
        person = await user_named(transaction, user)
        if await count(transaction, CONTACT_CODES, user, now) is not None:
            raise _too_often()
    code = _code(control.secrets.token())
    await control.mailer.send(_message(person, code))
    sealed = authenticators.sealer.seal(code.encode(), _context(user, person.email))
    async with control.store.transaction() as transaction:
        await transaction.one_time.put(
            _item(
                _Pending(user, person.email, base64.b64encode(sealed).decode()),
                now + LIFETIME_SECONDS,
            )
        )
    return person.email


async def confirm_code(
    authenticators: Authenticators, browser: Browser, user: UserId, code: str, now: UnixSeconds
) -> Contact:
    """Record the address as verified. Raises DoorwardError `contact-code-wrong`.

    Also where no code is awaited, it is too late, or the address changed since: all look alike.
    """
    typed = "".join(code.split())
    noted = await authenticators.throttle.allow(
        f"audit-address:{network_of(browser.address)}", "audit:all"
    )
    confirmed: Contact | None = None
    async with authenticators.control.store.transaction() as transaction:
        person = await user_named(transaction, user)
        item = await transaction.one_time.take(PURPOSE, digest(user), now)
        pending = item and msgspec.json.decode(item.data, type=_Pending)
        if item and pending and _matches(authenticators, pending, person, typed):
            confirmed = Contact(user=user, value=person.email, verified_at=now)
            await transaction.identity.contacts.put(confirmed)
        elif item and pending and pending.mistakes + 1 < MISTAKES:
            again = msgspec.structs.replace(pending, mistakes=pending.mistakes + 1)
            await transaction.one_time.put(_item(again, item.expires_at))
        if confirmed or noted:
            await transaction.audit.append(
                at=now,
                actor=f"user:{user}",
                act="contact-verified" if confirmed else "contact-code-rejected",
                target=f"user:{user}",
                detail={"address": person.email, "from": browser.address},
            )
    if confirmed is None:
        raise DoorwardError(
            "contact-code-wrong",
            "This code is not the newest one, or it is too late for it.",
            "Type the eight digits of the newest message, or ask for another code.",
        )
    return confirmed


def _too_often() -> DoorwardError:
    return DoorwardError(
        "contact-too-often",
        "Several codes were sent to you already.",
        "Look for the newest message, or ask for another code in an hour.",
    )


def _matches(authenticators: Authenticators, pending: _Pending, person: User, typed: str) -> bool:
    if pending.address != person.email:
        return False
    sealed = base64.b64decode(pending.sealed)
    sent = authenticators.sealer.open(sealed, _context(pending.user, pending.address))
    return hmac.compare_digest(sent, typed.encode())


def _code(token: str) -> str:
    """Eight digits from 256 random bits."""
    number = int.from_bytes(sha256(token.encode()).digest(), "big") % 10**DIGITS
    return f"{number:0{DIGITS}d}"


def _context(user: UserId, address: str) -> str:
    return f"contact:{user}:{address}"


def _item(pending: _Pending, expires_at: UnixSeconds) -> OneTime:
    return OneTime(
        purpose=PURPOSE,
        key=digest(pending.user),
        data=msgspec.Raw(msgspec.json.encode(pending)),
        expires_at=expires_at,
    )


def _message(person: User, code: str) -> Mail:
    return Mail(
        to=person.email,
        subject="Your code for doorward",
        text=(
            f"Hello {person.name},\n\n"
            f"    {code[:4]} {code[4:]}\n\n"
            "Type this code on your identity page, where you asked for it. It works for ten "
            "minutes.\nIf you did not ask for it, somebody else is signed in as you: end all "
            "sessions, and tell the people who run doorward.\n"
        ),
    )
