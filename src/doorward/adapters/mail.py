"""Sending mail by SMTP, or into a folder where no server is set (port `Mailer`)."""

from __future__ import annotations

import asyncio
import secrets
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Literal

from doorward.adapters.keys import make_folder, write_secret
from doorward.administrator.mail import Mail
from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds

_TIMEOUT_SECONDS = 10

Tls = Literal["implicit", "starttls", "none"]


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where messages are handed in.

    `tls` is `implicit` (RFC 8314), `starttls`, or `none`, which is for a server on this machine.
    """

    host: str
    port: int
    tls: Tls
    user: str = ""
    password: str = ""


class SmtpMailer:
    """Hands each message to one SMTP server; certificates are verified."""

    def __init__(self, server: MailServer, sender: str, clock: Callable[[], UnixSeconds]) -> None:
        self._server = server
        self._sender = sender
        self._clock = clock

    async def send(self, mail: Mail) -> None:
        message = _message(mail, self._sender, self._clock())
        try:
            await asyncio.to_thread(self._deliver, message)
        except (OSError, smtplib.SMTPException) as error:
            raise _unsent("The mail server did not take a message.") from error

    def _deliver(self, message: EmailMessage) -> None:
        server = self._server
        trust = ssl.create_default_context()
        if server.tls == "implicit":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=_TIMEOUT_SECONDS, context=trust
            )
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=_TIMEOUT_SECONDS)
        with connection:
            if server.tls == "starttls":
                connection.starttls(context=trust)
            if server.user:
                connection.login(server.user, server.password)
            connection.send_message(message)


class FolderMailer:
    """Writes each message as a file of mode 0600: for a laptop, where somebody reads them there."""

    def __init__(self, folder: Path, sender: str, clock: Callable[[], UnixSeconds]) -> None:
        self._folder = folder
        self._sender = sender
        self._clock = clock

    async def send(self, mail: Mail) -> None:
        now = self._clock()
        message = _message(mail, self._sender, now)
        try:
            make_folder(self._folder)
            name = f"{int(now * 1000):015d}-{secrets.token_hex(4)}.eml"
            write_secret(self._folder / name, message.as_bytes())
        except OSError as error:
            raise _unsent("A message could not be written to the outbox.") from error


def _message(mail: Mail, sender: str, now: UnixSeconds) -> EmailMessage:
    """Raises `mail-unsent` for an address that no header can hold (a line break, no domain)."""
    message = EmailMessage(policy=SMTP)
    try:
        message["From"] = Address(display_name="doorward", addr_spec=sender)
        message["To"] = Address(addr_spec=mail.to)
        message["Subject"] = " ".join(mail.subject.split())
    except (ValueError, IndexError, MessageError) as error:
        raise _unsent("An address or subject cannot stand in a message.") from error
    message["Date"] = format_datetime(datetime.fromtimestamp(now, UTC))
    message["Message-ID"] = f"<{secrets.token_hex(16)}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    return message


def _unsent(detail: str) -> DoorwardError:
    return DoorwardError(
        "mail-unsent", detail, "Check the mail settings in doorward.toml, and the server's log."
    )
