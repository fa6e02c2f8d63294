"""Challenges of passkey ceremonies: random, used once, bound to one browser and one purpose.

A challenge proves by itself that it was given, to whom and until when: giving one writes nothing.
What was answered is remembered for as long as its challenge would have lived by any process' clock.

Its bytes: randomness (43 characters), the second at which it ends (8, big-endian), and a keyed hash
of both and of what it is bound to (32).
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Literal

import msgspec

from doorward.administrator.authentication import (
    Authenticators,
    Browser,
    Challenges,
    UnverifiedCredential,
    digest,
)
from doorward.administrator.ports import OneTime, Transaction
from doorward.engine.moments import SKEW_SECONDS
from doorward.model.ids import UnixSeconds, UserId

Ceremony = Literal["registration", "authentication"]
LIFETIME_SECONDS = 300

_END_BYTES = 8
_HASH_BYTES = 32


def new_challenge(
    authenticators: Authenticators,
    browser: Browser,
    ceremony: Ceremony,
    user: UserId | None,
    now: UnixSeconds,
) -> str:
    """A challenge, in base64url, that only `browser`, and only `user` if given, can answer."""
    end = int(now) + LIFETIME_SECONDS
    content = authenticators.control.secrets.token().encode() + end.to_bytes(_END_BYTES, "big")
    proof = _proof(authenticators.challenges, content, browser, ceremony, user)
    return base64.urlsafe_b64encode(content + proof).rstrip(b"=").decode()


async def use_challenge(
    authenticators: Authenticators,
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
    given = _bytes(credential.challenge)
    content, proof = given[:-_HASH_BYTES], given[-_HASH_BYTES:]
    if not hmac.compare_digest(
        proof, _proof(authenticators.challenges, content, browser, ceremony, user)
    ):
        return "challenge-unknown"
    end = int.from_bytes(content[-_END_BYTES:], "big")
    if end <= now:
        return "challenge-expired"
    used = OneTime(
        purpose=f"passkey-{ceremony}",
        key=digest(credential.challenge),
        data=msgspec.Raw(b"{}"),
        expires_at=end + SKEW_SECONDS,
    )
    return "" if await transaction.one_time.add(used, now) else "challenge-used"


def _proof(
    challenges: Challenges,
    content: bytes,
    browser: Browser,
    ceremony: Ceremony,
    user: UserId | None,
) -> bytes:
    bound = "\x00".join((ceremony, browser.flow, user or ""))
    return challenges.sign(content + bound.encode())


def _bytes(challenge: str) -> bytes:
    """What a challenge says in base64url; nothing where it is none."""
    try:
        return base64.urlsafe_b64decode(challenge + "=" * (-len(challenge) % 4))
    except (binascii.Error, ValueError):
        return b""
