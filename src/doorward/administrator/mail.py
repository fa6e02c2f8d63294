"""Mail to people: what the use cases ask for, and how a message is written."""

from __future__ import annotations

from typing import Protocol

import msgspec
import structlog

from doorward.errors import DoorwardError

_log = structlog.get_logger(__name__)


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A message in plain text to one address."""

    to: str
    subject: str
    text: str


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What a person is told of their account, in plain text. It holds nothing that lets in."""

    subject: str
    text: str


class Mailer(Protocol):
    """Hands messages to whatever delivers them."""

    async def send(self, mail: Mail) -> None:
        """Raises DoorwardError `mail-unsent` where nobody took the message."""
        ...


async def notify(mailer: Mailer, mail: Mail) -> None:
    """Send what is courteous to know, after the act it tells of: a failure changes nothing."""
    try:
        await mailer.send(mail)
    except DoorwardError as error:
        _log.warning("notice-unsent", code=error.code, subject=mail.subject)
