"""The call to an application's back-channel logout address, over real sockets."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from doorward.adapters import ca
from doorward.adapters.openid import logout_call
from doorward.adapters.openid.logout_call import HttpLogoutSender
from doorward.errors import DoorwardError


@asynccontextmanager
async def application(
    answer: bytes, seen: list[bytes], tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    served: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        served.append(task)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            seen.append(head + await reader.readexactly(length))
            writer.write(answer)
            await reader.read()  # until the caller has had enough
        writer.close()
        with suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await asyncio.gather(*served)


def answering(status: str, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", "content-length: 0", *headers, "", ""]
    return "\r\n".join(lines).encode()


@pytest.mark.parametrize("status", ["200 OK", "204 No Content"])
async def test_the_token_is_posted_as_a_form(status: str) -> None:
    seen: list[bytes] = []
    async with application(answering(status), seen) as port:
        await HttpLogoutSender().send(f"http://127.0.0.1:{port}/out?a=b", "a.b.c")
    ((head, _, body),) = (request.partition(b"\r\n\r\n") for request in seen)
    assert head.startswith(b"POST /out?a=b HTTP/1.1")
    assert b"application/x-www-form-urlencoded" in head
    assert b"cookie" not in head.lower()
    assert parse_qs(body.decode()) == {"logout_token": ["a.b.c"]}


@pytest.mark.parametrize("status", ["400 Bad Request", "500 Oops", "201 Created"])
async def test_any_other_answer_is_none(status: str) -> None:
    async with application(answering(status), []) as port:
        with pytest.raises(DoorwardError, match=f"answered {status[:3]}"):
            await HttpLogoutSender().send(f"http://127.0.0.1:{port}/", "a.b.c")


async def test_no_redirect_is_followed() -> None:
    elsewhere: list[bytes] = []
    async with application(answering("200 OK"), elsewhere) as other:
        moved = answering("307 Moved", f"location: http://127.0.0.1:{other}/")
        async with application(moved, []) as port:
            with pytest.raises(DoorwardError, match="answered 307"):
                await HttpLogoutSender().send(f"http://127.0.0.1:{port}/", "a.b.c")
    assert elsewhere == []


async def test_an_application_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logout_call, "_TIMEOUT_SECONDS", 0.2)
    async with application(b"", []) as port:
        with pytest.raises(DoorwardError, match="was not reached"):
            await HttpLogoutSender().send(f"http://127.0.0.1:{port}/", "a.b.c")


async def test_an_application_that_trickles_its_answer_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The time counts for the whole call: each byte of a header would else begin it anew."""
    monkeypatch.setattr(logout_call, "_TIMEOUT_SECONDS", 0.3)

    served: list[asyncio.Task[None]] = []

    async def trickle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        served.append(task)
        writer.write(b"HTTP/1.1 200 OK\r\nx: ")
        with suppress(ConnectionError):
            for _byte in range(40):
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.05)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(trickle, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        began = time.monotonic()
        with pytest.raises(DoorwardError, match="was not reached"):
            await HttpLogoutSender().send(f"http://127.0.0.1:{port}/", "a.b.c")
        assert time.monotonic() - began < 1.5
        await asyncio.gather(*served)


async def test_a_name_that_is_none_is_an_error_of_ours() -> None:
    with pytest.raises(DoorwardError, match="logout-undelivered"):
        await HttpLogoutSender().send("https://xn--0.example/", "a.b.c")


async def test_an_application_that_is_away_is_an_error_of_ours() -> None:
    with pytest.raises(DoorwardError, match="logout-undelivered"):
        await HttpLogoutSender().send("http://127.0.0.1:1/", "a.b.c")


async def test_tls_is_verified(tmp_path: Path) -> None:
    now = time.time()
    authority = ca.create_authority("test", now)
    pair = ca.issue_server(authority, ["localhost"], now)
    (tmp_path / "c.pem").write_bytes(pair.certificate)
    (tmp_path / "c.key").write_bytes(pair.key)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(tmp_path / "c.pem", tmp_path / "c.key")
    seen: list[bytes] = []
    trusted = ssl.create_default_context(cadata=authority.certificate.decode())
    async with application(answering("200 OK"), seen, served) as port:
        address = f"https://localhost:{port}/"
        with pytest.raises(DoorwardError, match="was not reached"):
            await HttpLogoutSender().send(address, "a.b.c")
        assert seen == []
        with pytest.raises(DoorwardError, match="was not reached"):
            await HttpLogoutSender(trusted).send(f"https://127.0.0.1:{port}/", "a.b.c")
        await HttpLogoutSender(trusted).send(address, "a.b.c")
    assert len(seen) == 1


async def test_no_proxy_of_the_environment_sees_the_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proxied: list[bytes] = []
    async with application(answering("200 OK"), proxied) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy}")
        monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{proxy}")
        with pytest.raises(DoorwardError, match="was not reached"):
            await HttpLogoutSender().send("http://127.0.0.1:1/", "a.b.c")
    assert proxied == []
