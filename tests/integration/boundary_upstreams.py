"""What stands behind the Envoy under test: echoes over HTTP/1.1 and HTTP/2, and a relay."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """HTTP/1.1: answers what it saw as JSON.

    `/stream` sends each chunk of the request's body back as soon as it comes; `/cookies` sets one
    cookie of its own and one of doorward's.
    """
    try:
        while True:
            await _echo_one(reader, writer)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def _echo_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *fields = head.strip().split("\r\n")
    headers = [(name.lower(), value.strip()) for name, _, value in map(_parted, fields)]
    named = dict(headers)
    path = line.split(" ")[1]
    if path == "/stream":
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while size := int(await reader.readuntil(b"\r\n"), 16):
            data = await reader.readexactly(size + 2)
            writer.write(b"%x\r\n%s" % (size, data))
        await reader.readexactly(2)
        writer.write(b"0\r\n\r\n")
        return
    body = b""
    if named.get("transfer-encoding") == "chunked":
        while size := int(await reader.readuntil(b"\r\n"), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readexactly(2)
    elif "content-length" in named:
        body = await reader.readexactly(int(named["content-length"]))
    seen = json.dumps({"line": line, "headers": headers, "body": body.decode()}).encode()
    more = b""
    if path == "/cookies":
        more = (
            b"set-cookie: own=1; Path=/\r\n"
            b"set-cookie: __Host-doorward-session=stolen; Path=/; Secure\r\n"
        )
    writer.write(
        b"HTTP/1.1 200 OK\r\nserver: echo\r\n%scontent-length: %d\r\n\r\n%s"
        % (more, len(seen), b"" if line.startswith("HEAD") else seen)
    )


def _parted(field: str) -> tuple[str, str, str]:
    return field.partition(":")


async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accepts any upgrade, says which headers came, then echoes bytes.

    A tunnel leads to the port that its stream is named by.
    """
    head = await reader.readuntil(b"\r\n\r\n")
    if head.startswith(b"CONNECT "):
        port = int(head.partition(b"doorward-stream: ")[2].split(b"\r\n")[0])
        await _tunnel(reader, writer, port)
        return
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n")
    writer.write(b"upgrade: websocket\r\n\r\n")
    writer.write(b"%d\n%s" % (len(head), head))
    try:
        while data := await reader.read(65536):
            writer.write(data)
    except ConnectionError:
        pass
    writer.close()


async def _tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    there, back = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")

    async def pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await source.read(65536):
                sink.write(data)
        sink.close()

    await asyncio.gather(pass_on(reader, back), pass_on(there, writer))


async def rpc(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """HTTP/2 in the shape of a streaming gRPC method: echoes data at once, ends with trailers."""
    connection = H2Connection(H2Configuration(client_side=False))
    connection.initiate_connection()
    writer.write(connection.data_to_send())
    try:
        while data := await reader.read(65536):
            for event in connection.receive_data(data):
                if isinstance(event, RequestReceived):
                    headers = [(":status", "200"), ("content-type", "application/grpc")]
                    connection.send_headers(event.stream_id, headers)
                elif isinstance(event, DataReceived):
                    connection.acknowledge_received_data(
                        event.flow_controlled_length, event.stream_id
                    )
                    connection.send_data(event.stream_id, event.data)
                elif isinstance(event, StreamEnded):
                    trailers = [("grpc-status", "0")]
                    connection.send_headers(event.stream_id, trailers, end_stream=True)
            writer.write(connection.data_to_send())
    except ConnectionError:
        pass
    writer.close()
