"""When, by whom and why, in the words that receivers are told. Pure.

What people wrote as a reason stays here: receivers are other organisations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from doorward.administrator.signals.transmitting.differences import Cause
from doorward.model.ids import UserId
from doorward.protocol.signals.events import Initiator

Happening = Literal[
    "session-ended",
    "session-assurance",
    "session-reassessed",
    "session-risk",
    "account-removed",
    "account-disabled",
    "account-enabled",
    "identity-assurance",
    "user-risk",
    "device-compliant",
    "device-ill",
    "device-risk",
    "claims",
    "credential",
]

_WORDS: Mapping[Happening, tuple[str, str]] = MappingProxyType(
    {
        "session-ended": ("The session was ended", "You were signed out."),
        "session-assurance": (
            "The session's authenticator assurance changed",
            "You signed in in another way.",
        ),
        "session-reassessed": (
            "What the session's authenticator counts for changed",
            "What your way to sign in counts for has changed.",
        ),
        "session-risk": ("The session's risk changed", "How safe your session is has changed."),
        "account-removed": ("The account was removed", "Your account was removed."),
        "account-disabled": ("The account was disabled", "Your account was disabled."),
        "account-enabled": ("The account was enabled", "Your account was enabled."),
        "identity-assurance": (
            "The identity assurance changed",
            "What was verified of your identity has changed.",
        ),
        "user-risk": ("The person's risk changed", "How safe your account is has changed."),
        "device-compliant": (
            "The device passes its compliance policies",
            "Your device is as it should be.",
        ),
        "device-ill": (
            "The device does not pass its compliance policies, or is not known to",
            "Something about your device is to be repaired.",
        ),
        "device-risk": ("The device's risk changed", "How safe your device is has changed."),
        "claims": ("Claims of the account changed", "Your account's data changed."),
        "credential": ("A credential changed", "A way to sign in was changed."),
    }
)
"""What an administrator is told, and what the person."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """`at` is in whole seconds; `admin` and `person` are English sentences."""

    at: int
    initiator: Initiator
    admin: str
    person: str


def occasion(what: Happening, user: UserId, cause: Cause) -> Occasion:
    """Why `what` happened to `user`. An act is named, and never who did it."""
    admin, person = _WORDS[what]
    act = f" ({cause.act})." if cause.act else "."
    return Occasion(int(cause.at), _initiator(user, cause.actor), admin + act, person)


def _initiator(user: UserId, actor: str) -> Initiator:
    if actor == "system" or actor.startswith("transmitter:"):
        return "system"
    return "user" if actor == f"user:{user}" else "admin"
