"""What a page says after an act: sentences by code, so that no link can make it say more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        "session-ended": "That session has ended.",
        "others-ended": "Every other session of yours has ended.",
        "device-removed": "The device is removed. Its certificates mean nothing any more.",
        "device-lost": (
            "The device is suspended, and whoever was signed in on it is signed out. If it turns "
            "up again, enrol it again."
        ),
        "device-approved": (
            "The device is being enrolled: it fetches its certificate by itself within seconds, "
            "and is then listed here."
        ),
        "device-refused": "The device is refused. It learns so the next time that it asks.",
        "passkey-added": "The passkey is added. It can sign in from now on.",
        "passkey-renamed": "The passkey has its new name.",
        "passkey-removed": "It is removed, and whoever was signed in with it is signed out.",
        "password-set": "Your new password and authenticator app are set. Former ones are gone.",
        "password-removed": "It is removed, and whoever was signed in with it is signed out.",
        "sign-in-disowned": (
            "Thank you for saying so. Every other session of yours has ended, and your risk is "
            "raised, so that some applications keep you out for now. Next: replace what was used "
            "to sign in, under Ways to sign in, and remove what you do not know. Then ask the "
            "people who run doorward to lower your risk."
        ),
        "code-sent": "A code is on its way to you.",
        "contact-verified": "Your e-mail address is verified.",
        "notice-code-sent": "A code is on its way. Type it below.",
        "notice-address-set": "Notices go to your further address too from now on.",
        "notice-address-removed": "Your further address is removed. No notices go there any more.",
        "case-opened": "Your request is with the verifiers.",
        "case-withdrawn": "Your request is withdrawn.",
        "attempt-disowned": (
            "Thank you for saying so. Nobody got in, so no session has ended. Your risk is "
            "raised a little."
        ),
        "account-linked": "The account is linked: it signs you in from now on.",
        "account-unlinked": "The account is no longer linked.",
    }
)
"""What the query parameter `done` may stand for."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence, and whether some gateway has yet to enforce what it says."""

    text: str
    pending: bool


def notice(parameter: str) -> Notice | None:
    """The notice of `done=CODE`, or of `done=CODE.pending` while a gateway is behind."""
    code, _, rest = parameter.partition(".")
    text = SENTENCES.get(code)
    return None if text is None else Notice(text, rest == "pending")
