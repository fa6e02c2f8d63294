"""The browser of the end-to-end tests can do what they rely on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from playwright.sync_api import Page

CREATE = """async () => {
  const random = () => crypto.getRandomValues(new Uint8Array(32));
  const credential = await navigator.credentials.create({publicKey: {
    rp: {name: "example", id: "doorward.localhost"},
    user: {id: random(), name: "alice", displayName: "alice"},
    challenge: random(),
    pubKeyCredParams: [{type: "public-key", alg: -7}],
    authenticatorSelection: {residentKey: "required", userVerification: "required"},
  }});
  return credential.type;
}"""


class Blank(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("set-cookie", "__Host-trial=1; Secure; HttpOnly; Path=/")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>blank</title>")

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Blank) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://auth.doorward.localhost:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_a_passkey_can_be_made_over_plain_http_below_localhost(page: Page, address: str) -> None:
    page.goto(address)
    assert page.evaluate("isSecureContext") is True
    assert page.evaluate(CREATE) == "public-key"
    assert [cookie["name"] for cookie in page.context.cookies()] == ["__Host-trial"]
