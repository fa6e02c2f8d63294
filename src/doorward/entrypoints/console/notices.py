"""What the console says after an act: sentences by code, so that no link can make it say more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

NoticeCode = Literal[
    "session-revoked",
    "user-disabled",
    "user-enabled",
    "user-signed-out",
    "user-risk-set",
    "device-posture-set",
    "device-removed",
    "token-revoked",
    "passkey-removed",
    "password-removed",
    "recovery-approved",
    "recovery-refused",
]

_SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        "session-revoked": "The session is revoked.",
        "user-disabled": "The person is disabled.",
        "user-enabled": "The person is enabled.",
        "user-signed-out": "The person is signed out everywhere.",
        "user-risk-set": "The risk of the person is recorded.",
        "device-posture-set": "The health of the device is recorded.",
        "device-removed": "The device is removed.",
        "token-revoked": "The service token is revoked.",
        "passkey-removed": "The passkey is removed, with the sessions that rest on it.",
        "password-removed": "The password is removed, with the sessions that rest on it.",
        "recovery-approved": "The recovery is approved: the person's browser goes on by itself.",
        "recovery-refused": "The request is over.",
    }
)


_NOT_AT_GATEWAYS = frozenset({"recovery-approved", "recovery-refused"})


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence, and whether some gateway has yet to enforce what it says.

    `enforced` is False where there is nothing for gateways to enforce.
    """

    text: str
    pending: bool
    enforced: bool = True


def notice(parameter: str) -> Notice | None:
    """What the query parameter `done` stands for."""
    code, _, rest = parameter.partition(".")
    text = _SENTENCES.get(code)
    return None if text is None else Notice(text, rest == "pending", code not in _NOT_AT_GATEWAYS)
