"""A real OpenID Connect provider that is not ours: npm `oidc-provider`, certified, on loopback."""

from __future__ import annotations

import json
import selectors
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.tools import free_ports, require_node_package, require_tool

CLIENT_ID = "doorward"
CLIENT_SECRET = "a secret that is long enough: %+&"
ACCOUNTS: Mapping[str, Any] = {
    "alice": {
        "claims": {
            "email": "alice@example.com",
            "email_verified": True,
            "groups": ["Finance", "Everyone"],
        },
        "acr": "phr",
        "amr": ["hwk", "pin"],
    },
    "mallory": {"claims": {"email": "alice@example.com", "email_verified": False}},
}
_START_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class RealProvider:
    """Running; `sign_out` is the page at which a person ends their session there."""

    issuer: str

    @property
    def sign_out(self) -> str:
        return f"{self.issuer}/session/end"


@contextmanager
def running(
    redirect_uris: Sequence[str], logout_uri: str, accounts: Mapping[str, Any] = ACCOUNTS
) -> Iterator[RealProvider]:
    """The provider, with doorward registered as its client."""
    folder, node = require_node_package("oidc-provider").parent.parent, require_tool("node")
    port = free_ports()
    process = subprocess.Popen(
        [node, "--no-warnings", "provider.mjs"],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdin
        settings = {
            "port": port,
            "clientId": CLIENT_ID,
            "clientSecret": CLIENT_SECRET,
            "redirectUris": list(redirect_uris),
            "logoutUri": logout_uri,
            "accounts": accounts,
        }
        process.stdin.write(json.dumps(settings).encode() + b"\n")
        process.stdin.flush()
        _wait_ready(process)
        yield RealProvider(f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.communicate()


def _wait_ready(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        if not selector.select(_START_SECONDS) or process.stdout.readline() != b"ready\n":
            message = "the provider did not start: run `node provider.mjs` to see why"
            raise AssertionError(message)
