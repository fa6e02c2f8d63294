"""The eight digits that a person reads out, and an approver types. Pure but for its ports."""

from __future__ import annotations

import hashlib
import hmac

from doorward.administrator.ports import Sealer, Secrets

DIGITS = 8


def new_approval_code(secrets: Secrets) -> str:
    """Eight random digits; SHA-256 of a 256-bit secret leaves no digit likelier by 2^-200."""
    number = int.from_bytes(hashlib.sha256(secrets.token().encode()).digest())
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def sealed_for(sealer: Sealer, recovery: str, code: str) -> bytes:
    """The code as the store keeps it: so short that a hash would give it away."""
    return sealer.seal(code.encode(), f"recovery:{recovery}")


def matches(sealer: Sealer, recovery: str, sealed: bytes, typed: str) -> bool:
    """Whether `typed` is the code, whatever spaces or hyphens stand in it."""
    code = sealer.open(sealed, f"recovery:{recovery}")
    given = "".join(typed.split()).replace("-", "").encode()
    return hmac.compare_digest(code, given)
