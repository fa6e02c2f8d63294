"""Reasons and remedies in plain words, for the people they concern."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from doorward.entrypoints.pages.times import appointment
from doorward.model.decision import ReasonCode, Remedy, RemedyKind


class Words(NamedTuple):
    """A short title, and one or two sentences below it."""

    title: str
    text: str


REASONS: Mapping[ReasonCode, Words] = MappingProxyType(
    {
        "permitted": Words("You may enter", "A policy permits this."),
        "not-signed-in": Words("Please sign in", "This is open only to people who are signed in."),
        "session-expired": Words(
            "Your sign-in has ended", "It lasted as long as it may, or it was ended. Sign in again."
        ),
        "device-mismatch": Words(
            "This sign-in belongs to a device",
            "It was made on an enrolled device, and is good on that device only. Sign in here.",
        ),
        "user-disabled": Words(
            "Your account is disabled",
            "It may not be used at present. Ask your administrator if you think this is wrong.",
        ),
        "subject-unknown": Words(
            "This account no longer exists", "It was removed after the sign-in or token was made."
        ),
        "token-expired": Words(
            "The service token has expired", "Issue a new one with `doorward token issue`."
        ),
        "workload-refused": Words(
            "This certificate counts no more",
            "The service does not run on the device that it was issued to, or one of them is gone.",
        ),
        "token-out-of-scope": Words(
            "The service token is not for this resource",
            "A token opens only the resources that it was issued for.",
        ),
        "resource-unknown": Words(
            "There is nothing at this address", "No resource goes by this name."
        ),
        "policy-forbids": Words(
            "A policy forbids this", "A rule of your organisation keeps this request out."
        ),
        "no-policy-permits": Words(
            "You have no access to this",
            "Whatever is not permitted is denied, and no policy permits this request.",
        ),
        "policy-error": Words(
            "This could not be decided",
            "A policy could not be evaluated, and what cannot be decided is denied.",
        ),
        "snapshot-expired": Words(
            "This could not be decided just now",
            "The gateway has not heard from its control plane, so it lets no one in. "
            "Try again in a moment.",
        ),
        "log-unavailable": Words(
            "This could not be recorded just now",
            "A decision that cannot be recorded is a denial. Try again in a moment.",
        ),
        "request-refused": Words(
            "This request is not well formed", "The gateway does not pass on what it cannot read."
        ),
    }
)
"""What each reason means, said to the person who was let in or kept out."""

REMEDIES: Mapping[RemedyKind, Words] = MappingProxyType(
    {
        "sign-in": Words("Sign in", "Sign in, and you are let in."),
        "step-up": Words(
            "Confirm that it is you", "Your last sign-in was too long ago for this. Confirm it."
        ),
        "phishing-resistant": Words(
            "Use a passkey", "This needs a sign-in with a passkey, which cannot be phished."
        ),
        "multi-factor": Words(
            "Use a second factor", "This needs a sign-in with two factors: a passkey has both."
        ),
        "hardware-key": Words(
            "Use a hardware key",
            "This needs a passkey that is kept in approved hardware, such as a security key.",
        ),
        "verify-identity": Words(
            "Have your identity verified",
            "This needs a person whose identity somebody of your organisation has verified.",
        ),
        "enrol-device": Words(
            "Use an enrolled device", "This needs a device that your organisation knows."
        ),
        "repair-device": Words(
            "Repair this device", "Your device does not meet your organisation's health rules."
        ),
        "attest-device": Words(
            "Use a device that can prove itself",
            "This needs a device whose security chip vouches for it.",
        ),
        "network": Words("Use another network", "This is reachable only from some networks."),
        "wait": Words("Wait", "This is closed at this time."),
        "ask-access": Words("Ask for access", "Its owner decides who may enter."),
    }
)
"""What each remedy asks of the person: the words of its button, and why."""


def remedy_text(remedy: Remedy, timezone: str) -> str:
    """What the person could do, with the network, person or moment (in `timezone`) it is about."""
    if remedy.kind == "wait" and remedy.until is not None:
        opening = appointment(remedy.until, timezone)
        return f"This is closed at this time. It opens on {opening}."
    if remedy.kind == "network" and remedy.target:
        return f"This is reachable only from some networks, such as {remedy.target}."
    if remedy.kind == "ask-access" and remedy.target:
        return f"Its owner, {remedy.target}, decides who may enter."
    return REMEDIES[remedy.kind].text
