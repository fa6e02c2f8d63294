"""What ends with a person, whoever ends them: leaving, an `apply` without them, a directory.

Each step reads what it needs and ends one thing, inside the caller's transaction. To make
another feature's tokens, links or grants end with their person, add its step to `STEPS`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from doorward.administrator.accept_invitation import NEWEST
from doorward.administrator.authentication import digest
from doorward.administrator.control_plane import Act
from doorward.administrator.identity.records import End
from doorward.administrator.openid.end_client_session import mark_ended
from doorward.administrator.ports import Transaction
from doorward.administrator.proofing.cases import closed
from doorward.administrator.sessions_of import end_sessions, sessions_of
from doorward.model.ids import UnixSeconds, UserId
from doorward.model.snapshot import Change, Snapshot, removal


@dataclass(frozen=True, slots=True)
class Leaver:
    """Whose things end, when, and by whom; `snapshot` is all documents before."""

    user: UserId
    snapshot: Snapshot
    at: UnixSeconds
    actor: str


@dataclass(frozen=True, slots=True)
class Ended:
    """How many of what ended, and the changes that say so in the snapshot."""

    what: str
    count: int
    changes: tuple[Change, ...] = ()


Step = Callable[[Transaction, Leaver], Awaitable[Ended]]


async def sessions(_: Transaction, leaver: Leaver) -> Ended:
    """Sessions, with the cookies that stand for them: open streams are cut."""
    ended = sessions_of(leaver.snapshot, leaver.user)
    return Ended("sessions", len(ended), tuple(end_sessions(leaver.snapshot, ended)))


async def credentials(transaction: Transaction, leaver: Leaver) -> Ended:
    """Passkeys, password, authenticator app."""
    table = transaction.credentials
    count = len(await table.passkeys(leaver.user))
    count += await table.password(leaver.user) is not None
    count += await table.totp(leaver.user) is not None
    await table.remove_all(leaver.user)
    await transaction.attempts.remove_of(leaver.user)
    return Ended("credentials", count)


async def one_time_secrets(transaction: Transaction, leaver: Leaver) -> Ended:
    """Invitations, challenges, codes that were sent."""
    count = await transaction.one_time.remove_of(leaver.user)
    await transaction.one_time.take(NEWEST, digest(leaver.user), leaver.at)
    return Ended("one-time secrets", count)


async def devices(transaction: Transaction, leaver: Leaver) -> Ended:
    """Devices: their certificates mean nothing any more, nor do those that wait or were approved.

    Sessions on them are the person's own, and end with these.
    """
    found = [item.id for item in leaver.snapshot.devices.values() if item.owner == leaver.user]
    for item in found:
        await transaction.devices.records.remove(item)
        await transaction.devices.attestations.remove(item)
    await transaction.devices.enrolments.remove_of(leaver.user)
    return Ended("devices", len(found), tuple(removal("device", item) for item in found))


async def service_tokens(_: Transaction, leaver: Leaver) -> Ended:
    """Tokens of the services that the person answers for: they may know them."""
    services = {s.id for s in leaver.snapshot.services.values() if s.owner == leaver.user}
    found = [t.id for t in leaver.snapshot.service_tokens.values() if t.service in services]
    return Ended("service tokens", len(found), tuple(removal("service_token", t) for t in found))


async def verifications(transaction: Transaction, leaver: Leaver) -> Ended:
    """What was verified of the person; who comes back is verified again."""
    table = transaction.identity.verifications
    live = [stored for stored in await table.of(leaver.user) if stored.end is None]
    for stored in live:
        await table.end(
            End(verification=stored.verification.id, kind="left", at=leaver.at, by=leaver.actor)
        )
    contact = await transaction.identity.contacts.remove(leaver.user)
    return Ended("verifications", len(live) + contact)


async def notice_addresses(transaction: Transaction, leaver: Leaver) -> Ended:
    """The further address that the person was told at."""
    gone = await transaction.identity.notice_addresses.remove(leaver.user)
    return Ended("addresses for notices", int(gone))


async def cases(transaction: Transaction, leaver: Leaver) -> Ended:
    """Open cases about the person. Those that they work are handed over."""
    open_ones = [c for c in await transaction.identity.cases.of(leaver.user) if c.state == "open"]
    act = Act(leaver.actor, leaver.at)
    for case in open_ones:
        await transaction.identity.cases.put(closed(case, act, "withdrawn", "left"))
    return Ended("open cases", len(open_ones))


async def training(transaction: Transaction, leaver: Leaver) -> Ended:
    """The person's training as a verifier."""
    return Ended("trainings", await transaction.identity.trainings.remove(leaver.user))


async def recoveries(transaction: Transaction, leaver: Leaver) -> Ended:
    """Requests to come back in, and what the person approved for others: none is good any more."""
    return Ended("recoveries", await transaction.recoveries.remove_of(leaver.user))


async def links(transaction: Transaction, leaver: Leaver) -> Ended:
    """Accounts at other providers that stood for the person."""
    count = len(await transaction.federation.identities(leaver.user))
    await transaction.federation.remove(None, leaver.user)
    return Ended("linked accounts", count)


async def client_sign_ins(transaction: Transaction, leaver: Leaver) -> Ended:
    """Sign-ins to applications by OpenID Connect, with their grants and tokens."""
    found = [
        item
        for item in await transaction.openid.sessions.all()
        if item.user == leaver.user and item.ended_at is None
    ]
    for item in found:
        await mark_ended(transaction, item, leaver.at)
    return Ended("sign-ins to applications", len(found))


async def signals(transaction: Transaction, leaver: Leaver) -> Ended:
    """What other systems said of the person last."""
    count = await transaction.receiver.words.remove_subject(f"user:{leaver.user}")
    return Ended("signals of others", count)


STEPS: tuple[Step, ...] = (
    sessions,
    credentials,
    recoveries,
    links,
    client_sign_ins,
    one_time_secrets,
    devices,
    service_tokens,
    verifications,
    notice_addresses,
    cases,
    training,
    signals,
)


async def end_person(transaction: Transaction, leaver: Leaver) -> Sequence[Ended]:
    """Do every step; publish the changes with your own."""
    return [await step(transaction, leaver) for step in STEPS]


async def forget_person(transaction: Transaction, leaver: Leaver) -> Sequence[Ended]:
    """As `end_person`, for somebody who is removed: another may have their id one day.

    What they would see of their own goes too; who only left may come back to it.
    """
    await transaction.sign_ins.remove_all(leaver.user)
    return await end_person(transaction, leaver)


def counts(ended: Sequence[Ended]) -> dict[str, str]:
    """How much of what ended, for the audit log; what there was none of is left out."""
    return {item.what: str(item.count) for item in ended if item.count}
