"""A stand-in for the agent, over the real protocol through Envoy, and a browser that has the
device's certificate where Chromium looks for it.
"""

from __future__ import annotations

import base64
import http.client
import json
import secrets
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from playwright.sync_api import BrowserContext, Page, Playwright

from doorward.model.ids import DeviceId
from doorward.protocol.agent import DEVICES, ENROLMENTS, SIGNATURE_HEADER
from tests.e2e.conftest import CHROMIUM_FLAGS, PASSKEY_DEVICE
from tests.e2e.demo import Demo
from tests.fakes.device_pairs import csr_for
from tests.fakes.fleet import SoftwareDevice
from tests.tools import require_tool

DOMAIN = "doorward.localhost"
POLICIES = Path("/etc/chromium/policies/managed")
HALF_AN_HOUR = 1800


def secure(demo: Demo, host: str, path: str = "/") -> str:
    """The address of a resource's host by TLS."""
    return f"https://{host}.{DOMAIN}:{demo.port + 1}{path}"


def connection(
    demo: Demo, host: str, files: tuple[Path, Path] | None = None
) -> http.client.HTTPSConnection:
    """A TLS connection to Envoy for one host, with a client certificate and key or without."""
    context = ssl.create_default_context(cafile=str(demo.data / "control/keys/server-ca.pem"))
    if files is not None:
        context.load_cert_chain(*files)
    found = _Local("127.0.0.1", demo.port + 1, context=context, timeout=10)
    found.name = f"{host}.{DOMAIN}"
    return found


class _Local(http.client.HTTPSConnection):
    """To this machine, whatever name is asked for: `*.localhost` needs no resolver."""

    name = ""

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        context: ssl.SSLContext = self._context  # type: ignore[attr-defined]
        self.sock = context.wrap_socket(self.sock, server_hostname=self.name)


def ask(
    at: http.client.HTTPSConnection, demo: Demo, host: str, path: str, cookie: str = ""
) -> tuple[int, str]:
    """Status and body of a program's GET."""
    headers = {"host": f"{host}.{DOMAIN}:{demo.port + 1}", "accept": "application/json"}
    at.request("GET", path, headers=headers | ({"cookie": cookie} if cookie else {}))
    answer = at.getresponse()
    return answer.status, answer.read().decode("utf-8", "replace")


@dataclass
class StandIn:
    """A device that enrols and fetches certificates as doorward's agent does."""

    demo: Demo
    name: str
    device: SoftwareDevice = field(default_factory=lambda: SoftwareDevice(DeviceId("")))
    counter: int = 0
    nonce: str = ""

    def post(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """One signed message."""
        message = self.device.signed(path, json.dumps(body).encode())
        at = connection(self.demo, "auth")
        headers = {
            "host": f"auth.{DOMAIN}:{self.demo.port + 1}",
            "content-type": "application/json",
            SIGNATURE_HEADER: message.signature,
        }
        at.request("POST", path, body=message.body, headers=headers)
        answer = at.getresponse()
        found: dict[str, Any] = json.loads(answer.read())
        at.close()
        return answer.status, found

    def ask(self, code: str = "") -> dict[str, Any]:
        """Ask to be enrolled."""
        key = base64.b64encode(self.device.public_key).decode()
        body = {"name": self.name, "platform": "linux", "agent_version": "1.0", "public_key": key}
        status, started = self.post(ENROLMENTS, body | ({"code": code} if code else {}))
        assert status == 200, started
        return started

    def fetch(self, enrolment: str) -> bool:
        """Ask how it stands; whether it is enrolled now."""
        status, found = self.post(f"{ENROLMENTS}/{enrolment}", {})
        if status == 202:
            return False
        assert status == 200, found
        self.device.id, self.nonce = DeviceId(found["device"]), found["nonce"]
        return True

    def certificate(
        self, folder: Path, path: str = "certificate", **more: str
    ) -> tuple[Path, Path]:
        """A certificate for a fresh key, as two files."""
        private = ec.generate_private_key(ec.SECP256R1())
        self.counter += 1
        csr = base64.b64encode(csr_for(private)).decode()
        body = {"counter": self.counter, "nonce": self.nonce, "csr": csr, **more}
        status, issued = self.post(f"{DEVICES}/{self.device.id}/{path}", body)
        assert status == 200, issued
        self.nonce = issued["nonce"]
        assert HALF_AN_HOUR - 60 < issued["renew_at"] - time.time() <= HALF_AN_HOUR
        return write_pair(folder, private, base64.b64decode(issued["certificate"]))


def write_pair(
    folder: Path, private: ec.EllipticCurvePrivateKey, certificate: bytes
) -> tuple[Path, Path]:
    """Certificate and key as PEM files of a new name."""
    stem = folder / secrets.token_hex(4)
    pem = x509.load_der_x509_certificate(certificate).public_bytes(serialization.Encoding.PEM)
    stem.with_suffix(".pem").write_bytes(pem)
    stem.with_suffix(".key").write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return stem.with_suffix(".pem"), stem.with_suffix(".key")


@dataclass(frozen=True, slots=True)
class Home:
    """A home folder with an NSS store in which Chromium finds our CA, and certificates."""

    folder: Path

    @classmethod
    def make(cls, folder: Path, demo: Demo) -> Home:
        """A new one, that trusts the installation's server CA."""
        home = cls(folder)
        home.store.mkdir(parents=True)
        home.run("certutil", "-N", "--empty-password")
        authority = str(demo.data / "control/keys/server-ca.pem")
        home.run("certutil", "-A", "-t", "CT,C,C", "-n", "doorward", "-i", authority)
        return home

    @property
    def store(self) -> Path:
        """Where NSS keeps it."""
        return self.folder / ".pki" / "nssdb"

    def run(self, tool: str, *arguments: str) -> None:
        """One of NSS' tools on this store."""
        command = [str(require_tool(tool)), "-d", f"sql:{self.store}", *arguments]
        subprocess.run(command, check=True, capture_output=True, timeout=60)

    def keep(self, files: tuple[Path, Path]) -> None:
        """Import a certificate with its key."""
        certificate, key = (file.read_bytes() for file in files)
        private = serialization.load_pem_private_key(key, None)
        assert isinstance(private, ec.EllipticCurvePrivateKey)
        packed = pkcs12.serialize_key_and_certificates(
            b"device",
            private,
            x509.load_pem_x509_certificate(certificate),
            None,
            serialization.BestAvailableEncryption(b"x"),
        )
        file = self.folder / "device.p12"
        file.write_bytes(packed)
        self.run("pk12util", "-i", str(file), "-W", "x")
        file.unlink()

    @contextmanager
    def browser(self, playwright: Playwright) -> Iterator[tuple[BrowserContext, Page]]:
        """Chromium with this home, a fresh profile, and a passkey device built in."""
        context = playwright.chromium.launch_persistent_context(
            str(self.folder / secrets.token_hex(4)),
            executable_path=str(require_tool("chromium")),
            headless=True,
            args=list(CHROMIUM_FLAGS),
            env={"HOME": str(self.folder)},
            viewport={"width": 1280, "height": 800},
        )
        context.set_default_timeout(15_000)
        page = context.new_page()
        devtools = context.new_cdp_session(page)
        devtools.send("WebAuthn.enable")
        devtools.send("WebAuthn.addVirtualAuthenticator", {"options": PASSKEY_DEVICE})
        yield context, page
        context.close()


@contextmanager
def certificate_chosen_by_policy() -> Iterator[None]:
    """Chromium shows certificates of our device CA without asking, by managed policy."""
    chosen = {
        "pattern": f"https://[*.]{DOMAIN}",
        "filter": {"ISSUER": {"CN": f"doorward device CA {DOMAIN}"}},
    }
    made = [folder for folder in (POLICIES, *POLICIES.parents) if not folder.exists()]
    POLICIES.mkdir(parents=True, exist_ok=True)
    file = POLICIES / f"doorward-test-{secrets.token_hex(8)}.json"
    file.write_text(json.dumps({"AutoSelectCertificateForUrls": [json.dumps(chosen)]}))
    try:
        yield
    finally:
        file.unlink()
        for folder in made:
            if not any(folder.iterdir()):
                folder.rmdir()
