"""The relay: one connection from Envoy, one to the upstream, bytes between them.

Each side is read only as fast as the other takes it; the relay holds no more than one head and
the transports' bounded buffers. Whatever ends one side ends the other.

Envoy asks in two ways. By an upgrade, it leaves the handshake with the upstream to the relay; by
CONNECT, it speaks with the upstream itself, through the tunnel, TLS included.
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
from typing import cast
from urllib.parse import urlsplit

from doorward.entrypoints.relay.heads import (
    HEAD_END,
    KEY_BYTES,
    MAX_HEAD_BYTES,
    SWITCHING_PROTOCOLS,
    TUNNEL_OPEN,
    MalformedHeadError,
    Tunnel,
    Upgrade,
    read_answer,
    read_head,
    refusal,
)
from doorward.entrypoints.relay.streams import Stream, Streams
from doorward.entrypoints.relay.websocket_frames import CLOSE_POLICY_VIOLATION, FrameBoundary

_HEAD_SECONDS = 5.0
_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 30.0
_CLOSE_SECONDS = 1.0
_BUFFER_BYTES = 64 * 1024


class ClientSide(asyncio.Protocol):
    """The connection from Envoy."""

    def __init__(self, streams: Streams, tls: ssl.SSLContext) -> None:
        self._streams = streams
        self._tls = tls
        self._transport: asyncio.Transport | None = None
        self._upstream: UpstreamSide | None = None
        self._stream: Stream | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._head = bytearray()
        self._open = False
        self._frames: FrameBoundary | None = None
        self._heard: FrameBoundary | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=_BUFFER_BYTES)
        self._expect_within(_HEAD_SECONDS)

    def data_received(self, data: bytes) -> None:
        if self._open and self._upstream is not None:
            self._pass_on(self._upstream, data)
            return
        self._head += data
        end = self._head.find(HEAD_END)
        if self._stream is None and end >= 0:
            self._begin(bytes(self._head[:end]), end + len(HEAD_END))
        elif len(self._head) > MAX_HEAD_BYTES:
            self._refuse(431, "Request Header Fields Too Large")

    def _begin(self, head: bytes, consumed: int) -> None:
        try:
            asked = read_head(head, secrets.token_bytes(KEY_BYTES))
        except MalformedHeadError:
            self._refuse(400, "Bad Request")
            return
        stream = self._streams.take(asked.stream, self.cut)
        if stream is None or self._transport is None:
            self._refuse(403, "Forbidden")
            return
        self._stream = stream
        del self._head[:consumed]
        self._transport.pause_reading()
        self._expect_within(_CONNECT_SECONDS + _ANSWER_SECONDS)
        self._connecting = asyncio.get_running_loop().create_task(
            self._connect(stream.upstream, asked)
        )

    async def _connect(self, address: str, asked: Tunnel | Upgrade) -> None:
        url = urlsplit(address)
        secure = url.scheme == "https"
        loop = asyncio.get_running_loop()
        handshake = asked if isinstance(asked, Upgrade) else None
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await loop.create_connection(
                    lambda: UpstreamSide(self, handshake),
                    url.hostname or "",
                    url.port or (443 if secure else 80),
                    ssl=self._tls if secure and handshake is not None else None,
                )
        except (OSError, TimeoutError, ssl.SSLError):
            self._refuse(502, "Bad Gateway")

    def connected(self, upstream: UpstreamSide, handshake: Upgrade | None) -> None:
        """The upstream is reached. A tunnel is open before its first byte, which may be its own."""
        if self._transport is None or self._transport.is_closing():
            upstream.abort()
            return
        self._upstream = upstream
        if handshake is not None:
            upstream.write(handshake.head)
        else:
            self._transport.write(TUNNEL_OPEN)
            self._begin_carrying()

    def answered(self, head: bytes, status: int) -> None:
        """The upstream answered the handshake."""
        if self._transport is None:
            return
        self._transport.write(head)
        if status != SWITCHING_PROTOCOLS:
            self._transport.close()
            return
        self._frames, self._heard = FrameBoundary(), FrameBoundary()
        self._begin_carrying()

    def _begin_carrying(self) -> None:
        self._stop_waiting()
        self._open = True
        early = bytes(self._head)
        self._head.clear()
        if early and self._upstream is not None:
            self._pass_on(self._upstream, early)
        if self._transport is not None:
            self._transport.resume_reading()

    def _pass_on(self, upstream: UpstreamSide, data: bytes) -> None:
        spoke = self._heard is not None and self._heard.feed(data)
        if spoke and self._stream is not None:
            self._streams.spoke(self._stream)
        upstream.write(data)

    def write(self, data: bytes) -> None:
        """Bytes from the upstream."""
        if self._transport is not None and not self._transport.is_closing():
            if self._frames is not None:
                self._frames.feed(data)
            self._transport.write(data)

    def cut(self) -> None:
        """End the stream now: nothing more passes in either direction.

        The client of a WebSocket that is between two frames is told why (close status 1008).
        """
        if self._upstream is not None:
            self._upstream.abort()
        transport = self._transport
        if transport is None:
            return
        if self._open and self._frames is not None and self._frames.between_frames:
            transport.write(CLOSE_POLICY_VIOLATION)
            transport.pause_reading()
            transport.close()
            # A client that reads nothing must not keep the connection by its full buffer.
            asyncio.get_running_loop().call_later(_CLOSE_SECONDS, transport.abort)
        else:
            transport.abort()
        self._open = False

    def finish(self) -> None:
        """The upstream is gone: what it said is still delivered.

        The end of an answer is waited for as long as Envoy waits for its client; a handshake, or
        the last frames of a WebSocket, for a second.
        """
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.close()
        if self._frames is not None or not self._open:
            asyncio.get_running_loop().call_later(_CLOSE_SECONDS, self._transport.abort)

    def pause_writing(self) -> None:
        if self._upstream is not None:
            self._upstream.pause_reading()

    def resume_writing(self) -> None:
        if self._upstream is not None:
            self._upstream.resume_reading()

    def pause_reading(self) -> None:
        """The upstream takes no more for now."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """The upstream takes more again."""
        if self._open and self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def connection_lost(self, _exc: Exception | None) -> None:
        self._transport = None
        self._open = False
        self._stop_waiting()
        if self._connecting is not None:
            self._connecting.cancel()
        if self._upstream is not None:
            self._upstream.finish()
        if self._stream is not None:
            self._streams.forget(self._stream)

    def _refuse(self, status: int, reason: str) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(refusal(status, reason))
            self._transport.close()

    def _expect_within(self, seconds: float) -> None:
        self._stop_waiting()
        if self._transport is not None:
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(seconds, self._transport.abort)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class UpstreamSide(asyncio.Protocol):
    """The connection to the upstream."""

    def __init__(self, client: ClientSide, handshake: Upgrade | None) -> None:
        """`handshake` is what the upstream has to answer, None in a tunnel."""
        self._client = client
        self._handshake = handshake
        self._transport: asyncio.Transport | None = None
        self._head = bytearray()
        self._answered = handshake is None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=_BUFFER_BYTES)
        self._client.connected(self, self._handshake)

    def data_received(self, data: bytes) -> None:
        if self._answered:
            self._client.write(data)
            return
        self._head += data
        end = self._head.find(HEAD_END)
        if end < 0:
            if len(self._head) > MAX_HEAD_BYTES:
                self._broken()
            return
        try:
            accept = b"" if self._handshake is None else self._handshake.accept
            answer = read_answer(bytes(self._head[:end]), accept)
        except MalformedHeadError:
            self._broken()
            return
        self._answered = True
        rest = bytes(self._head[end + len(HEAD_END) :])
        self._head.clear()
        self._client.answered(answer.head, answer.status)
        if answer.status != SWITCHING_PROTOCOLS:
            self.abort()
        elif rest:
            self._client.write(rest)

    def write(self, data: bytes) -> None:
        """Bytes from the client."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def abort(self) -> None:
        """Drop the connection and whatever is still to be written."""
        if self._transport is not None:
            self._transport.abort()

    def finish(self) -> None:
        """The client is gone: what it said is still delivered, within bounds."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.close()
            asyncio.get_running_loop().call_later(_CLOSE_SECONDS, self._transport.abort)

    def pause_writing(self) -> None:
        self._client.pause_reading()

    def resume_writing(self) -> None:
        self._client.resume_reading()

    def pause_reading(self) -> None:
        """The client takes no more for now."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """The client takes more again."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def connection_lost(self, _exc: Exception | None) -> None:
        self._transport = None
        if not self._answered:
            self._broken()
        self._client.finish()

    def _broken(self) -> None:
        self._answered = True
        self._client.answered(refusal(502, "Bad Gateway"), 502)
        self.abort()
