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
    "device-lost",
    "device-risk-set",
    "token-revoked",
    "client-session-ended",
    "account-unlinked",
    "case-opened",
    "case-taken",
    "case-worked",
    "case-proposed",
    "case-rejected",
    "case-withdrawn",
    "identity-verified",
    "verification-revoked",
    "verifier-trained",
    "user-left",
    "user-moved",
    "passkey-removed",
    "password-removed",
    "password-allowed",
    "notice-address-removed",
    "recovery-approved",
    "recovery-refused",
    "stream-paused",
    "stream-resumed",
    "stream-removed",
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
        "device-lost": "The device is suspended, and the sessions on it have ended.",
        "device-risk-set": "The risk of the device is recorded.",
        "token-revoked": "The service token is revoked.",
        "client-session-ended": "The sign-in to the application is ended.",
        "account-unlinked": "The account is no longer linked.",
        "case-opened": "The case is open.",
        "case-taken": "You work this case.",
        "case-worked": "The case is brought up to date.",
        "case-proposed": "Your decision is recorded. A second verifier is to confirm it.",
        "case-rejected": "The case is rejected, and the person is told.",
        "case-withdrawn": "The case is withdrawn.",
        "identity-verified": "The identity is verified, and the person is told.",
        "verification-revoked": "The verification is revoked: the person is unproofed.",
        "verifier-trained": "The training is recorded.",
        "user-left": "The person has left: everything that they could use has ended.",
        "user-moved": "The person is in these groups.",
        "passkey-removed": "The passkey is removed, with the sessions that rest on it.",
        "password-removed": "The password is removed, with the sessions that rest on it.",
        "password-allowed": "The password signs in again, and the person is told.",
        "notice-address-removed": "The further address is removed. The person is told, there too.",
        "recovery-approved": "The recovery is approved: the person's browser goes on by itself.",
        "recovery-refused": "The request is over.",
        "stream-paused": "The stream is paused, and its receiver is told.",
        "stream-resumed": "The stream goes on, and its receiver is told.",
        "stream-removed": "The stream is gone.",
    }
)


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence, and whether some gateway has yet to enforce what it says.

    `recorded` says that no gateway has to: nothing that they decide from has changed.
    """

    text: str
    pending: bool
    recorded: bool = False


def notice(parameter: str) -> Notice | None:
    """What the query parameter `done` stands for."""
    code, _, rest = parameter.partition(".")
    text = _SENTENCES.get(code)
    return None if text is None else Notice(text, rest == "pending", rest == "recorded")
