"""Pending tokens, signed: with the keys that the provider publishes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from doorward.administrator.openid.signing_keys import signing
from doorward.administrator.openid_ports import SigningKey
from doorward.administrator.ports import Transaction
from doorward.administrator.signal_ports import Pending, Stream
from doorward.administrator.signals.transmitting.transmitter import Transmitting
from doorward.model.ids import UnixSeconds
from doorward.protocol.signals.events import TOKEN_TYPE
from doorward.protocol.signals.subjects import Json

_claims = msgspec.json.Decoder(Json)


async def key_of(transaction: Transaction, stream: Stream, now: UnixSeconds) -> SigningKey:
    """The key that signs for this stream. Raises `signing-key-missing`."""
    return signing(await transaction.openid.keys.all(), stream.algorithm, now)


async def signed(
    transmitter: Transmitting, key: SigningKey, items: Sequence[Pending]
) -> dict[str, str]:
    """Compact tokens by `jti`, in order; outside of transactions. Raises `seal-broken`."""
    # A hundred RSA signatures would hold up the loop for a tenth of a second.
    return await asyncio.to_thread(_sign, transmitter, key, items)


def _sign(transmitter: Transmitting, key: SigningKey, items: Sequence[Pending]) -> dict[str, str]:
    sign = transmitter.signer.sign
    return {item.jti: sign(key, TOKEN_TYPE, _claims.decode(item.claims)) for item in items}
