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
    "client-session-ended",
    "account-unlinked",
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
        "client-session-ended": "The sign-in to the application is ended.",
        "account-unlinked": "The account is no longer linked.",
    }
)


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence, and whether some gateway has yet to enforce what it says."""

    text: str
    pending: bool


def notice(parameter: str) -> Notice | None:
    """What the query parameter `done` stands for."""
    code, _, rest = parameter.partition(".")
    text = _SENTENCES.get(code)
    return None if text is None else Notice(text, rest == "pending")
