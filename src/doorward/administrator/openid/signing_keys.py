"""The provider's signing keys: which signs now, which are published, when the next is made.

Of each algorithm one key signs: the one that became active last. Its successor is published a day
before it signs, so that every application has read it, and it stays published as long as somebody
may hold a token that it signed. Several control planes agree by the store's transactions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import get_args

from doorward.administrator.control_plane import Act
from doorward.administrator.openid.provider import Provider
from doorward.administrator.openid_ports import SigningKey
from doorward.administrator.ports import Transaction
from doorward.errors import DoorwardError
from doorward.model.estate import SigningAlgorithm
from doorward.model.ids import UnixSeconds

ROTATION_SECONDS = 90 * 86_400
LEAD_SECONDS = 86_400
ALGORITHMS: tuple[SigningAlgorithm, ...] = get_args(SigningAlgorithm)
_CACHE_SECONDS = 5


def signing(
    keys: Sequence[SigningKey], algorithm: SigningAlgorithm, now: UnixSeconds
) -> SigningKey:
    """The key that signs at `now`. Raises DoorwardError `signing-key-missing`."""
    active = [key for key in keys if key.algorithm == algorithm and key.active_from <= now]
    if not active:
        raise DoorwardError(
            "signing-key-missing",
            "There is no key yet to sign with.",
            "Try again in a few seconds; else look into the control plane's log.",
        )
    return max(active, key=lambda key: (key.active_from, key.id))


def wanting(keys: Sequence[SigningKey], now: UnixSeconds) -> dict[SigningAlgorithm, UnixSeconds]:
    """The algorithms for which a key is to be made at `now`, and when it becomes active."""
    found: dict[SigningAlgorithm, UnixSeconds] = {}
    for algorithm in ALGORITHMS:
        newest = max((k.active_from for k in keys if k.algorithm == algorithm), default=None)
        if newest is None:
            found[algorithm] = now
        elif now >= newest + ROTATION_SECONDS - LEAD_SECONDS:
            found[algorithm] = now + LEAD_SECONDS
    return found


def outlived(keys: Sequence[SigningKey], now: UnixSeconds, keep_seconds: float) -> list[SigningKey]:
    """The keys of which nobody can hold a token any more, `keep_seconds` after their last use."""
    found = []
    for algorithm in ALGORITHMS:
        own = sorted(
            (key for key in keys if key.algorithm == algorithm), key=lambda key: key.active_from
        )
        for key, successor in pairwise(own):
            if successor.active_from + keep_seconds <= now:
                found.append(key)
    return found


async def keep_keys(provider: Provider, now: UnixSeconds) -> None:
    """Make the keys that are wanting and forget those that are outlived."""
    control = provider.control
    async with control.store.transaction() as transaction:
        keys = await transaction.openid.keys.all()
    made = await _made(provider, wanting(keys, now), now)
    if not made and not outlived(keys, now, provider.session_seconds):
        return
    act = Act("system", now)
    async with control.store.transaction() as transaction:
        keys = await transaction.openid.keys.all()
        # Another control plane may have been faster.
        still = wanting(keys, now)
        for key in made:
            if key.algorithm in still:
                await _add(transaction, act, key)
        for key in outlived(keys, now, provider.session_seconds):
            await _remove(transaction, act, key)


async def rotate_keys(provider: Provider, act: Act, *, at_once: bool) -> list[SigningKey]:
    """New keys of every algorithm, published now and active a day later.

    `at_once`, after a key may have leaked: the new ones sign from now on, and every other is
    withdrawn, so that what it signed is worth nothing any more.
    """
    active_from = act.at if at_once else act.at + LEAD_SECONDS
    made = await _made(provider, dict.fromkeys(ALGORITHMS, active_from), act.at)
    async with provider.control.store.transaction() as transaction:
        for key in await transaction.openid.keys.all():
            # One that waits its turn makes way: there is one next key.
            if at_once or key.active_from > act.at:
                await _remove(transaction, act, key)
        for key in made:
            await _add(transaction, act, key)
    return made


class PublishedKeys:
    """The public keys, read anew when they are five seconds old: anybody may ask for them."""

    def __init__(self) -> None:
        self._read_at = -_CACHE_SECONDS - 1.0
        self._keys: tuple[dict[str, str], ...] = ()

    async def of(self, provider: Provider, now: UnixSeconds) -> Sequence[dict[str, str]]:
        """JWKs (RFC 7517), the public half of each."""
        if not 0 <= now - self._read_at < _CACHE_SECONDS:
            async with provider.control.store.transaction() as transaction:
                keys = await transaction.openid.keys.all()
            self._keys, self._read_at = tuple(key.public for key in keys), now
        return self._keys


async def _made(
    provider: Provider, wanted: dict[SigningAlgorithm, UnixSeconds], now: UnixSeconds
) -> list[SigningKey]:
    return [
        await asyncio.to_thread(provider.signer.generate, algorithm, now, active_from)
        for algorithm, active_from in wanted.items()
    ]


async def _add(transaction: Transaction, act: Act, key: SigningKey) -> None:
    await transaction.openid.keys.put(key)
    await transaction.audit.append(
        at=act.at,
        actor=act.actor,
        act="signing-key-made",
        target=f"signing_key:{key.id}",
        detail={"algorithm": key.algorithm, "active_from": str(int(key.active_from))},
    )


async def _remove(transaction: Transaction, act: Act, key: SigningKey) -> None:
    await transaction.openid.keys.remove(key.id)
    await transaction.audit.append(
        at=act.at,
        actor=act.actor,
        act="signing-key-withdrawn",
        target=f"signing_key:{key.id}",
        detail={"algorithm": key.algorithm},
    )
