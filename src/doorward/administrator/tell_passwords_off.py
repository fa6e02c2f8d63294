"""Tell of passwords that too many attempts in a row have turned off: once, and on no page.

The attempts themselves write nothing of it and send nothing: whoever guesses would see by the
time of an answer that somebody goes by the name. It is off from the last attempt on; this says
so, also where the process that counted it died.
"""

from __future__ import annotations

import msgspec

from doorward.administrator.attempt_ports import Attempts
from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.credentials.tell import tell_person
from doorward.administrator.guesses import MOST_IN_A_ROW, PASSWORD_OF_PERSON
from doorward.administrator.mail import Mail, notify
from doorward.administrator.ports import Transaction
from doorward.model.estate import User
from doorward.model.ids import UnixSeconds, UserId

AT_ONCE = 50


async def tell_passwords_off(
    control: ControlPlane, now: UnixSeconds, security_contact: str = ""
) -> int:
    """Write each to the audit and to its person, and to the security contact; how many."""
    users = control.live.current.users
    async with control.store.transaction() as transaction:
        reached = await transaction.attempts.untold(
            PASSWORD_OF_PERSON.purpose, MOST_IN_A_ROW, AT_ONCE
        )
        found = [item for item in reached if await _guarded(transaction, item)]
        for item in found:
            await transaction.attempts.put(msgspec.structs.replace(item, told_at=now))
            await transaction.audit.append(
                at=now,
                actor="system",
                act="password-off",
                target=f"user:{item.subject}",
                detail={"attempts": str(item.in_a_row)},
            )
    for item in found:
        person = users.get(UserId(item.subject))
        if person is not None:
            await _tell(control, person, item.in_a_row, now)
            if security_contact:
                letter = _to_security(person, item.in_a_row, security_contact)
                await notify(control.mailer, letter)
    return len(found)


async def _guarded(transaction: Transaction, item: Attempts) -> bool:
    """Whether there is a password that was guessed at; else the count means nothing."""
    if await transaction.credentials.password(UserId(item.subject)) is not None:
        return True
    await transaction.attempts.forget(item.purpose, item.subject)
    return False


async def _tell(control: ControlPlane, user: User, attempts: int, now: UnixSeconds) -> None:
    await tell_person(
        control,
        user,
        "Your password is off",
        f"Somebody failed {attempts} times in a row to sign in with your password, so it signs "
        "nobody in any more. Nobody got in. Your passkeys work as before: sign in with one, or "
        "with an account elsewhere that you linked, and the password works again. Without one, "
        "ask the people who run doorward.",
        now,
    )


def _to_security(user: User, attempts: int, contact: str) -> Mail:
    return Mail(
        to=contact,
        subject=f"doorward: the password of {user.id} is off",
        text=(
            f"There were {attempts} failed attempts in a row at the password of "
            f"{user.name} ({user.id}). It is off until they sign in another way.\n\n"
            f"See the attempts: doorward user sign-ins {user.id}\n"
            f"Allow it again:   doorward user allow-password {user.id}\n"
        ),
    )
