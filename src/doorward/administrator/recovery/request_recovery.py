"""Ask for recovery, in one browser; and what that browser may know of how it goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from doorward.administrator.attempts import admit, network_of
from doorward.administrator.authentication import Authenticators, Browser, digest, find_user
from doorward.administrator.credentials.tell import account_notice
from doorward.administrator.guesses import RECOVERY_MAIL, count
from doorward.administrator.mail import Notice
from doorward.administrator.recovery.approval_code import new_approval_code, sealed_for
from doorward.administrator.recovery_ports import Recovery
from doorward.model.estate import User
from doorward.model.ids import UnixSeconds
from doorward.model.snapshot import Snapshot

LIFETIME_SECONDS = 900


@dataclass(frozen=True, slots=True)
class RecoveryView:
    """What the browser sees: the code while it waits, then that it was approved.

    A refusal looks like waiting, until the time is over: whoever asked for a name that nobody has
    waits just as long.
    """

    state: Literal["waiting", "approved"]
    code: str
    expires_at: UnixSeconds


async def request_recovery(
    authenticators: Authenticators, browser: Browser, name: str, now: UnixSeconds
) -> tuple[User, Notice] | None:
    """Keep the request; who is to be told, and what, once the answer is given.

    An unknown or disabled name takes every step that a known one takes. Others may ask in the
    same name as often as they like: each request is found by its own code. Only so many messages
    reach the person. Raises TooManyAttemptsError.
    """
    await admit(authenticators, f"recovery-address:{network_of(browser.address)}")
    control = authenticators.control
    user = _enabled(control.live.current, name)
    subject = user.id if user else digest(name.strip().casefold())
    recovery_id = control.secrets.id("rec")
    code = new_approval_code(control.secrets)
    recovery = Recovery(
        id=recovery_id,
        user=user.id if user else "",
        flow=browser.flow,
        sealed_code=sealed_for(authenticators.sealer, recovery_id, code),
        requested_at=now,
        expires_at=now + LIFETIME_SECONDS,
        address=browser.address,
        user_agent=browser.user_agent,
        code_hash=authenticators.codes.hash(code),
    )
    noted = await authenticators.throttle.allow(
        f"audit-address:{network_of(browser.address)}", "audit:all"
    )
    async with control.store.transaction() as transaction:
        await transaction.recoveries.put(recovery)
        silent = await count(transaction, RECOVERY_MAIL, subject, now) is not None
        if noted:
            await transaction.audit.append(
                at=now,
                actor="anonymous",
                act="recovery-requested",
                target=f"user:{user.id}" if user else f"unknown:{digest(name)[:16]}",
                detail={"recovery": recovery_id, "address": browser.address},
            )
    return (user, _message(user, browser, now)) if user and not silent else None


async def recovery_of(
    authenticators: Authenticators, browser: Browser, now: UnixSeconds
) -> RecoveryView | None:
    """How the request of this browser stands; None where there is none, or its time is over.

    Raises TooManyAttemptsError.
    """
    await admit(authenticators, f"recovery-look:{network_of(browser.address)}")
    async with authenticators.control.store.transaction() as transaction:
        found = await transaction.recoveries.of_flow(browser.flow)
    if found is None or found.expires_at <= now:
        return None
    if found.state == "approved":
        return RecoveryView("approved", "", found.expires_at)
    code = authenticators.sealer.open(found.sealed_code, f"recovery:{found.id}").decode()
    return RecoveryView("waiting", code, found.expires_at)


def _enabled(snapshot: Snapshot, name: str) -> User | None:
    user = find_user(snapshot, name)
    standing = snapshot.standings.get(user.id) if user else None
    return None if standing is not None and standing.disabled else user


def _message(user: User, browser: Browser, now: UnixSeconds) -> Notice:
    return account_notice(
        user,
        "Somebody asked to recover your account",
        "Somebody who says they are you cannot sign in, and asked for recovery. Nothing has "
        "changed yet: a second person has to be sure that it is you, and approve.",
        now,
        browser.address,
    )
