"""Notices: telling a person what happens to their account, at every address they have for it.

What lets somebody in (an invitation, a code, a link) is no notice, and goes to the estate's
address alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import structlog

from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.mail import Mail, Notice, notify
from doorward.errors import DoorwardError
from doorward.model.estate import User

_log = structlog.get_logger(__name__)


async def notify_person(
    control: ControlPlane, user: User, notice: Notice, *, also: Iterable[str] = ()
) -> None:
    """Send it, after the act it tells of, to each address of the person and to those in `also`.

    One that cannot be reached keeps no other from being reached.
    """
    addresses = _each_once([*await addresses_of(control, user), *also])
    await asyncio.gather(
        *(
            notify(control.mailer, Mail(to=address, subject=notice.subject, text=notice.text))
            for address in addresses
        )
    )


async def addresses_of(control: ControlPlane, user: User) -> list[str]:
    """Where a person is told: the estate's address and the further one, as far as there are any."""
    further = None
    try:
        async with control.store.transaction() as transaction:
            further = await transaction.identity.notice_addresses.of(user.id)
    except DoorwardError as error:
        _log.warning("notice-address-unread", code=error.code, user=user.id)
    return _each_once([user.email, further.value if further else ""])


def _each_once(addresses: Iterable[str]) -> list[str]:
    found: dict[str, str] = {}
    for address in filter(None, addresses):
        found.setdefault(address.casefold(), address)
    return [*found.values()]
