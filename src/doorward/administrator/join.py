"""Joining: one act that invites a person, says what they will reach, and what is still missing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from doorward.administrator.control_plane import Act, ControlPlane
from doorward.administrator.identity.records import is_contact_of
from doorward.administrator.invite_user import invite_user
from doorward.administrator.mail import Mail, Mailer
from doorward.administrator.reach import Reach, reach_of
from doorward.errors import DoorwardError
from doorward.model.estate import User
from doorward.model.identity import standing_at
from doorward.model.ids import SessionId, UserId

Missing = Literal["credential", "verified-address", "verified-identity", "device"]


@dataclass(frozen=True, slots=True)
class Joined:
    """The invitation's link, shown once; whether it went by mail; reach, and what is missing."""

    link: str
    mailed: bool
    reach: tuple[Reach, ...]
    missing: tuple[Missing, ...]


async def join_user(
    control: ControlPlane,
    act: Act,
    user: UserId,
    *,
    ttl_seconds: float,
    link: Callable[[str], str],
    by_mail: bool,
    session: SessionId | None = None,
) -> Joined:
    """Invite `user`; `link` makes the address from the secret, which stands in its fragment.

    With `by_mail` the message is the delivery: whoever reads it can accept. A message that
    nobody takes leaves the invitation valid, to be handed over by another way.
    Raises what `invite_user` raises.
    """
    secret = await invite_user(control, act, user, ttl_seconds=ttl_seconds, session=session)
    address = link(secret)
    snapshot = control.live.current
    person = snapshot.users[user]
    mailed = by_mail and await _sent(control.mailer, person, address)
    reach = await asyncio.to_thread(reach_of, snapshot, user, act.at)
    return Joined(address, mailed, tuple(reach), await missing_of(control, act, person))


async def missing_of(control: ControlPlane, act: Act, person: User) -> tuple[Missing, ...]:
    """What the person does not have yet, of what policies may ask for."""
    snapshot = control.live.current
    async with control.store.transaction() as transaction:
        passkeys = await transaction.credentials.passkeys(person.id)
        password = await transaction.credentials.password(person.id)
        contact = await transaction.identity.contacts.of(person.id)
    standing = standing_at(snapshot.standings.get(person.id), act.at)
    facts: list[tuple[Missing, bool]] = [
        ("credential", bool(passkeys) or password is not None),
        ("verified-address", is_contact_of(contact, person.email)),
        ("verified-identity", standing is not None and standing.ial > 0),
        ("device", any(item.owner == person.id for item in snapshot.devices.values())),
    ]
    return tuple(name for name, there in facts if not there)


async def _sent(mailer: Mailer, person: User, link: str) -> bool:
    mail = Mail(
        to=person.email,
        subject="Your invitation to doorward",
        text=(
            f"Hello {person.name},\n\n"
            "Open this link on the device that you work with, and make a passkey:\n\n"
            f"{link}\n\n"
            "It works once. Whoever opens it first becomes you, so do not pass it on.\n"
        ),
    )
    try:
        await mailer.send(mail)
    except DoorwardError:
        return False
    return True
