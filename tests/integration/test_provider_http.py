"""HTTP to providers over real sockets: what is too much, too slow, elsewhere or untrusted."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from doorward.adapters import installation
from doorward.adapters.addresses import Address
from doorward.adapters.clock import now
from doorward.adapters.federation import http
from doorward.adapters.federation.http import MAX_BYTES, TIMEOUT_SECONDS, HttpxProviderHttp
from doorward.administrator.federation.ports import Answer
from doorward.errors import DoorwardError

Respond = Callable[[str, asyncio.StreamWriter], Awaitable[None]]
DATE = "Wed, 25 Nov 2026 10:00:00 GMT"


@asynccontextmanager
async def serving(respond: Respond, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            body = await reader.readexactly(int(length or 0))
            await respond((head + body).decode(), writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


def fixed(status: str, body: bytes = b"", *headers: str) -> Respond:
    async def respond(_: str, writer: asyncio.StreamWriter) -> None:
        lines = [
            f"HTTP/1.1 {status}",
            f"content-length: {len(body)}",
            "connection: close",
            *headers,
        ]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    return respond


async def get(
    url: str, *, issuer: str = "", bearer: str = "", timeout_seconds: float = TIMEOUT_SECONDS
) -> Answer:
    """What the issuer, unless it is another, answers at an address of its own."""
    client = HttpxProviderHttp(timeout_seconds=timeout_seconds)
    return await client.get(url, issuer=issuer or url, bearer=bearer)


async def test_an_answer_comes_with_the_clock_of_the_provider() -> None:
    async with serving(fixed("200 OK", b"{}", f"date: {DATE}")) as port:
        answer = await get(f"http://127.0.0.1:{port}/x")
    assert (answer.status, answer.body, answer.date) == (200, b"{}", 1795600800.0)


@pytest.mark.parametrize("date", ["", "yesterday", "Wed, 99 Nov 2026 10:00:00 GMT"])
async def test_a_clock_that_is_not_told_is_unknown(date: str) -> None:
    async with serving(fixed("200 OK", b"", f"date: {date}")) as port:
        assert (await get(f"http://127.0.0.1:{port}/x")).date is None


async def test_a_name_below_localhost_is_this_machine() -> None:
    seen: list[str] = []

    async def respond(request: str, writer: asyncio.StreamWriter) -> None:
        seen.append(request)
        await fixed("200 OK")("", writer)

    async with serving(respond) as port:
        await get(f"http://idp.localhost:{port}/x", bearer="token")
    assert f"host: idp.localhost:{port}\r\n" in seen[0].lower()
    assert "authorization: Bearer token" in seen[0]


async def test_a_form_is_posted_with_the_clients_credentials_encoded() -> None:
    seen: list[str] = []

    async def respond(request: str, writer: asyncio.StreamWriter) -> None:
        seen.append(request)
        await fixed("200 OK")("", writer)

    async with serving(respond) as port:
        basic = ("a:b", "c d+%")
        url = f"http://127.0.0.1:{port}/token"
        await HttpxProviderHttp().post(url, {"code": "x&y"}, issuer=url, basic=basic)
    # base64("a%3Ab:c+d%2B%25"), RFC 6749, 2.3.1
    assert "\r\nAuthorization: Basic YSUzQWI6YytkJTJCJTI1\r\n" in seen[0]
    assert seen[0].endswith("code=x%26y")


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 T", "308 P"])
async def test_nobody_is_led_elsewhere(status: str) -> None:
    asked: list[str] = []

    async def elsewhere(request: str, writer: asyncio.StreamWriter) -> None:
        asked.append(request)
        await fixed("200 OK")("", writer)

    async with serving(elsewhere) as other:
        redirect = fixed(status, b"", f"location: http://127.0.0.1:{other}/")
        async with serving(redirect) as port:
            with pytest.raises(DoorwardError, match="provider-invalid"):
                await get(f"http://127.0.0.1:{port}/x")
            url = f"http://127.0.0.1:{port}/x"
            with pytest.raises(DoorwardError, match="provider-invalid"):
                await HttpxProviderHttp().post(url, {"code": "secret"}, issuer=url)
    assert asked == []


async def test_an_oversized_answer_is_cut_off() -> None:
    sent = 0

    async def flood(_: str, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        chunk = b"x" * 65_536
        while True:
            writer.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
            await writer.drain()
            sent += len(chunk)

    async with serving(flood) as port:
        with pytest.raises(DoorwardError, match="provider-invalid"):
            await get(f"http://127.0.0.1:{port}/x")
    assert sent < 64 * MAX_BYTES


async def test_a_compressed_answer_is_not_unpacked() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    async with serving(fixed("200 OK", bomb, "content-encoding: gzip")) as port:
        with pytest.raises(DoorwardError, match="provider-invalid"):
            await get(f"http://127.0.0.1:{port}/x")


async def test_an_answer_that_trickles_is_given_up() -> None:
    async def trickle(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with serving(trickle) as port:
        began = time.monotonic()
        with pytest.raises(DoorwardError, match="provider-unreachable"):
            await get(f"http://127.0.0.1:{port}/x", timeout_seconds=0.5)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nx"])
async def test_what_is_no_http_is_unreachable(answer: bytes) -> None:
    async def respond(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    async with serving(respond) as port:
        with pytest.raises(DoorwardError, match="provider-unreachable") as error:
            await get(f"http://127.0.0.1:{port}/x")
    assert error.value.detail == "127.0.0.1 does not answer."


async def test_nobody_at_home_is_unreachable() -> None:
    async with serving(fixed("200 OK")) as port:
        pass
    with pytest.raises(DoorwardError, match="provider-unreachable"):
        await get(f"http://127.0.0.1:{port}/x")


async def test_a_name_that_is_none_is_unreachable() -> None:
    with pytest.raises(DoorwardError, match="provider-unreachable"):
        await get("https://xn--0.example/x")


async def test_plain_http_is_for_this_machine_only() -> None:
    with pytest.raises(DoorwardError, match="provider-invalid"):
        await get("http://192.0.2.1/x")


async def test_a_certificate_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the system's authorities, and for the name that is called."""
    keys = tmp_path / "keys"
    installation.create_keys(keys, "example.test", "localhost", now())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(keys / "web.pem", keys / "web.key")
    async with serving(fixed("200 OK", b"known"), context) as port:
        url = f"https://localhost:{port}/x"
        with pytest.raises(DoorwardError, match="provider-unreachable"):
            await get(url)
        monkeypatch.setenv("SSL_CERT_FILE", str(keys / "server-ca.pem"))
        assert (await get(url)).body == b"known"
        with pytest.raises(DoorwardError, match="provider-unreachable"):
            await get(f"https://127.0.0.1:{port}/x")


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with serving(fixed("200 OK", b"direct")) as port:
        answer = await get(f"http://127.0.0.1:{port}/x")
    assert answer.body == b"direct"


NAMES = {
    "idp.example": ("198.51.100.1",),
    "here.example": ("127.0.0.1",),
    "link.example": ("203.0.113.9", "169.254.169.254"),
    "inside.example": ("10.0.0.1",),
    "mapped.example": ("::ffff:10.0.0.1",),
    "mapped-here.example": ("::ffff:127.0.0.1",),
    "local.example": ("fd00::1",),
    "translated.example": ("64:ff9b::a00:1",),
}


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver that knows `NAMES`; every other name stands for a public address."""

    async def answer(host: str, _port: int) -> list[Address]:
        return [ipaddress.ip_address(item) for item in NAMES.get(host, ("1.1.1.1",))]

    monkeypatch.setattr(http, "addresses_of", answer)


NEVER = ("here.example", "link.example", "mapped-here.example")
NEIGHBOURS = ("inside.example", "mapped.example", "local.example", "translated.example")


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize("host", [*NEVER, *NEIGHBOURS])
async def test_what_a_public_issuer_names_is_no_neighbour_by_another_name(host: str) -> None:
    """Its document says `https://name/keys`, and the name says 10.0.0.1 when it is called."""
    with pytest.raises(DoorwardError, match="provider-invalid"):
        await get(f"https://{host}/keys", issuer="https://public.example")


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize("host", NEVER)
async def test_an_issuer_s_name_is_not_this_machine_nor_its_metadata(host: str) -> None:
    with pytest.raises(DoorwardError, match="provider-invalid"):
        await get(f"https://{host}/keys")


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize("issuer", NEIGHBOURS)
async def test_a_neighbour_may_name_neighbours(
    issuer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[str] = []

    async def nobody_there(*, remote_host: str, **_: object) -> None:
        called.append(remote_host)
        raise ConnectionRefusedError

    monkeypatch.setattr(anyio, "connect_tcp", nobody_there)
    hosts = (issuer, *NEIGHBOURS)
    for host in hosts:
        with pytest.raises(DoorwardError, match="provider-unreachable"):
            await get(f"https://{host}/keys", issuer=f"https://{issuer}")
    assert called == [str(ipaddress.ip_address(NAMES[host][0])) for host in hosts]


async def test_the_next_address_is_called_where_the_first_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def answer(_host: str, _port: int) -> list[Address]:
        return [ipaddress.ip_address("127.0.0.2"), ipaddress.ip_address("127.0.0.1")]

    monkeypatch.setattr(http, "addresses_of", answer)
    async with serving(fixed("200 OK", b"found")) as port:
        assert (await get(f"http://idp.localhost:{port}/x")).body == b"found"
