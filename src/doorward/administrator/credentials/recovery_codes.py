"""Recovery codes: they stand for the authenticator app once each, beside the password.

A code is a look-up secret (SP 800-63B-4 3.1.2) of 125 random bits, so a plain hash keeps it.
"""

from __future__ import annotations

import hashlib
import re

from doorward.administrator.authentication import digest
from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.credentials.own_change import own_change
from doorward.administrator.credentials.tell import tell_person
from doorward.administrator.ports import Secrets
from doorward.errors import DoorwardError
from doorward.model.ids import SessionId, UnixSeconds

CODES = 10
FEW = 3
"""From how many codes on the person is urged to make new ones."""
_GROUPS = 5
_GROUP_LENGTH = 5
_BITS_A_CHARACTER = 5
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_LENGTH = _GROUPS * _GROUP_LENGTH
_BITS = _LENGTH * _BITS_A_CHARACTER
_TYPED = re.compile(rf"[{_ALPHABET}]{{{_LENGTH}}}")
_MISREAD = str.maketrans("oil", "011", " -")
_LONGEST_TYPED = 4 * _LENGTH


def new_code(secrets: Secrets) -> str:
    """`k7q2m-9xw4t-3bd8n-v2pqr-7zsya`: Crockford's base 32, in groups to copy from paper."""
    number = int.from_bytes(hashlib.sha256(secrets.token().encode()).digest()) >> (256 - _BITS)
    text = "".join(
        _ALPHABET[(number >> shift) & (len(_ALPHABET) - 1)]
        for shift in range(_BITS - _BITS_A_CHARACTER, -1, -_BITS_A_CHARACTER)
    )
    return "-".join(text[at : at + _GROUP_LENGTH] for at in range(0, _LENGTH, _GROUP_LENGTH))


def code_hash(typed: str) -> str:
    """What the store keeps of a code; empty where `typed` cannot be one.

    Case, spaces and hyphens do not matter, nor O for 0 and I or L for 1.
    """
    if len(typed) > _LONGEST_TYPED:
        return ""
    code = typed.casefold().translate(_MISREAD)
    return digest(code) if _TYPED.fullmatch(code) else ""


async def make_recovery_codes(
    control: ControlPlane, session: SessionId, now: UnixSeconds
) -> tuple[str, ...]:
    """Ten new codes, shown once; the ones before count no more.

    Raises what `own_change` raises, and `password-unknown` where there is no password to stand by.
    """
    codes = tuple(new_code(control.secrets) for _ in range(CODES))
    async with own_change(control, session, now) as own:
        if not own.held.password:
            raise DoorwardError(
                "password-unknown",
                "Recovery codes stand beside a password, and you have none.",
                "Set a password first, or add a second passkey instead.",
            )
        hashes = [code_hash(code) for code in codes]
        await own.transaction.recovery_codes.replace(own.user.id, hashes, now)
        await own.note(now, "recovery-codes-made", replaced=str(own.held.recovery_codes))
    await tell_person(
        control,
        own.user,
        "Your account has new recovery codes",
        f"{CODES} new recovery codes were made. Older ones no longer work.",
        now,
    )
    return codes
