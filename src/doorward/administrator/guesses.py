"""How often what can be guessed may be tried, by whatever name and at whichever process.

The counts are in the store. An attempt is counted in a transaction that ends before anything of
it is looked at, so that of attempts at once no more are looked at than the bound says, and none
is free because a process died. What floods by address is the throttle's, in memory.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import msgspec

from doorward.administrator.attempt_ports import Attempts
from doorward.administrator.ports import Transaction
from doorward.model.ids import UnixSeconds

_MINUTE = 60
MOST_IN_A_ROW = 100
"""Failures in a row after which a person's password is off (SP 800-63B-4 3.2.2)."""


@dataclass(frozen=True, slots=True)
class Bound:
    """At most `attempts` within any `window_seconds`, for one purpose.

    With `in_a_row`, so many without a success in between are the last ones, however slow.
    """

    purpose: str
    attempts: int
    window_seconds: int
    in_a_row: int | None = None


PASSWORD_OF_PERSON = Bound("password", 10, 15 * _MINUTE, in_a_row=MOST_IN_A_ROW)
"""One person's password with its code, under all their names."""

PASSWORD_OF_NOBODY = Bound("password-of-nobody", 10, 15 * _MINUTE)
"""The same for a name that nobody has."""

PASSWORD_BY_NAME = Bound("password-by-name", 10, 15 * _MINUTE)
"""The same by the name as it was typed, whoever has it."""

CONTACT_CODES = Bound("contact-codes", 5, 60 * _MINUTE)
"""Codes sent to a person's address; each allows so many mistakes of its own."""

NOTICE_CODES = Bound("notice-codes", 5, 60 * _MINUTE)
"""The same to addresses that a person wants notices at."""

ENROLMENT_CODE = Bound("enrolment-code", 5, 15 * _MINUTE)
"""Codes of devices that one person types."""

RECOVERY_MAIL = Bound("recovery-mail", 5, 15 * _MINUTE)
"""Messages to one person that somebody asked for recovery."""

RECOVERY_CODE = Bound("recovery-code", 10, 15 * _MINUTE)
"""Codes of requests for recovery that one approver types without knowing the request."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an attempt is not let through, and for how many more seconds."""

    why: Literal["window", "in-a-row"]
    wait_seconds: float

    @property
    def whole_seconds(self) -> int:
        """The wait, rounded up."""
        return math.ceil(self.wait_seconds)


def counted(
    before: Attempts | None, bound: Bound, subject: str, now: UnixSeconds
) -> Attempts | Refusal:
    """The count with one more attempt, or why there may be none. A refusal counts nothing.

    Moments ahead of `now`, by another process' clock or before this one was set back, count.
    """
    known = before or Attempts(purpose=bound.purpose, subject=subject)
    if bound.in_a_row is not None and known.in_a_row >= bound.in_a_row:
        return Refusal("in-a-row", math.inf)
    recent = tuple(moment for moment in known.moments if moment > now - bound.window_seconds)
    if len(recent) >= bound.attempts:
        return Refusal("window", recent[-bound.attempts] + bound.window_seconds - now)
    moments = tuple(sorted((*recent, now)))
    return msgspec.structs.replace(
        known,
        moments=moments,
        in_a_row=known.in_a_row + 1,
        expires_at=None if bound.in_a_row else moments[-1] + bound.window_seconds,
    )


async def count(
    transaction: Transaction, bound: Bound, subject: str, now: UnixSeconds
) -> Refusal | None:
    """Count one attempt, or say why it is not let through."""
    before = await transaction.attempts.get(bound.purpose, subject)
    after = counted(before, bound, subject, now)
    if isinstance(after, Refusal):
        return after
    await transaction.attempts.put(after)
    return None
