"""A person's NSS database, in which other people's certificates stand beside the agent's."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from doorward.agent.certificates import TlsIdentity
from doorward.agent.nss import CA_NICKNAME, NssDatabase
from tests.tools import require_tool

NICKNAME = "doorward laptop-1"


class Issuer:
    """Issues certificates; each for a new key."""

    def __init__(self, name: str) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = named(name)
        self.certificate = self._certificate(self.name, self.key)

    def identity(self, subject: str = "laptop-1") -> TlsIdentity:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._certificate(named(subject), key)
        return TlsIdentity(key, certificate, self.certificate, time.time() + 3600, time.time())

    def _certificate(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + timedelta(hours=1))
            .sign(self.key, hashes.SHA256())
        )


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


class Database(NssDatabase):
    """One whose keys are looked for by what `certutil` prints, not by what the agent reads."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.sql = ["-d", f"sql:{folder}"]
        self.asked: list[str] = []
        """The words of every command."""
        self.prepare()

    def _run(self, tool: str, *arguments: str) -> str:
        self.asked += arguments
        return super()._run(tool, *arguments)

    def trusted(self) -> list[x509.Certificate]:
        """The certificates called as the server's CA is; each is believed about servers."""
        rows = subprocess.run(["certutil", "-L", *self.sql], capture_output=True, check=True)
        named = [row for row in rows.stdout.decode().splitlines() if CA_NICKNAME in row]
        assert all(row.split()[-1] == "C,," for row in named)
        shown = subprocess.run(
            ["certutil", "-L", *self.sql, "-n", CA_NICKNAME, "-a"], capture_output=True, check=True
        )
        found = x509.load_pem_x509_certificates(shown.stdout)
        assert len(found) == len(named)
        return found

    def held(self, *identities: TlsIdentity) -> list[bool]:
        """Whether the database holds the key of each of `identities`."""
        shown = subprocess.run(
            ["certutil", "-K", *self.sql], capture_output=True, check=True
        ).stdout.decode("utf-8", "replace")
        return [
            x509.SubjectKeyIdentifier.from_public_key(item.key.public_key()).digest.hex() in shown
            for item in identities
        ]


@pytest.fixture
def database(tmp_path: Path) -> Database:
    require_tool("certutil")
    require_tool("pk12util")
    return Database(tmp_path / "nss")


def test_nothing_of_another_issuer_is_removed(database: Database) -> None:
    """NSS calls all certificates of one subject by one nickname, whoever issued them."""
    ours, theirs = Issuer("doorward devices"), Issuer("Corp")
    first, second, other = ours.identity(), ours.identity(), theirs.identity()
    database.put(NICKNAME, first)
    database.put("their own", other)
    assert database.nicknames().count(NICKNAME) == 2
    database.put(NICKNAME, second)
    assert database.held(first, second, other) == [False, True, True]


Before = Callable[[Database, Issuer], None]


def _same_subject(database: Database, _: Issuer) -> None:
    """NSS then calls the agent's by that nickname."""
    database.put("their own", Issuer("Corp").identity())


def _same_nickname(database: Database, _: Issuer) -> None:
    """NSS then calls the agent's by their common name."""
    database.put(NICKNAME, Issuer("Corp").identity("somebody"))


def _unreadable(database: Database, _: Issuer) -> None:
    """NSS takes it; who reads its issuer finds text that is none."""
    theirs = Issuer("Corp").identity()
    data = theirs.certificate.public_bytes(Encoding.DER).replace(b"Corp", b"\xff\xfe\xff\xfe")
    database.put(NICKNAME, replace(theirs, certificate=x509.load_der_x509_certificate(data)))


def _no_nickname(database: Database, _: Issuer) -> None:
    database.put(" ", Issuer("Corp").identity("somebody"))


def _not_utf8(database: Database, ours: Issuer) -> None:
    certificate = ours.identity("somebody").certificate
    file = Path(database.sql[1].removeprefix("sql:")) / "their.der"
    file.write_bytes(certificate.public_bytes(Encoding.DER))
    subprocess.run(
        ["certutil", "-A", *database.sql, "-n", b"caf\xe9", "-t", ",,", "-i", file], check=True
    )


OTHERS = (_same_subject, _same_nickname, _unreadable, _no_nickname, _not_utf8)


@pytest.mark.parametrize("before", OTHERS)
def test_the_former_one_goes_whatever_else_is_there(database: Database, before: Before) -> None:
    ours = Issuer("doorward devices")
    before(database, ours)
    database.nicknames()
    renewed = [ours.identity() for _ in range(3)]
    for identity in renewed:
        database.put(NICKNAME, identity)
    assert database.held(*renewed) == [False, False, True]


def test_nothing_goes_where_the_new_one_is_not_found(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("doorward.agent.nss._key_id", lambda _: "00" * 20)
    ours = Issuer("doorward devices")
    first, second, third = (ours.identity() for _ in range(3))
    database.put(NICKNAME, first)
    database.put(NICKNAME, second)
    assert database.held(first, second) == [True, True]
    monkeypatch.undo()
    database.put(NICKNAME, third)
    assert database.held(first, second, third) == [False, False, True]


def test_the_server_ca_is_never_gone_for_a_moment(database: Database, tmp_path: Path) -> None:
    """A browser that looks then would warn of the server; another CA takes its place."""
    before, after = (Issuer("doorward server CA").certificate for _ in range(2))
    file = tmp_path / "server-ca.pem"
    file.write_bytes(before.public_bytes(Encoding.PEM))
    database.trust_server(file)
    subprocess.run(["certutil", "-M", *database.sql, "-n", CA_NICKNAME, "-t", ",,"], check=True)
    database.asked.clear()
    database.trust_server(file)
    assert "-D" not in database.asked
    assert database.trusted() == [before]
    file.write_bytes(after.public_bytes(Encoding.PEM))
    database.trust_server(file)
    assert database.trusted() == [after]
