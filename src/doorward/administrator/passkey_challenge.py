"""Challenges of passkey ceremonies: random, used once, bound to one browser and one purpose."""

from __future__ import annotations

from typing import Literal

import msgspec

from doorward.administrator.authentication import (
    Authenticators,
    Browser,
    UnverifiedCredential,
    digest,
)
from doorward.administrator.ports import OneTime, Transaction
from doorward.model.ids import UnixSeconds, UserId

Ceremony = Literal["registration", "authentication"]
LIFETIME_SECONDS = 300


class _Challenge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`user` is empty where anybody may answer."""

    flow: str
    user: str


async def new_challenge(
    authenticators: Authenticators,
    browser: Browser,
    ceremony: Ceremony,
    user: UserId | None,
    now: UnixSeconds,
) -> str:
    """A challenge that only `browser`, and only `user` if given, can answer."""
    challenge = authenticators.control.secrets.token()
    async with authenticators.control.store.transaction() as transaction:
        await transaction.one_time.put(
            OneTime(
                purpose=f"passkey-{ceremony}",
                key=digest(challenge),
                data=msgspec.Raw(msgspec.json.encode(_Challenge(browser.flow, user or ""))),
                expires_at=now + LIFETIME_SECONDS,
            )
        )
    return challenge


async def use_challenge(
    transaction: Transaction,
    browser: Browser,
    ceremony: Ceremony,
    credential: UnverifiedCredential,
    user: UserId | None,
    now: UnixSeconds,
) -> str:
    """Use up the challenge that was answered; why it does not count, empty where it does.

    Commit it either way: whoever answers wrongly may not answer again.
    """
    item = await transaction.one_time.take(f"passkey-{ceremony}", digest(credential.challenge), now)
    if item is None:
        return "challenge-unknown"
    challenge = msgspec.json.decode(item.data, type=_Challenge)
    if challenge != _Challenge(browser.flow, user or ""):
        return "challenge-of-another-browser"
    return ""
