"""A certificate in an NSS database, where Chromium and Firefox on Linux look for theirs.

The new certificate comes before the former one goes: a browser that finds none for a site
presents none there until it is restarted. Keys and passwords reach the tools in files, never in
their command lines, which everybody on the machine can read.

Root keeps a person's database as that person: in a folder of theirs each file may be a link to
one that they must not write, and what root made there their browser could not read.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12

from doorward.agent.certificates import TlsIdentity
from doorward.errors import DoorwardError

CA_NICKNAME: Final = "doorward server CA"
_TIMEOUT_SECONDS: Final = 30
_ROW: Final = re.compile(r"^(.+?)\s+[a-zA-Z]*,[a-zA-Z]*,[a-zA-Z]*\s*$", re.MULTILINE)
_KEY: Final = re.compile(r"^< *\d+> +\S+ +((?:[0-9a-f]{2})+) +(.*?) *$", re.MULTILINE)


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
            if self._owner() is None:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            else:
                self._called("mkdir", "-p", "-m", "700", str(self._folder))
            self._run("certutil", "-N", "--empty-password")

    def trust_server(self, ca: Path) -> None:
        """Believe server certificates that this CA signed, and not those of one before."""
        wanted = ca.read_bytes()
        if CA_NICKNAME in self.nicknames():
            known = self._run("certutil", "-L", "-n", CA_NICKNAME, "-a")
            if known.encode().split() != wanted.split():
                self._run("certutil", "-D", "-n", CA_NICKNAME)
        with self._files(wanted) as (file,):
            self._run("certutil", "-A", "-n", CA_NICKNAME, "-t", "C,,", "-i", file)

    def put(self, nickname: str, identity: TlsIdentity) -> None:
        """Have the key and certificate, in place of those that the same issuer issued before.

        They come under `nickname`, or under what NSS calls others of their subject already.
        """
        password = secrets.token_urlsafe(32)
        data = pkcs12.serialize_key_and_certificates(
            nickname.encode(),
            identity.key,
            identity.certificate,
            [identity.authority],
            serialization.BestAvailableEncryption(password.encode()),
        )
        with self._files(data, password.encode(), b"\n") as (file, word, none):
            self._run("pk12util", "-i", file, "-w", word, "-k", none)
        kept, keys = _key_id(identity.key), self._keys()
        names = {nickname, keys[kept]} if kept in keys else set()
        for former in [key for key, name in keys.items() if name in names and key != kept]:
            self._remove(former, identity.certificate.issuer)

    def _keys(self) -> dict[str, str]:
        """The nickname of each key, by its id; there is one at least."""
        return dict(_KEY.findall(self._run("certutil", "-K")))

    def _remove(self, key_id: str, issuer: x509.Name) -> None:
        """Remove a key with the certificate that `issuer` gave it; another's stays.

        So does one that cannot be read. A key that an interruption left alone goes too.
        """
        name = f"pkcs11:id=%{bytes.fromhex(key_id).hex('%')}"
        try:
            found = self._run("certutil", "-L", "-n", name, "-a")
        except DoorwardError:
            self._run("certutil", "-F", "-k", key_id)
            return
        with suppress(ValueError):
            if x509.load_pem_x509_certificate(found.encode()).issuer == issuer:
                self._run("certutil", "-F", "-n", name)

    def nicknames(self) -> list[str]:
        """What the database holds, one entry for each certificate."""
        return _ROW.findall(self._run("certutil", "-L"))

    @contextmanager
    def _files(self, *contents: bytes) -> Iterator[tuple[str, ...]]:
        """Files for the tools to read, in a folder that nobody else may enter."""
        owner = self._owner()
        with tempfile.TemporaryDirectory(prefix="doorward-") as name:
            paths = [Path(name) / str(place) for place in range(len(contents))]
            for path, content in zip(paths, contents, strict=True):
                path.write_bytes(content)
            if owner is not None:
                for path in (*paths, Path(name)):
                    os.chown(path, *owner)
            yield tuple(map(str, paths))

    def _run(self, tool: str, *arguments: str) -> str:
        folder = f"sql:{self._folder}"
        if tool == "certutil":
            action, *rest = arguments
            return self._called(tool, action, "-d", folder, *rest)
        return self._called(tool, "-d", folder, *arguments)

    def _called(self, *command: str) -> str:
        owner = self._owner()
        user, group = (None, None) if owner is None else owner
        tool = command[0]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=_TIMEOUT_SECONDS,
                check=False,
                user=user,
                group=group,
                extra_groups=None if owner is None else (),
            )
        except (OSError, subprocess.SubprocessError) as error:
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

    def _owner(self) -> tuple[int, int] | None:
        """Whom root acts for: who owns the folder, or what leads there, where that is not root.

        None where the tools run as who runs this.
        """
        if os.name != "posix" or os.geteuid() != 0:
            return None
        folder = self._folder.absolute()
        with suppress(FileNotFoundError):
            for path in (*reversed(folder.parents), folder):
                found = path.lstat()
                if found.st_uid != 0:
                    return found.st_uid, found.st_gid
        return None


def _key_id(key: ec.EllipticCurvePrivateKey) -> str:
    """What NSS calls the key: the SHA-1 of its public point, as CKA_ID (PKCS #11, 4.9)."""
    form = serialization.PublicFormat.UncompressedPoint
    point = key.public_key().public_bytes(serialization.Encoding.X962, form)
    return hashlib.sha1(point, usedforsecurity=False).hexdigest()
