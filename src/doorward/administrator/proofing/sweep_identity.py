"""What time does to identity verification: notices, ends, and what is no longer kept."""

from __future__ import annotations

from datetime import UTC, datetime

from doorward.administrator.control_plane import Act
from doorward.administrator.identity.records import Case, End, Verification
from doorward.administrator.mail import Notice
from doorward.administrator.notices import notify_person
from doorward.administrator.ports import Transaction
from doorward.administrator.proofing.cases import audit_case, closed
from doorward.administrator.proofing.parts import DAY_SECONDS, Proofing
from doorward.administrator.proofing.revoke_verification import unproofed
from doorward.administrator.settled import settled
from doorward.model.estate import User
from doorward.model.ids import UnixSeconds
from doorward.model.snapshot import Change

NOTICE_DAYS = (1, 14)
"""How many days before its end the person is told of it, the nearest first."""


async def sweep_identity(proofing: Proofing, now: UnixSeconds) -> int:
    """Do what is due, and say how much that was. The engine ends what has run out without this.

    A verification that ran out ends, with an audit entry; its person is told before, once for
    each of `NOTICE_DAYS`. One whose account has another name since is marked for a look, once.
    Open cases expire. What ended longer ago than it is to be kept is forgotten.
    """
    notices: list[tuple[User, Notice]] = []
    async with proofing.control.store.transaction() as transaction:
        people = (await settled(proofing.control, transaction)).users
        changes: list[Change] = []
        done = 0
        for item in await transaction.identity.verifications.live():
            person = people.get(item.user)
            if person is None:
                continue
            if item.until <= now:
                changes += await _end(transaction, item, now)
                notices.append((person, _ran_out(proofing, person)))
                done += 1
                continue
            due = _due(item, now)
            if due and await transaction.identity.verifications.note(item.id, due, now):
                notices.append((person, _runs_out(proofing, person, item)))
                done += 1
            done += await _mark_other_name(transaction, item, person, now)
        for case in await transaction.identity.cases.open():
            if case.expires_at <= now:
                await _expire(transaction, case, now)
                done += 1
        done += await _forget(proofing, transaction, now)
        await transaction.snapshot.publish(changes)
    for person, notice in notices:
        await notify_person(proofing.control, person, notice)
    return done


def needs_review(item: Verification, person: User | None) -> bool:
    """Whether the account has another name than the one that was verified."""
    return person is not None and person.name != item.account_name


def _due(item: Verification, now: UnixSeconds) -> str:
    """The notice that is due now; empty for none."""
    left = item.until - now
    return next((f"ends-in-{days}" for days in NOTICE_DAYS if left <= days * DAY_SECONDS), "")


async def _end(transaction: Transaction, item: Verification, now: UnixSeconds) -> list[Change]:
    await transaction.identity.verifications.end(
        End(verification=item.id, kind="expired", at=now, by="system")
    )
    await transaction.audit.append(
        at=now,
        actor="system",
        act="identity-expired",
        target=f"user:{item.user}",
        detail={"verification": item.id},
    )
    return await unproofed(transaction, item.user)


async def _mark_other_name(
    transaction: Transaction, item: Verification, person: User, now: UnixSeconds
) -> int:
    if not needs_review(item, person):
        return 0
    if not await transaction.identity.verifications.note(item.id, f"name:{person.name}", now):
        return 0
    await transaction.audit.append(
        at=now,
        actor="system",
        act="identity-name-changed",
        target=f"user:{item.user}",
        detail={"verification": item.id, "name": person.name},
    )
    return 1


async def _expire(transaction: Transaction, case: Case, now: UnixSeconds) -> None:
    act = Act("system", now)
    await transaction.identity.cases.put(closed(case, act, "expired", ""))
    await audit_case(transaction, act, "identity-case-expired", case)


async def _forget(proofing: Proofing, transaction: Transaction, now: UnixSeconds) -> int:
    before = now - proofing.record_days * DAY_SECONDS
    gone = await transaction.identity.verifications.remove_ended_before(before)
    cases = await transaction.identity.cases.remove_closed_before(before)
    if gone or cases:
        await transaction.audit.append(
            at=now,
            actor="system",
            act="identity-records-removed",
            target="identity",
            detail={"verifications": str(gone), "cases": str(cases)},
        )
    return gone + cases


def _runs_out(proofing: Proofing, person: User, item: Verification) -> Notice:
    day = datetime.fromtimestamp(item.until, UTC).strftime("%-d %B %Y, %H:%M UTC")
    return Notice(
        subject=f"{proofing.organisation}: your identity verification ends soon",
        text=(
            f"Hello {person.name},\n\n"
            f"That your identity was verified counts until {day}. Applications that need a "
            "verified identity are closed to you from then on.\n"
            "Ask for a new verification on your identity page, where you sign in.\n"
        ),
    )


def _ran_out(proofing: Proofing, person: User) -> Notice:
    return Notice(
        subject=f"{proofing.organisation}: your identity verification has ended",
        text=(
            f"Hello {person.name},\n\n"
            "That your identity was verified no longer counts. Ask for a new verification on "
            "your identity page, where you sign in.\n"
        ),
    )
