"""A gateway's end of the link to control: mutual TLS 1.3, reconnecting for ever.

Carries messages; what they mean is the caller's business. The caller that refuses a frame raises
DoorwardError, which ends the connection; the next one starts from what the caller then holds.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from doorward.errors import DoorwardError
from doorward.protocol import framing
from doorward.protocol.link import FromControl, FromGateway, Hello, Refused

_READ_BYTES = 256 * 1024
_SILENCE_SECONDS = 30.0
_CONNECT_SECONDS = 5.0
_BACK_OFF_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0)
_MAX_UNSENT_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class LinkAddress:
    """Where control is, the name its certificate must bear, and our identity there. PEM files."""

    host: str
    port: int
    server_name: str
    certificate: Path
    key: Path
    control_ca: Path

    def tls(self) -> ssl.SSLContext:
        """Raises DoorwardError `link-identity-unreadable`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        try:
            context.load_verify_locations(self.control_ca)
            context.load_cert_chain(self.certificate, self.key)
        except OSError as error:
            raise DoorwardError(
                "link-identity-unreadable",
                "The gateway's certificate, key or control's CA cannot be read.",
                "Copy the gateway folder from the control plane again.",
            ) from error
        return context


class LinkClient:
    """Keeps one connection to control. `state` is `ok` or what is wrong, for people."""

    def __init__(
        self,
        address: LinkAddress,
        hello: Callable[[], Hello],
        receive: Callable[[FromControl], Awaitable[None]],
    ) -> None:
        """`hello` is asked at each connection; `receive` gets every message in order."""
        self._address = address
        self._hello = hello
        self._receive = receive
        self._writer: asyncio.StreamWriter | None = None
        self.state = "not connected yet"

    def send(self, message: FromGateway) -> bool:
        """Send where connected; False, and nothing is kept, where not or where control is slow."""
        writer = self._writer
        if writer is None or writer.transport.get_write_buffer_size() > _MAX_UNSENT_BYTES:
            return False
        writer.write(framing.encode(message))
        return True

    async def run(self) -> None:
        """Connect, and connect again whenever it breaks; ends by cancellation only."""
        failures = 0
        tls = self._address.tls()
        while True:
            try:
                await self._connection(tls)
            except DoorwardError as error:
                self.state = error.detail
            except (OSError, TimeoutError) as error:
                self.state = f"no connection to control: {type(error).__name__}"
            failures = 0 if self._writer is not None else failures + 1
            await self._close()
            pause = _BACK_OFF_SECONDS[min(failures, len(_BACK_OFF_SECONDS) - 1)]
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - only spreads load

    async def _connection(self, tls: ssl.SSLContext) -> None:
        async with asyncio.timeout(_CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection(
                self._address.host,
                self._address.port,
                ssl=tls,
                server_hostname=self._address.server_name,
            )
        writer.write(framing.encode(self._hello()))
        self._writer = writer
        splitter = framing.MessageSplitter()
        while True:
            async with asyncio.timeout(_SILENCE_SECONDS):
                data = await reader.read(_READ_BYTES)
            if not data:
                raise DoorwardError("link-closed", "Control closed the link.")
            for body in splitter.feed(data):
                message = framing.decode_from_control(body)
                if isinstance(message, Refused):
                    raise DoorwardError(message.code, message.detail)
                await self._receive(message)
                self.state = "ok"

    async def _close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.transport.abort()
            with suppress(OSError, ssl.SSLError):
                await writer.wait_closed()
