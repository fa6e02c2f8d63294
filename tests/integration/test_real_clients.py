"""Clients that are not ours sign people in: Authlib's, and npm `openid-client`, which is certified.

The provider is served for real; the person's browser is one without pages.
"""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest
from granian.constants import Interfaces
from granian.server.embed import Server
from joserfc import jwt
from joserfc.jwk import KeySet

from doorward.adapters.clock import now
from doorward.administrator.control_plane import Act
from doorward.administrator.sign_out_everywhere import sign_out_everywhere
from doorward.entrypoints.login import app
from tests.fakes.openid_desk import GOODBYE, SAME, Stand, stand
from tests.fakes.sign_in import ALICE, AUTH_HOST
from tests.integration.login_stand import answering
from tests.tools import free_ports, require_node_package, require_tool

with warnings.catch_warnings():
    # Authlib says that httpx has a successor.
    from authlib.deprecate import AuthlibDeprecationWarning

    warnings.simplefilter("ignore", AuthlibDeprecationWarning)
    from authlib.integrations.httpx_client import AsyncOAuth2Client, OAuthError

CALLBACKS = {"wiki": "https://wiki.example.org/cb", "app": "http://127.0.0.1:49321/cb"}
ALGORITHMS = {"wiki": "RS256", "app": "ES256"}
SCOPE = "openid profile email groups offline_access"


class Local(httpx.AsyncBaseTransport):
    """Connects to this machine, whatever the name: `.localhost` resolves in browsers only."""

    def __init__(self) -> None:
        self._inner = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(host="127.0.0.1")
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


@dataclass
class Running:
    office: Stand
    issuer: str
    opened: list[httpx.AsyncClient] = field(default_factory=list)

    async def browser(self) -> httpx.AsyncClient:
        """A browser in which alice is signed in."""
        found = httpx.AsyncClient(transport=Local(), base_url=self.issuer)
        self.opened.append(found)
        # Secure cookies: browsers keep them on `*.localhost`, this one has to be told.
        await found.get("/sign-in")
        headers = {**SAME, "origin": self.issuer}
        answer = await self.send(found, "POST", "/sign-in", await self.office.form(), headers)
        assert answer.status_code == 303, answer.text
        return found

    async def send(
        self,
        browser: httpx.AsyncClient,
        method: str,
        path: str,
        data: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.cookies.jar)
        return await browser.request(
            method, path, data=data, headers={**(headers or {}), "cookie": cookies}
        )

    async def led_back(self, browser: httpx.AsyncClient, url: str) -> str:
        answer = await self.send(browser, "GET", url)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    office = await stand()
    await office.desk.with_password(ALICE)
    port = free_ports()
    issuer = f"http://{AUTH_HOST}:{port}"
    office.desk.openid = replace(office.desk.openid, issuer=issuer)
    # Clients look at the time in tokens by their own clocks.
    office.desk.now = now()
    application = app(
        office.desk.authenticators,
        clock=lambda: office.desk.now,
        auth_origins=[issuer],
        session_seconds=3600,
        openid=office.desk.openid,
        fleet=office.desk.fleet,
        federation=office.desk.federation,
    )
    server = Server(
        application,
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGI,
        websockets=False,
        log_enabled=False,
    )
    serving = asyncio.create_task(server.serve())
    await answering(port)
    here = Running(office, issuer)
    yield here
    for browser in here.opened:
        await browser.aclose()
    server.stop()  # type: ignore[no-untyped-call]
    await serving


@pytest.mark.parametrize("name", ["wiki", "app"])
async def test_authlib_s_client(running: Running, name: str) -> None:
    browser = await running.browser()
    async with httpx.AsyncClient(transport=Local()) as plain:
        metadata = (await plain.get(f"{running.issuer}/.well-known/openid-configuration")).json()
        keys = KeySet.import_key_set((await plain.get(metadata["jwks_uri"])).json())
    client = AsyncOAuth2Client(
        client_id=name,
        client_secret=running.office.secrets.get(name),
        redirect_uri=CALLBACKS[name],
        scope=SCOPE,
        token_endpoint_auth_method="client_secret_post" if name == "wiki" else "none",
        code_challenge_method="S256",
        transport=Local(),
    )
    async with client:
        verifier = "authlib-s-verifier-0123456789-0123456789-012345"
        url, state = client.create_authorization_url(
            metadata["authorization_endpoint"], code_verifier=verifier, nonce="n"
        )
        back = await running.led_back(browser, url)
        token = await client.fetch_token(
            metadata["token_endpoint"],
            authorization_response=back,
            state=state,
            code_verifier=verifier,
        )
        claims = jwt.decode(token["id_token"], keys, algorithms=[ALGORITHMS[name]]).claims
        assert (claims["sub"], claims["aud"], claims["nonce"]) == ("alice", name, "n")
        said = (await client.get(metadata["userinfo_endpoint"])).json()
        assert said["email"] == "alice@example.test"
        stolen = token["refresh_token"]
        await client.refresh_token(metadata["token_endpoint"])
        assert (await client.get(metadata["userinfo_endpoint"])).status_code == 200
        with pytest.raises(OAuthError, match="invalid_grant"):
            await client.refresh_token(metadata["token_endpoint"], refresh_token=stolen)
        assert (await client.get(metadata["userinfo_endpoint"])).status_code == 401


@dataclass
class Node:
    """The Node program, asked line by line."""

    process: asyncio.subprocess.Process
    said: list[dict[str, Any]] = field(default_factory=list)

    async def do(self, act: str, **fields: Any) -> dict[str, Any]:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({"act": act, **fields}).encode() + b"\n")
        async with asyncio.timeout(20):
            answer: dict[str, Any] = json.loads(await self.process.stdout.readline())
        self.said.append(answer)
        return answer


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    folder = require_node_package("openid-client").parents[1]
    process = await asyncio.create_subprocess_exec(
        require_tool("node"),
        "--no-warnings",
        "client.mjs",
        cwd=folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    yield Node(process)
    assert process.stdin
    process.stdin.close()
    assert await process.wait() == 0


@pytest.mark.parametrize("name", ["wiki", "app"])
async def test_the_certified_client_of_node(running: Running, node: Node, name: str) -> None:
    browser = await running.browser()
    found = await node.do(
        "discover",
        issuer=running.issuer,
        client_id=name,
        secret=running.office.secrets.get(name),
        algorithm=ALGORITHMS[name],
    )
    assert found == {"pkce": True}
    begun = await node.do("begin", redirect_uri=CALLBACKS[name], scope=SCOPE)
    back = await running.led_back(browser, begun["url"])
    done = await node.do("finish", url=back)
    assert "failed" not in done, done
    assert done["claims"]["sub"] == "alice"
    assert done["claims"]["acr"] == "urn:doorward:aal:2"
    assert done["scope"].split() == SCOPE.split()
    assert (await node.do("userinfo"))["email"] == "alice@example.test"
    refreshed = await node.do("refresh")
    assert refreshed["rotated"] is True
    assert refreshed["claims"]["sid"] == done["claims"]["sid"]
    assert await node.do("revoke") == {}
    assert (await node.do("refresh"))["failed"] == "invalid_grant"
    left = await node.do("logout", post_logout_redirect_uri=GOODBYE)
    assert await running.led_back(browser, left["url"]) == f"{GOODBYE}?state=back"
    assert not running.office.desk.control.live.current.sessions


async def test_the_certified_client_notices_a_mix_up(running: Running, node: Node) -> None:
    browser = await running.browser()
    secret = running.office.secrets["wiki"]
    await node.do(
        "discover", issuer=running.issuer, client_id="wiki", secret=secret, algorithm="RS256"
    )
    begun = await node.do("begin", redirect_uri=CALLBACKS["wiki"], scope="openid")
    back = await running.led_back(browser, begun["url"])
    other = httpx.URL(back).copy_set_param("iss", "https://evil.example")
    assert "failed" in await node.do("finish", url=str(other))
    without = httpx.URL(back).copy_remove_param("iss")
    assert "failed" in await node.do("finish", url=str(without))
    assert "failed" not in await node.do("finish", url=back)


async def test_the_certified_client_learns_that_a_session_ended(
    running: Running, node: Node
) -> None:
    browser = await running.browser()
    secret = running.office.secrets["wiki"]
    await node.do(
        "discover", issuer=running.issuer, client_id="wiki", secret=secret, algorithm="RS256"
    )
    begun = await node.do("begin", redirect_uri=CALLBACKS["wiki"], scope=SCOPE)
    await node.do("finish", url=await running.led_back(browser, begun["url"]))
    act = Act("operator", running.office.desk.now)
    await sign_out_everywhere(running.office.desk.control, act, ALICE)
    assert (await node.do("refresh"))["failed"] == "invalid_grant"
    assert "failed" in await node.do("userinfo")
