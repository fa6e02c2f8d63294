"""Codes that go to an address by mail and are typed back, to show that messages arrive there.

A code has eight digits (SP 800-63A-4, 3.1.8, wants six), works for ten minutes and once, for the
person and the address it was made for only, and allows five mistakes. Each kind has one code for
a person, the newest; how many are sent is counted for the person and for the network.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

import msgspec

from doorward.administrator.attempts import network_of
from doorward.administrator.authentication import Authenticators, Browser, digest
from doorward.administrator.guesses import Bound, count
from doorward.administrator.mail import Mail
from doorward.administrator.ports import OneTime, Transaction
from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds, UserId

LIFETIME_SECONDS = 600
MISTAKES = 5
DIGITS = 8


@dataclass(frozen=True, slots=True)
class CodeKind:
    """What codes are for: a code of one kind is worth nothing as another.

    `purpose` names them in the store, `context` in the seal; `bound` is how many a person is sent.
    """

    purpose: str
    context: str
    bound: Bound


class _Pending(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`sealed` is the code, base64: what is so short must not be found by its hash."""

    user: UserId
    address: str
    sealed: str
    mistakes: int = 0


async def admit_network(authenticators: Authenticators, browser: Browser) -> None:
    """Count one code against the network that asks. Raises DoorwardError `contact-too-often`."""
    if not await authenticators.throttle.allow(f"contact-address:{network_of(browser.address)}"):
        raise _too_often()


async def count_code(
    kind: CodeKind, transaction: Transaction, user: UserId, now: UnixSeconds
) -> None:
    """Count one code against the person. Raises DoorwardError `contact-too-often`."""
    if await count(transaction, kind.bound, user, now) is not None:
        raise _too_often()


async def mail_code(
    kind: CodeKind,
    authenticators: Authenticators,
    user: UserId,
    address: str,
    write: Callable[[str], Mail],
    now: UnixSeconds,
) -> None:
    """Send a new code in the message that `write` makes of it; one before is void.

    Raises DoorwardError `mail-unsent`, and then keeps none.
    """
    control = authenticators.control
    code = _code(control.secrets.token())
    await control.mailer.send(write(f"{code[:4]} {code[4:]}"))
    sealed = authenticators.sealer.seal(code.encode(), _context(kind, user, address))
    pending = _Pending(user, address, base64.b64encode(sealed).decode())
    async with control.store.transaction() as transaction:
        await transaction.one_time.put(_item(kind, pending, now + LIFETIME_SECONDS))


async def awaited(
    kind: CodeKind, transaction: Transaction, user: UserId, now: UnixSeconds
) -> str | None:
    """The address that a code was sent to which can still be typed back."""
    item = await transaction.one_time.peek(kind.purpose, digest(user), now)
    return None if item is None else msgspec.json.decode(item.data, type=_Pending).address


async def take_code(
    kind: CodeKind,
    authenticators: Authenticators,
    transaction: Transaction,
    user: UserId,
    typed: str,
    now: UnixSeconds,
    *,
    address: str | None = None,
) -> str | None:
    """Use the code up, and say the address that it was sent to; with `address`, only that one.

    None for any other code, which counts as a mistake, and where no code is awaited.
    """
    item = await transaction.one_time.take(kind.purpose, digest(user), now)
    if item is None:
        return None
    pending = msgspec.json.decode(item.data, type=_Pending)
    sealed = base64.b64decode(pending.sealed)
    sent = authenticators.sealer.open(sealed, _context(kind, user, pending.address))
    same = hmac.compare_digest(sent, "".join(typed.split()).encode())
    if same and address in {None, pending.address}:
        return pending.address
    if pending.mistakes + 1 < MISTAKES:
        again = msgspec.structs.replace(pending, mistakes=pending.mistakes + 1)
        await transaction.one_time.put(_item(kind, again, item.expires_at))
    return None


async def worth_noting(authenticators: Authenticators, browser: Browser) -> bool:
    """Whether one more wrong code goes into the audit: a flood of them is cut off."""
    return await authenticators.throttle.allow(
        f"audit-address:{network_of(browser.address)}", "audit:all"
    )


def wrong_code() -> DoorwardError:
    """What any code but the right one is answered with: all look alike."""
    return DoorwardError(
        "contact-code-wrong",
        "This code is not the newest one, or it is too late for it.",
        "Type the eight digits of the newest message, or ask for another code.",
    )


def _too_often() -> DoorwardError:
    return DoorwardError(
        "contact-too-often",
        "Several codes were sent to you already.",
        "Look for the newest message, or ask for another code in an hour.",
    )


def _code(token: str) -> str:
    """Eight digits from 256 random bits."""
    number = int.from_bytes(sha256(token.encode()).digest(), "big") % 10**DIGITS
    return f"{number:0{DIGITS}d}"


def _context(kind: CodeKind, user: UserId, address: str) -> str:
    return f"{kind.context}:{user}:{address}"


def _item(kind: CodeKind, pending: _Pending, expires_at: UnixSeconds) -> OneTime:
    return OneTime(
        purpose=kind.purpose,
        key=digest(pending.user),
        data=msgspec.Raw(msgspec.json.encode(pending)),
        expires_at=expires_at,
    )
