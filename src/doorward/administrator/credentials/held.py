"""What one person can sign in with, as a transaction sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from doorward.administrator.password_attempts import password_off
from doorward.administrator.ports import Passkey, Transaction
from doorward.model.ids import UserId


@dataclass(frozen=True, slots=True)
class Held:
    """A person's ways in. `password` says that there is one with TOTP beside it.

    `password_off` says that it signs nobody in, after too many failed attempts.
    """

    passkeys: Sequence[Passkey]
    password: bool
    recovery_codes: int
    password_off: bool = False


async def held_by(transaction: Transaction, user: UserId) -> Held:
    """What `user` holds now."""
    credentials = transaction.credentials
    password, totp = await credentials.password(user), await credentials.totp(user)
    return Held(
        passkeys=await credentials.passkeys(user),
        password=password is not None and totp is not None,
        recovery_codes=await transaction.recovery_codes.left(user),
        password_off=await password_off(transaction, user),
    )
