"""What a person should know of and can do something about: one small check each, in one table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from doorward.administrator.credentials.accepted import model_names, why_refused
from doorward.administrator.credentials.assurance import usable
from doorward.administrator.credentials.held import held_by
from doorward.administrator.credentials.recovery_codes import FEW
from doorward.administrator.ports import Transaction
from doorward.entrypoints.login.account.visit import AccountVisit
from doorward.entrypoints.pages.device_words import name_of
from doorward.entrypoints.pages.times import day

_DAY = 86_400
_IDENTITY_NOTICE_DAYS = 30
_RISK_TOLD = 30
_RECENT_ATTEMPTS = 20
_MANY_ATTEMPTS = 3


class Concern(NamedTuple):
    """A title, what it means, and where to act on it; `grave` ones are shown first."""

    title: str
    text: str
    action: str = ""
    href: str = ""
    grave: bool = False


Check = Callable[[AccountVisit, Transaction], Awaitable[Concern | None]]
"""Says what concerns the visitor, or None. The transaction is for reading."""


async def concerns_of(visit: AccountVisit) -> list[Concern]:
    """Everything that concerns this person now, the grave first."""
    async with visit.wiring.control.store.transaction() as transaction:
        found = [await check(visit, transaction) for check in CONCERNS]
    return sorted((item for item in found if item is not None), key=lambda item: not item.grave)


async def raised_risk(visit: AccountVisit, _: Transaction) -> Concern | None:
    """Risk that policies may hold against this person."""
    standing = visit.snapshot.standings.get(visit.user.id)
    if standing is None or standing.risk < _RISK_TOLD:
        return None
    because = f" Why: {standing.reason}." if standing.reason else ""
    return Concern(
        "Your risk is raised",
        f"It is {standing.risk} of 100, so some applications may keep you out.{because} "
        "Replace what was used if somebody else signed in as you, and ask the people who run "
        "doorward to lower it.",
        "Look at your sign-ins",
        "/account/sign-ins",
        grave=True,
    )


async def unhealthy_device(visit: AccountVisit, _: Transaction) -> Concern | None:
    """Devices that do not meet the rules, and what is wrong with them."""
    ill = [
        device
        for device in visit.snapshot.devices.values()
        if device.owner == visit.user.id and device.healthy is False and not device.suspended
    ]
    if not ill:
        return None
    said = sorted(
        f"{name_of(item)} ({item.reason.rstrip('.')})" if item.reason else name_of(item)
        for item in ill
    )
    return Concern(
        "A device of yours is unhealthy" if len(ill) == 1 else "Devices of yours are unhealthy",
        f"{', '.join(said)}: applications that ask for a healthy device do not open on it.",
        "See what is wrong",
        "/account/devices",
    )


async def one_way_in(visit: AccountVisit, transaction: Transaction) -> Concern | None:
    """A person with one passkey and nothing else is locked out when it is lost."""
    held = await held_by(transaction, visit.user.id)
    links = await transaction.federation.identities(visit.user.id)
    passkeys = usable(held, visit.snapshot.authenticators)
    if len(passkeys) != 1 or held.password or links:
        return None
    return Concern(
        "You have one passkey and no other way in",
        "If you lose the device that holds it, only the people who run doorward can let you in "
        "again. Add a second passkey on another device or a security key.",
        "See your ways to sign in",
        "/account/credentials",
    )


async def password_is_off(visit: AccountVisit, transaction: Transaction) -> Concern | None:
    """A password that signs nobody in, after too many failed attempts in a row."""
    held = await held_by(transaction, visit.user.id)
    if not held.password or not held.password_off:
        return None
    return Concern(
        "Your password is off",
        "Somebody failed too often to sign in with it, and it signs nobody in until you sign in "
        "with a passkey or an account elsewhere, or set a new one. Nobody got in.",
        "Look at the attempts",
        "/account/sign-ins",
        grave=True,
    )


async def refused_passkeys(visit: AccountVisit, transaction: Transaction) -> Concern | None:
    """Passkeys that the estate's list of authenticators takes no longer."""
    held, models = await held_by(transaction, visit.user.id), visit.snapshot.authenticators
    named = [f"“{item.name}”" for item in held.passkeys if why_refused(item, models)]
    if not named:
        return None
    return Concern(
        "A passkey of yours is no longer accepted"
        if len(named) == 1
        else "Passkeys of yours are no longer accepted",
        f"{', '.join(named)}: your organisation accepts {model_names(models)} now. Add one of "
        "these while you are signed in.",
        "See your ways to sign in",
        "/account/credentials",
        grave=True,
    )


async def few_recovery_codes(visit: AccountVisit, transaction: Transaction) -> Concern | None:
    """A password whose authenticator app has nothing, or little, to stand for it."""
    held = await held_by(transaction, visit.user.id)
    if not held.password or held.passkeys or held.recovery_codes > FEW:
        return None
    left = f"only {held.recovery_codes}" if held.recovery_codes else "no"
    return Concern(
        f"You have {left} unused recovery code{'' if held.recovery_codes == 1 else 's'}",
        "If you lose the device with your authenticator app, they are your way in. A passkey "
        "beside your password would be a better one.",
        "See your ways to sign in",
        "/account/credentials",
    )


async def ends_soon(visit: AccountVisit, _: Transaction) -> Concern | None:
    """Identity verification that is about to run out."""
    standing = visit.snapshot.standings.get(visit.user.id)
    if standing is None or not standing.ial:
        return None
    left = standing.ial_until - visit.now
    if not 0 < left < _IDENTITY_NOTICE_DAYS * _DAY:
        return None
    return Concern(
        "The verification of your identity runs out",
        f"It is good until {day(standing.ial_until)}. After that, applications that ask "
        "for a verified identity do not open.",
        "See your identity",
        "/account/identity",
    )


async def unreachable(visit: AccountVisit, transaction: Transaction) -> Concern | None:
    """A person whom no notice about their account reaches."""
    further = await transaction.identity.notice_addresses.of(visit.user.id)
    if visit.user.email or further is not None:
        return None
    return Concern(
        "You cannot be told what happens to your account",
        "Your organisation has no e-mail address of yours. Add one that notices go to.",
        "Add an address for notices",
        "/account/notices",
    )


async def failed_attempts(visit: AccountVisit, transaction: Transaction) -> Concern | None:
    """Several failures since this session began: somebody may be guessing."""
    newest = await transaction.sign_ins.of(visit.user.id, limit=_RECENT_ATTEMPTS)
    since = visit.session.started_at
    failed = [
        item
        for item in newest
        if item.outcome == "rejected" and item.at > since and item.disowned_at is None
    ]
    if len(failed) < _MANY_ATTEMPTS:
        return None
    return Concern(
        "Somebody failed to sign in as you",
        f"{len(failed)} times since you signed in. If it was not you, say so.",
        "Look at the attempts",
        "/account/sign-ins",
    )


CONCERNS: tuple[Check, ...] = (
    raised_risk,
    password_is_off,
    refused_passkeys,
    one_way_in,
    few_recovery_codes,
    unreachable,
    unhealthy_device,
    failed_attempts,
    ends_soon,
)
"""Every check, in the order in which what they find is shown. A feature adds its own here."""
