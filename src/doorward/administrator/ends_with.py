"""What ends with people, services and resources that are gone."""

from __future__ import annotations

from collections.abc import Collection

from doorward.administrator.accept_invitation import NEWEST
from doorward.administrator.authentication import digest
from doorward.administrator.control_plane import Act
from doorward.administrator.ports import Transaction
from doorward.administrator.sessions_of import end_sessions
from doorward.model.ids import UserId
from doorward.model.snapshot import Change, Snapshot, removal


def ends_with(
    snapshot: Snapshot,
    *,
    people: Collection[str] = (),
    services: Collection[str] = (),
    resources: Collection[str] = (),
) -> list[Change]:
    """The changes that end sessions, cookies, standings, devices and tokens of theirs. Pure."""
    persons = frozenset(people)
    sessions = [item.id for item in snapshot.sessions.values() if item.user in persons]
    ended = end_sessions(snapshot, sessions)
    gone = {item.id for item in ended}
    return [
        *ended,
        *(removal("standing", person) for person in people if person in snapshot.standings),
        *(removal("device", d.id) for d in snapshot.devices.values() if d.owner in persons),
        *(
            removal("service_token", token.id)
            for token in snapshot.service_tokens.values()
            if token.service in services
        ),
        *(
            removal("cookie", cookie.id)
            for cookie in snapshot.cookies.values()
            if cookie.resource in resources and cookie.id not in gone
        ),
    ]


async def forget_credentials(transaction: Transaction, act: Act, user: UserId) -> None:
    """What the person signs in with, and the invitation to make more, is gone."""
    await transaction.credentials.remove_all(user)
    await transaction.sign_ins.remove_all(user)
    await transaction.one_time.take(NEWEST, digest(user), act.at)
