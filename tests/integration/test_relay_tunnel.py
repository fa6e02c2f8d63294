"""A tunnel through the relay: one for each stream, bytes as they are, gone when it is cut."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress

import msgspec
import pytest

from doorward.entrypoints.relay.server import ClientSide
from doorward.model.identity import Standing
from doorward.model.ids import UserId
from doorward.model.snapshot import change
from tests.unit.gateway_world import World, header, signed_in

OPEN = b"HTTP/1.1 200 OK\r\n\r\n"
Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Place:
    """A relay, and an upstream that says `hello` first and waits for what comes."""

    def __init__(self) -> None:
        self.world = World()
        self.upstream: asyncio.Queue[Ends] = asyncio.Queue()
        self._writers: list[asyncio.StreamWriter] = []

    async def start(self) -> None:
        loop, tls = asyncio.get_running_loop(), ssl.create_default_context()
        self._upstream = await asyncio.start_server(self._greet, "127.0.0.1", 0)
        self._relay = await loop.create_server(
            lambda: ClientSide(self.world.streams, tls), "127.0.0.1", 0
        )
        self.move(self._upstream.sockets[0].getsockname()[1])

    def move(self, port: int) -> None:
        wiki = self.world.snapshot.resources["wiki"]
        moved = msgspec.structs.replace(wiki, upstream=f"http://127.0.0.1:{port}")
        self.world.publish(change("resource", moved))

    async def stop(self) -> None:
        for writer in self._writers:
            writer.close()
        self._relay.close()
        self._upstream.close()

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        writer.write(b"hello")
        await self.upstream.put((reader, writer))

    def allowed(self) -> str:
        """The id of a stream that was let in."""
        asked = signed_in(accept="text/event-stream", doorward_check_route="relayed")
        return header(self.world.ask(**asked), "doorward-stream")

    async def ask(self, head: str, early: bytes = b"") -> Ends:
        port = self._relay.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        self._writers.append(writer)
        writer.write(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + early)
        return reader, writer

    async def tunnel(self, stream: str, early: bytes = b"") -> Ends:
        return await self.ask(
            f"CONNECT stream.doorward.invalid:0 HTTP/1.1\ndoorward-stream: {stream}", early
        )


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    running = Place()
    await running.start()
    yield running
    await running.stop()


async def rest(reader: asyncio.StreamReader) -> bytes:
    """What comes until the end, within five seconds."""
    with suppress(ConnectionError):
        return await asyncio.wait_for(reader.read(), 5)
    return b""


async def test_bytes_pass_both_ways_whoever_speaks_first(place: Place) -> None:
    reader, writer = await place.tunnel(place.allowed(), early=b"early ")
    assert await reader.readexactly(len(OPEN) + 5) == OPEN + b"hello"
    there, back = await place.upstream.get()
    writer.write(b"late")
    assert await there.readexactly(10) == b"early late"
    big = bytes(range(256)) * 8_000
    back.write(big)
    assert await reader.readexactly(len(big)) == big


async def test_what_turns_cuts_both_sides(place: Place) -> None:
    reader, _ = await place.tunnel(place.allowed())
    there, _ = await place.upstream.get()
    await reader.readexactly(len(OPEN) + 5)
    place.world.publish(change("standing", Standing(id=UserId("alice"), disabled=True)))
    await place.world.streams.decide_again(place.world.streams.all())
    assert await rest(reader) == b"", "nothing is added to an answer that is not ours"
    assert await rest(there) == b""
    assert len(place.world.streams) == 0


async def test_a_client_that_reads_nothing_is_cut_too(place: Place) -> None:
    reader, writer = await place.tunnel(place.allowed())
    there, back = await place.upstream.get()
    await reader.readexactly(len(OPEN) + 5)
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    back.write(bytes(20_000_000))
    await asyncio.sleep(0.05)
    [stream] = place.world.streams.all()
    assert stream.close is not None
    stream.close()
    assert await rest(there) == b""


async def test_a_stream_s_id_opens_one_tunnel(place: Place) -> None:
    stream = place.allowed()
    reader, _ = await place.tunnel(stream)
    await reader.readexactly(len(OPEN))
    for again in (stream, "guess", ""):
        second, _ = await place.tunnel(again)
        assert (await rest(second)).startswith(b"HTTP/1.1 403 ")


async def test_what_was_revoked_on_the_way_opens_none(place: Place) -> None:
    stream = place.allowed()
    place.world.publish(change("standing", Standing(id=UserId("alice"), disabled=True)))
    await place.world.streams.decide_again(place.world.streams.all())
    reader, _ = await place.tunnel(stream)
    assert (await rest(reader)).startswith(b"HTTP/1.1 403 ")


async def test_the_end_of_the_upstream_comes_after_all_that_it_said(place: Place) -> None:
    reader, _ = await place.tunnel(place.allowed())
    _, back = await place.upstream.get()
    size = 3_000_000
    back.write(bytes(size))
    back.close()
    await asyncio.sleep(1.2)  # longer than a handshake's last bytes would be waited for
    assert len(await rest(reader)) == len(OPEN) + 5 + size
    assert len(place.world.streams) == 0


async def test_what_is_still_being_delivered_is_cut_too(place: Place) -> None:
    reader, writer = await place.tunnel(place.allowed())
    _, back = await place.upstream.get()
    await reader.readexactly(len(OPEN))
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    back.write(bytes(20_000_000))
    back.close()
    await asyncio.sleep(0.05)
    [stream] = place.world.streams.all()
    assert stream.close is not None
    stream.close()
    writer.transport.resume_reading()  # type: ignore[attr-defined]
    assert len(await rest(reader)) < 20_000_000


async def test_the_client_s_end_reaches_the_upstream(place: Place) -> None:
    reader, writer = await place.tunnel(place.allowed())
    there, _ = await place.upstream.get()
    await reader.readexactly(len(OPEN))
    writer.write(b"last")
    writer.close()
    assert await rest(there) == b"last"
    assert len(place.world.streams) == 0


async def test_an_upstream_that_is_not_there_is_no_tunnel(place: Place) -> None:
    place.move(1)
    reader, _ = await place.tunnel(place.allowed())
    assert (await rest(reader)).startswith(b"HTTP/1.1 502 ")
    await asyncio.sleep(0)
    assert len(place.world.streams) == 0


async def test_a_head_that_is_none_opens_nothing(place: Place) -> None:
    reader, _ = await place.ask(f"CONNECT x HTTP/1.0\ndoorward-stream: {place.allowed()}")
    assert (await rest(reader)).startswith(b"HTTP/1.1 400 ")
    assert [item.close for item in place.world.streams.all()] == [None], "nobody took it"
