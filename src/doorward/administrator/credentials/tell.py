"""What a person is told by mail when something about their sign-in changes (SP 800-63B-4 4.6)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.mail import Notice
from doorward.administrator.notices import notify_person
from doorward.model.estate import User
from doorward.model.ids import UnixSeconds

_REPUDIATION = """\
If this was not you, somebody may be trying to take over your account. Tell the people who run
doorward in your organisation at once, by a way that you trust, and do not answer this message.
If you can still sign in, choose "Sign out everywhere" on doorward's sign-in page."""


def account_notice(
    user: User, subject: str, what: str, at: UnixSeconds, address: str = ""
) -> Notice:
    """The message. `what` is one or more sentences, `address` where it was done from."""
    moment = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    place = f", from the address {address}" if address else ""
    text = f"Hello {user.name},\n\n{what}\n\nThis was at {moment}{place}.\n\n{_REPUDIATION}\n"
    return Notice(subject=subject, text=text)


async def tell_person(
    control: ControlPlane,
    user: User,
    subject: str,
    what: str,
    at: UnixSeconds,
    address: str = "",
    *,
    also: Iterable[str] = (),
) -> None:
    """Send it, after the act it tells of; to addresses in `also` too."""
    notice = account_notice(user, subject, what, at, address)
    await notify_person(control, user, notice, also=also)
