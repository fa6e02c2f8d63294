from __future__ import annotations

import socket
import stat
import threading
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from doorward.adapters.mail import FolderMailer, MailServer, SmtpMailer
from doorward.administrator.mail import Mail, notify
from doorward.errors import DoorwardError
from tests.fakes.store import KeptMail

MAIL = Mail(to="alice@example.org", subject="A new\r\nBcc: x@example.org", text="Grüße.\n.\nEnd.\n")


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def noon() -> float:
    return 1795435200.0


async def test_a_message_in_the_folder_is_whole_and_private(tmp_path: Path) -> None:
    await FolderMailer(tmp_path / "outbox", "doorward@example.org", noon).send(MAIL)
    (path,) = files_in(tmp_path / "outbox")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    message = message_from_bytes(path.read_bytes(), policy=default)
    assert message["To"] == "alice@example.org"
    assert message["Bcc"] is None
    assert message["Auto-Submitted"] == "auto-generated"
    assert "Grüße." in message.get_content()


@pytest.mark.parametrize("to", ["", "alice", "a@b\r\nBcc: c@d", "a@", "@b", "a b@c"])
async def test_an_address_that_no_header_can_hold_is_refused(tmp_path: Path, to: str) -> None:
    mailer = FolderMailer(tmp_path, "doorward@example.org", noon)
    with pytest.raises(DoorwardError, match="mail-unsent"):
        await mailer.send(Mail(to=to, subject="x", text="x"))
    assert not files_in(tmp_path)


class SmallServer(threading.Thread):
    """Takes one message by SMTP, on loopback."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.envelope: list[str] = []
        self.data = b""

    def run(self) -> None:
        connection, _ = self.listener.accept()
        with connection, connection.makefile("rwb") as stream:

            def say(line: str) -> None:
                stream.write(f"{line}\r\n".encode())
                stream.flush()

            say("220 here")
            while line := stream.readline().decode().strip():
                if line.upper() == "DATA":
                    say("354 go on")
                    while (part := stream.readline()) != b".\r\n":
                        self.data += part
                elif line.upper() == "QUIT":
                    say("221 bye")
                    return
                else:
                    self.envelope.append(line)
                say("250 ok")


async def test_a_message_reaches_the_server() -> None:
    server = SmallServer()
    server.start()
    place = MailServer("127.0.0.1", server.port, "none")
    await SmtpMailer(place, "doorward@example.org", noon).send(MAIL)
    server.join(5)
    server.listener.close()
    assert any("RCPT TO:<ALICE@EXAMPLE.ORG>" in line.upper() for line in server.envelope)
    assert message_from_bytes(server.data, policy=default)["From"].addresses[0].addr_spec == (
        "doorward@example.org"
    )


async def test_a_server_that_is_not_there_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    mailer = SmtpMailer(MailServer("127.0.0.1", port, "none"), "doorward@example.org", noon)
    with pytest.raises(DoorwardError, match="mail-unsent"):
        await mailer.send(MAIL)


async def test_a_notice_that_nobody_takes_stops_nothing() -> None:
    mailer = KeptMail()
    mailer.broken = True
    await notify(mailer, MAIL)
