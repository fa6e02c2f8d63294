"""Whatever bytes reach the relay: one stream for one head, and bytes that pass as they came."""

from __future__ import annotations

import asyncio
import ssl

from hypothesis import given
from hypothesis import strategies as st

from doorward.entrypoints.relay.heads import TUNNEL_OPEN, Tunnel, Upgrade, read_head
from doorward.entrypoints.relay.server import ClientSide, UpstreamSide
from tests.unit.gateway_world import World, header, signed_in

TLS = ssl.create_default_context()
ID = b"doorward-stream: {}\r\n"
PIECE = st.one_of(
    st.sampled_from(
        [
            b"CONNECT stream.doorward.invalid:0 HTTP/1.1\r\n",
            b"GET / HTTP/1.1\r\n",
            b"POST / HTTP/1.1\r\n",
            b"Upgrade: websocket\r\n",
            ID,
            ID,
            b"doorward-stream: guess\r\n",
            b"Content-Length: 7\r\n",
            b"\r\n",
            b"\n",
            b" folded\r\n",
            b"\x00",
        ]
    ),
    st.binary(max_size=8),
)


class Wire(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed, "nothing is written after the end"
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        """Only told."""

    def resume_reading(self) -> None:
        """Only told."""

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Only told."""


@given(st.lists(PIECE, max_size=9))
def test_a_stream_is_taken_by_a_head_that_names_it_and_by_nothing_else(pieces: list[bytes]) -> None:
    async def feed() -> None:
        world, wire = World(), Wire()
        stream = header(world.ask(**signed_in(doorward_check_route="relayed")), "doorward-stream")
        client, sent = ClientSide(world.streams, TLS), b""
        client.connection_made(wire)
        for piece in pieces:
            if wire.closed:
                break
            whole = piece.replace(b"{}", stream.encode())
            sent += whole
            client.data_received(whole)
        [pending] = world.streams.all()
        if pending.close is not None:
            asked = read_head(sent.partition(b"\r\n\r\n")[0], bytes(16))
            assert isinstance(asked, Tunnel | Upgrade)
            assert asked.stream == stream
            assert wire.written == b""
        elif wire.closed:
            assert wire.written[:12] in {b"HTTP/1.1 400", b"HTTP/1.1 403"}
        else:
            assert b"\r\n\r\n" not in sent

    asyncio.run(feed())


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=64)), max_size=12))
def test_a_tunnel_adds_nothing_and_loses_nothing(parts: list[tuple[bool, bytes]]) -> None:
    async def pass_through() -> None:
        near, far = Wire(), Wire()
        client = ClientSide(World().streams, TLS)
        client.connection_made(near)
        upstream = UpstreamSide(client, None)
        upstream.connection_made(far)
        for from_client, data in parts:
            (client if from_client else upstream).data_received(data)
        assert far.written == b"".join(data for mine, data in parts if mine)
        assert near.written == TUNNEL_OPEN + b"".join(data for mine, data in parts if not mine)
        client.cut()
        assert near.closed
        assert far.closed
        upstream.data_received(b"too late")
        client.data_received(b"too late")

    asyncio.run(pass_through())
