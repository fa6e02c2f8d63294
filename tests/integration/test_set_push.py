"""The push of a token over real sockets: what is sent, what is believed, what is not called."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from doorward.adapters import ca
from doorward.adapters.addresses import is_callable
from doorward.adapters.signals import set_push
from doorward.adapters.signals.set_push import HttpSetPusher
from doorward.errors import DoorwardError
from tests.fakes.signals_receiver import PushReceiver

TOKEN = "a.b.c"


@pytest.fixture
def receiver() -> Iterator[PushReceiver]:
    made = PushReceiver()
    yield made
    made.close()


def pusher() -> HttpSetPusher:
    return HttpSetPusher(loopback=True)


async def test_the_request_is_as_rfc_8935_wants_it(receiver: PushReceiver) -> None:
    await pusher().push(receiver.url, "Bearer s3cret", TOKEN)
    (request,) = receiver.wait(1)
    assert request.path == "/events?tenant=1"
    assert request.headers["content-type"] == "application/secevent+jwt"
    assert request.headers["accept"] == "application/json"
    assert request.headers["authorization"] == "Bearer s3cret"
    assert request.headers["host"] == receiver.url.split("/")[2]
    assert "cookie" not in request.headers
    assert request.body == TOKEN


async def test_without_a_header_of_the_stream_none_is_sent(receiver: PushReceiver) -> None:
    await pusher().push(receiver.url, "", TOKEN)
    (request,) = receiver.wait(1)
    assert "authorization" not in request.headers


@pytest.mark.parametrize("status", [200, 204, 301, 307, 401, 403, 404, 429, 500, 503])
async def test_only_202_means_that_it_was_taken(receiver: PushReceiver, status: int) -> None:
    receiver.answers = [(status, b"")]
    with pytest.raises(DoorwardError, match=f"answered {status}") as refused:
        await pusher().push(receiver.url, "", TOKEN)
    assert refused.value.code == "set-undelivered"
    assert len(receiver.requests) == 1, "no redirect is followed"


@pytest.mark.parametrize("code", ["invalid_request", "invalid_audience", "invalid_state", "x:y"])
async def test_an_error_of_the_receiver_is_about_this_token(
    receiver: PushReceiver, code: str
) -> None:
    receiver.answers = [(400, b'{"err":"%s","description":"secret words"}' % code.encode())]
    with pytest.raises(DoorwardError) as refused:
        await pusher().push(receiver.url, "", TOKEN)
    assert (refused.value.code, refused.value.detail) == ("set-refused", code)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"err":1}',
        b'{"err":"authentication_failed"}',
        b'{"err":"access_denied"}',
        b'{"err":"' + b"x" * 9000 + b'"}',
        b"\xff\xfe",
    ],
    ids=lambda body: repr(body[:24]),
)
async def test_what_says_nothing_of_the_token_is_tried_again(
    receiver: PushReceiver, body: bytes
) -> None:
    receiver.answers = [(400, body)]
    with pytest.raises(DoorwardError) as refused:
        await pusher().push(receiver.url, "", TOKEN)
    assert refused.value.code == "set-undelivered"


async def test_words_of_the_receiver_are_shown_to_nobody(receiver: PushReceiver) -> None:
    receiver.answers = [(400, b'{"err":"<script>alert(1)</script>","description":"secret"}')]
    with pytest.raises(DoorwardError) as refused:
        await pusher().push(receiver.url, "Bearer s3cret", TOKEN)
    assert refused.value.detail == "unreadable"


async def test_nobody_at_the_address() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(DoorwardError, match="was not reached"):
        await pusher().push(f"http://127.0.0.1:{port}/", "", TOKEN)


async def test_a_receiver_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(set_push, "TIMEOUT_SECONDS", 0.2)

    ended = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await reader.read()  # until the caller has had enough
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        ended.set()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    began = time.monotonic()
    with pytest.raises(DoorwardError, match="was not reached"):
        await pusher().push(f"http://127.0.0.1:{port}/", "", TOKEN)
    assert time.monotonic() - began < 3
    await ended.wait()
    server.close()


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "::1",
        "::ffff:127.0.0.1",
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "fe80::1",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "100.100.100.200",
        "168.63.129.16",
        "fd00:ec2::254",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b::7f00:1",
        "2002:a9fe:a9fe::1",
    ],
)
async def test_what_is_never_called_whatever_a_resolver_says(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """Server-side request forgery: a name that its owner points at this machine or its cloud."""
    asked = []

    async def resolve(_: object, host: str, port: int, **__: object) -> list[Any]:
        asked.append(host)
        fine = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("203.0.113.7", port))
        return [fine, (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(type(asyncio.get_running_loop()), "getaddrinfo", resolve)
    with pytest.raises(DoorwardError, match="not called") as refused:
        await HttpSetPusher().push("https://rebound.example.org/", "", TOKEN)
    assert refused.value.code == "set-undelivered"
    assert address not in refused.value.detail, "that would tell where a name leads"
    assert asked == ["rebound.example.org"]


@pytest.fixture
async def tls(tmp_path: Path) -> AsyncIterator[tuple[int, Path]]:
    """A receiver with a certificate for `localhost`, and the authority that issued it."""
    authority = ca.create_authority("test", time.time())
    pair = ca.issue_server(authority, ["localhost"], time.time())
    for name, content in {
        "ca.pem": authority.certificate,
        "tls.pem": pair.certificate,
        "tls.key": pair.key,
    }.items():
        (tmp_path / name).write_bytes(content)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls.pem", tmp_path / "tls.key")

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(len(TOKEN))
        assert head
        writer.write(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()
        with suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()

    server = await asyncio.start_server(take, "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1], tmp_path / "ca.pem"
    server.close()


async def test_the_certificate_is_checked_for_the_name_though_an_address_is_called(
    tls: tuple[int, Path],
) -> None:
    port, authority = tls
    trust = ssl.create_default_context(cafile=str(authority))
    known = HttpSetPusher(loopback=True, trust=trust)
    await known.push(f"https://localhost:{port}/", "", TOKEN)
    with pytest.raises(DoorwardError, match="was not reached"):
        await known.push(f"https://127.0.0.1:{port}/", "", TOKEN)
    with pytest.raises(DoorwardError, match="was not reached"):
        await pusher().push(f"https://localhost:{port}/", "", TOKEN)


def test_private_networks_may_have_receivers() -> None:
    for address in ("10.0.0.7", "192.168.1.5", "fd00::7", "203.0.113.7"):
        assert is_callable(ipaddress.ip_address(address), loopback=False)
