"""A control plane for tests of a real gateway: signs frames, keeps records, and can go away.

It speaks the link over mutual TLS from its own thread, so that tests stay plain functions.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from doorward.adapters import keys
from doorward.model.decision import DecisionRecord
from doorward.model.snapshot import Change, Snapshot
from doorward.protocol import framing
from doorward.protocol.link import (
    Applied,
    Decisions,
    DecisionsStored,
    Frame,
    FromControl,
    Health,
    Hello,
)
from doorward.protocol.signing import sign_frame

HEARTBEAT_SECONDS = 0.5
T = TypeVar("T")


class TestControl:
    """One gateway's control plane. `expiry_seconds` is how long a frame is good for."""

    __test__ = False

    def __init__(self, key_folder: Path, port: int, expiry_seconds: float = 60.0) -> None:
        self._keys = key_folder
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._signing = keys.signing_key(keys.read_secret(key_folder / "snapshot.key"))
        self._writer: asyncio.StreamWriter | None = None
        self._server: asyncio.Server | None = None
        self.expiry_seconds = expiry_seconds
        self.snapshot = Snapshot()
        self.records: dict[str, DecisionRecord] = {}
        self.batches = 0
        self.applied: dict[int, float] = {}
        self.hellos: list[Hello] = []
        self.health = Health(parts={}, open_streams=0, spool_bytes=0)
        self.storing = True

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def start(self) -> None:
        """Listen, and beat."""
        self._run(self._start())

    def stop(self) -> None:
        """Go away without a word: gateways keep what they hold."""
        self._run(self._stop())

    def close(self) -> None:
        """End for good."""
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def publish(self, *changes: Change) -> int:
        """Send `changes` as the next snapshot; its number."""
        return self._run(self._publish(changes))

    def enforce(self, *changes: Change) -> float:
        """Publish and wait until the gateway says Applied; the seconds that took."""
        started = time.monotonic()
        number = self.publish(*changes)
        wait_until(lambda: number in self.applied, 10)
        return self.applied[number] - started

    def found(self, **fields: str) -> list[DecisionRecord]:
        """The records whose fields have these values."""
        return [
            record
            for record in list(self.records.values())
            if all(getattr(record, name) == value for name, value in fields.items())
        ]

    async def _start(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(self._keys / "link.pem", self._keys / "link.key")
        context.load_verify_locations(self._keys / "gateway-ca.pem")
        self._server = await asyncio.start_server(
            self._accept, "127.0.0.1", self._port, ssl=context
        )
        self._beating = asyncio.create_task(self._beat())

    async def _stop(self) -> None:
        if self._server is None:
            return
        self._beating.cancel()
        self._server.close()
        self._server = None
        if self._writer is not None:
            self._writer.transport.abort()
            self._writer = None
        await asyncio.sleep(0.05)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        splitter = framing.MessageSplitter()
        try:
            while data := await reader.read(65536):
                for body in splitter.feed(data):
                    self._take(framing.decode_from_gateway(body), writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    def _take(self, message: object, writer: asyncio.StreamWriter) -> None:
        if isinstance(message, Hello):
            self.hellos.append(message)
            self._writer = writer
            base = self.snapshot.number if message.number == self.snapshot.number else 0
            changes = () if base else tuple(self.snapshot.changes())
            self._frame(base, changes)
        elif isinstance(message, Applied):
            self.applied.setdefault(message.number, time.monotonic())
        elif isinstance(message, Health):
            self.health = message
        elif isinstance(message, Decisions) and self.storing:
            self.batches += 1
            self.records |= {record.id: record for record in message.records}
            self._say(DecisionsStored(position=message.position))

    async def _publish(self, changes: tuple[Change, ...]) -> int:
        base = self.snapshot.number
        self.snapshot = self.snapshot.advance(base + 1, changes)
        self._frame(base, changes)
        return self.snapshot.number

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            self._frame(self.snapshot.number, ())

    def _frame(self, base: int, changes: tuple[Change, ...]) -> None:
        now = time.time()
        frame = Frame(
            base=base,
            number=self.snapshot.number,
            issued_at=now,
            expires_at=now + self.expiry_seconds,
            changes=changes,
        )
        self._say(sign_frame(frame, self._signing))

    def _say(self, message: FromControl) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(framing.encode(message))


def wait_until(condition: Callable[[], object], seconds: float) -> None:
    """Return once `condition` holds. Fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            message = "it did not come true in time"
            raise AssertionError(message)
        time.sleep(0.005)
