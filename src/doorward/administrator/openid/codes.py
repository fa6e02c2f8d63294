"""Authorization codes (RFC 6749, 4.1.3): what one is bound to, and that it works once."""

from __future__ import annotations

import hmac
import re

import msgspec

from doorward.administrator.authentication import digest
from doorward.administrator.openid_ports import Authorization
from doorward.administrator.ports import OneTime, Transaction
from doorward.model.ids import ClientId, UnixSeconds
from doorward.protocol.openid.claims import code_challenge

CODE_SECONDS = 60
CODE_PURPOSE = "openid-code"
_USED_PURPOSE = "openid-code-used"
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


class CodeData(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a code stands for."""

    authorization: Authorization
    redirect_uri: str
    challenge: str
    nonce: str


class _Used(msgspec.Struct, frozen=True):
    grant: str


async def look_at_code(transaction: Transaction, code: str, now: UnixSeconds) -> CodeData | None:
    """What an unused code stands for."""
    item = await transaction.one_time.peek(CODE_PURPOSE, digest(code), now)
    return None if item is None else msgspec.json.decode(item.data, type=CodeData)


async def use_code(
    transaction: Transaction,
    code: str,
    grant: str,
    *,
    now: UnixSeconds,
    remember_until: UnixSeconds,
) -> bool:
    """Use up `code` for `grant`; False where it is used already, or has expired."""
    key = digest(code)
    if await transaction.one_time.take(CODE_PURPOSE, key, now) is None:
        return False
    await transaction.one_time.put(
        OneTime(
            purpose=_USED_PURPOSE,
            key=key,
            data=msgspec.Raw(msgspec.json.encode(_Used(grant))),
            expires_at=remember_until,
        )
    )
    return True


async def spoil_code(transaction: Transaction, code: str, now: UnixSeconds) -> None:
    """Use up a code that was presented wrongly: whoever tries again guesses."""
    await transaction.one_time.take(CODE_PURPOSE, digest(code), now)


async def grant_of_used_code(transaction: Transaction, code: str, now: UnixSeconds) -> str | None:
    """The grant that a used code was exchanged for."""
    item = await transaction.one_time.peek(_USED_PURPOSE, digest(code), now)
    return None if item is None else msgspec.json.decode(item.data, type=_Used).grant


def fault_of(data: CodeData, client: ClientId, redirect_uri: str, verifier: str) -> str:
    """What is wrong with presenting this code so; empty where nothing is.

    1. It was issued to this client (RFC 6749, 4.1.3: code injection).
    2. It is presented with the address that it was sent to (the same).
    3. Whoever presents it made the challenge (RFC 7636, 4.6).
    """
    if data.authorization.client != client:  # 1
        return "of another client"
    if data.redirect_uri != redirect_uri:  # 2
        return "another redirect_uri"
    made = code_challenge(verifier) if _VERIFIER.fullmatch(verifier) else ""
    if not hmac.compare_digest(made, data.challenge):  # 3
        return "wrong code_verifier"
    return ""
