"""Attempts at a password: counted, forgotten after a success, and ended after too many in a row.

After `MOST_IN_A_ROW` without a success a person's password is off, until they sign in another
way, set a new one, or somebody who runs doorward allows it again.
"""

from __future__ import annotations

from dataclasses import dataclass

from doorward.administrator.authentication import Proof, TooManyAttemptsError, digest
from doorward.administrator.control_plane import Act
from doorward.administrator.guesses import (
    MOST_IN_A_ROW,
    PASSWORD_BY_NAME,
    PASSWORD_OF_NOBODY,
    PASSWORD_OF_PERSON,
    Bound,
    count,
)
from doorward.administrator.ports import Transaction
from doorward.model.estate import User
from doorward.model.ids import UnixSeconds, UserId

_REFUSED = {"window": "too-many-attempts-for-person", "in-a-row": "password-off"}


@dataclass(frozen=True, slots=True)
class PasswordAttempt:
    """Against which counts one attempt goes: the name as it was typed, and whoever has it.

    Counting by what was typed, not by whom it names, tells nobody which names exist. That the
    other count is exhausted must not be told: it would say that two names are one person's.
    """

    name: str
    bound: Bound
    subject: str

    @classmethod
    def of(cls, typed: str, user: User | None) -> PasswordAttempt:
        """By the name that was `typed`, and the person who goes by it, if there is one."""
        name = digest(typed.strip().casefold())
        if user is None:
            return cls(name, PASSWORD_OF_NOBODY, name)
        return cls(name, PASSWORD_OF_PERSON, user.id)

    async def count(self, transaction: Transaction, now: UnixSeconds) -> str:
        """Count it; why it must fail whatever is right about it, empty where nothing says so.

        Raises TooManyAttemptsError for the name, and then counts nothing.
        """
        by_name = await count(transaction, PASSWORD_BY_NAME, self.name, now)
        if by_name is not None:
            raise TooManyAttemptsError(by_name.whole_seconds)
        refusal = await count(transaction, self.bound, self.subject, now)
        return "" if refusal is None else _REFUSED[refusal.why]

    async def forget(self, transaction: Transaction) -> None:
        """Start again at zero, after a success."""
        await transaction.attempts.forget(PASSWORD_BY_NAME.purpose, self.name)
        await transaction.attempts.forget(self.bound.purpose, self.subject)


async def password_off(transaction: Transaction, user: UserId) -> bool:
    """Whether the person's password signs in no more."""
    found = await transaction.attempts.get(PASSWORD_OF_PERSON.purpose, user)
    return found is not None and found.in_a_row >= MOST_IN_A_ROW


async def allow_after(transaction: Transaction, proof: Proof, act: Act) -> None:
    """A password that was off signs in again, since its person proved otherwise who they are.

    Below the bound nothing is forgotten: a guesser would get new attempts with every sign-in.
    """
    if "password" not in proof.methods:
        await allow(transaction, proof.user, act, " ".join(proof.methods))


async def allow(transaction: Transaction, user: UserId, act: Act, how: str) -> bool:
    """The same whoever says so; False where it was not off."""
    was_off = await transaction.attempts.forget(
        PASSWORD_OF_PERSON.purpose, user, at_least=MOST_IN_A_ROW
    )
    if was_off:
        await transaction.audit.append(
            at=act.at,
            actor=act.actor,
            act="password-allowed",
            target=f"user:{user}",
            detail={"by": how},
        )
    return was_off


async def forget_attempts(transaction: Transaction, user: UserId) -> None:
    """Another password is another one to guess."""
    await transaction.attempts.forget(PASSWORD_OF_PERSON.purpose, user)
