"""A running Chromium presents the certificate that the agent renewed, without asking."""

from __future__ import annotations

import json
import os
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from playwright.sync_api import sync_playwright

from doorward.adapters import ca
from doorward.agent.browser_policy import browser_policy
from doorward.agent.certificates import keep, renew
from doorward.agent.channel import Channel
from doorward.agent.control import Control
from doorward.agent.enrolment import Wish, enrol
from doorward.agent.key_choice import TpmUse, kept_key
from doorward.agent.nss import BrowserCertificates
from doorward.agent.state import StateFolder
from tests.fakes.agent_control import FakeControl
from tests.tools import give_up, require_tool

HOST = "app.corp.test"
ASK_WITHOUT_END = """() => {
  const ask = () => fetch("/").catch(() => null).then(ask);
  ask();
}"""
NAMESPACE = ["--mount"] if os.geteuid() == 0 else ["--map-root-user", "--mount"]


@contextmanager
def renewing(folder: StateFolder, database: Path, server_ca: Path) -> Iterator[Callable[[], int]]:
    """An enrolled device; each call renews its certificate, and answers the serial number."""
    control = FakeControl(now=time.time())
    wish = Wish(name="laptop", platform="linux", code=control.code, tpm=TpmUse.OFF)
    transport = control.transport()
    with folder.held(), Control("http://auth.corp.localhost", transport=transport) as http:
        key = kept_key(enrol(http, folder, wish, lambda *_: None), folder)
        channel = Channel(http, key, folder, time.time)
        publish = BrowserCertificates(database, "doorward laptop-1", server_ca)

        def fresh() -> int:
            identity = renew(channel, key.public_der)
            keep(folder, identity)
            publish(identity)
            return identity.certificate.serial_number

        yield fresh


@contextmanager
def application(authority: ca.KeyPair, devices: Path, folder: Path) -> Iterator[int]:
    """An HTTPS server that answers with the serial number of its client's certificate."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            connection: Any = self.connection
            der = connection.getpeercert(binary_form=True)
            serial = x509.load_der_x509_certificate(der).serial_number if der else None
            body = str(serial).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.send_header("connection", "close")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    pair = ca.issue_server(authority, [HOST], time.time())
    (folder / "tls.pem").write_bytes(pair.certificate)
    (folder / "tls.key").write_bytes(pair.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "tls.pem", folder / "tls.key")
    context.load_verify_locations(devices)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.num_tickets = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def managed_chromium(folder: Path, policy: dict[str, Any]) -> Path:
    """A program that runs Chromium under `policy`, in a mount namespace of its own."""
    require_tool("unshare")
    if not Path("/etc/chromium").is_dir():
        give_up("needs /etc/chromium, of the Debian package chromium")
    (folder / "policy.json").write_text(json.dumps(policy))
    program = folder / "chromium"
    managed = "/etc/chromium/policies/managed"
    program.write_text(
        f"#!/bin/sh\nexec unshare {' '.join(NAMESPACE)} sh -c '\n"
        "mount -t tmpfs tmpfs /etc/chromium &&\n"
        f"mkdir -p {managed} && cp {folder / 'policy.json'} {managed}/ &&\n"
        f'exec {require_tool("chromium")} "$@"\' chromium "$@"\n'
    )
    program.chmod(0o700)
    return program


@pytest.mark.timeout(100)
def test_a_running_chromium_presents_the_renewed_certificate(tmp_path: Path) -> None:
    require_tool("certutil")
    require_tool("pk12util")
    authority = ca.create_authority("server CA", time.time())
    server_ca = tmp_path / "server-ca.pem"
    server_ca.write_bytes(authority.certificate)
    folder = StateFolder(tmp_path / "state")
    flags = ["--no-sandbox", f"--host-resolver-rules=MAP {HOST} 127.0.0.1"]
    with renewing(folder, tmp_path / ".pki" / "nssdb", server_ca) as fresh:
        latest = fresh()
        program = managed_chromium(tmp_path, browser_policy(folder))
        with (
            application(authority, folder.authority, tmp_path) as port,
            sync_playwright() as playwright,
        ):
            browser = playwright.chromium.launch(
                executable_path=program, args=flags, env={**os.environ, "HOME": str(tmp_path)}
            )
            page = browser.new_page()

            def presented() -> int:
                answer = page.goto(f"https://{HOST}:{port}/", timeout=15_000)
                assert answer is not None
                return int(answer.text())

            assert presented() == latest
            page.evaluate(ASK_WITHOUT_END)
            for _ in range(4):
                latest = fresh()
                assert presented() == latest
                page.evaluate(ASK_WITHOUT_END)
            browser.close()
