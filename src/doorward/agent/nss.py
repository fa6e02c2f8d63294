"""A certificate in an NSS database, where Chromium and Firefox on Linux look for theirs.

NSS calls all certificates of one subject by one nickname, so the former one goes before the new
one comes: for a moment there is none. Keys and passwords reach the tools in files, never in their
command lines, which everybody on the machine can read.
"""

from __future__ import annotations

import re
import secrets
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from doorward.agent.certificates import TlsIdentity
from doorward.errors import DoorwardError

CA_NICKNAME: Final = "doorward server CA"
_TIMEOUT_SECONDS: Final = 30
_MAX_FORMER: Final = 64
_ROW: Final = re.compile(r"^(.+?)\s+[a-zA-Z]*,[a-zA-Z]*,[a-zA-Z]*\s*$", re.MULTILINE)


class BrowserCertificates:
    """Has a browser know the device's newest certificate, and trust the server's CA."""

    def __init__(self, folder: Path, nickname: str, ca: Path | None) -> None:
        self._database = NssDatabase(folder)
        self._nickname = nickname
        self._ca = ca

    def __call__(self, identity: TlsIdentity) -> None:
        """Raises `nss-failed`."""
        self._database.prepare()
        if self._ca is not None:
            self._database.trust_server(self._ca)
            self._ca = None
        self._database.put(self._nickname, identity)


def default_database() -> Path | None:
    """The person's own database, where there is one."""
    found = Path.home() / ".pki" / "nssdb"
    return found if found.is_dir() else None


class NssDatabase:
    """The database in `folder`, without a password of its own. Errors are `nss-failed`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def prepare(self) -> None:
        """Make the database where there is none."""
        if not (self._folder / "cert9.db").exists():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._run("certutil", "-N", "--empty-password")

    def trust_server(self, ca: Path) -> None:
        """Believe server certificates that this CA signed."""
        if CA_NICKNAME in self.nicknames():
            self._run("certutil", "-D", "-n", CA_NICKNAME)
        self._run("certutil", "-A", "-n", CA_NICKNAME, "-t", "C,,", "-i", str(ca))

    def put(self, nickname: str, identity: TlsIdentity) -> None:
        """Have the key and certificate under `nickname`, in place of all that were there."""
        password = secrets.token_urlsafe(32)
        data = pkcs12.serialize_key_and_certificates(
            nickname.encode(),
            identity.key,
            identity.certificate,
            [identity.authority],
            serialization.BestAvailableEncryption(password.encode()),
        )
        with tempfile.TemporaryDirectory(prefix="doorward-") as name:
            file, word, none = (Path(name) / part for part in ("device.p12", "password", "none"))
            file.write_bytes(data)
            word.write_text(password)
            none.write_text("\n")
            self.remove(nickname)
            self._run("pk12util", "-i", str(file), "-w", str(word), "-k", str(none))

    def remove(self, nickname: str) -> None:
        """Remove every key and certificate called `nickname`."""
        for _ in range(_MAX_FORMER):
            if nickname not in self.nicknames():
                return
            self._run("certutil", "-F", "-n", nickname)

    def nicknames(self) -> list[str]:
        """What the database holds, one entry for each certificate."""
        return _ROW.findall(self._run("certutil", "-L"))

    def _run(self, tool: str, *arguments: str) -> str:
        command: Sequence[str] = (tool, "-d", f"sql:{self._folder}", *arguments)
        if tool == "certutil":
            action, *rest = arguments
            command = (tool, action, "-d", f"sql:{self._folder}", *rest)
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_TIMEOUT_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DoorwardError(
                "nss-failed", f"{tool} could not be run.", "Install libnss3-tools (nss-tools)."
            ) from error
        if done.returncode != 0:
            raise DoorwardError(
                "nss-failed",
                f"{tool} could not change the browser's certificates in {self._folder}.",
                "See that the agent may write there, and that the database has no password.",
            )
        return done.stdout
