"""Control's end of the link to its gateways: mutual TLS 1.3, one connection for each gateway.

A gateway is who its certificate says. It gets the whole snapshot or what it lacks, then every
revision, and a heartbeat that moves the expiry for as long as the store confirms the replica.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from doorward.adapters.link_outbox import Outbox
from doorward.adapters.live_snapshot import StoreReplica
from doorward.administrator.idleness.activity import Activity
from doorward.administrator.ports import GatewayState, Store
from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds
from doorward.protocol import framing
from doorward.protocol.link import (
    VERSION,
    Applied,
    Decisions,
    DecisionsStored,
    FromGateway,
    Health,
    Hello,
    Refused,
)
from doorward.protocol.signing import sign_frame

_MAX_FROM_GATEWAY_BYTES = 16 * 1024 * 1024
_READ_BYTES = 256 * 1024
_HELLO_SECONDS = 10.0
_SILENCE_SECONDS = 30.0
_SEND_SECONDS = 30.0
_STORE_RETRY_SECONDS = 1.0
_UNSTORED_BATCHES = 4
_ASSERTION_SECONDS = 90.0
_COORDINATE = re.compile(r"[A-Za-z0-9_-]{43}")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LinkIdentity:
    """Control's certificate and key, and the CA that gateways' certificates come from. PEM."""

    certificate: Path
    key: Path
    gateway_ca: Path

    def tls(self) -> ssl.SSLContext:
        """Raises DoorwardError `link-identity-unreadable`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.verify_mode = ssl.CERT_REQUIRED
        try:
            context.load_verify_locations(self.gateway_ca)
            context.load_cert_chain(self.certificate, self.key)
        except OSError as error:
            raise DoorwardError(
                "link-identity-unreadable",
                "Control's certificate, key or the gateways' CA cannot be read.",
                "Restore the keys folder from its backup.",
            ) from error
        return context


class LinkServer:
    """Port `Gateways`, and the server behind it."""

    def __init__(
        self,
        live: StoreReplica,
        store: Store,
        key: Ed25519PrivateKey,
        clock: Callable[[], UnixSeconds],
        *,
        snapshot_ttl_seconds: float,
        heartbeat_seconds: float,
        activity: Activity,
    ) -> None:
        self._live = live
        self._store = store
        self._key = key
        self._clock = clock
        self._ttl_seconds = snapshot_ttl_seconds
        self._heartbeat_seconds = heartbeat_seconds
        self._activity = activity
        self._connections: dict[str, _Connection] = {}
        self._keys: dict[str, tuple[dict[str, str], UnixSeconds | None]] = {}
        self._applied = asyncio.Condition()

    async def wait_applied(self, number: int, timeout_seconds: float) -> bool:
        asked = set(self._connections)

        def everywhere() -> bool:
            # A gateway that is cut off meanwhile may still let people in: it counts as behind.
            return asked <= self._connections.keys() and all(
                item.applied >= number for item in self._connections.values()
            )

        try:
            async with asyncio.timeout(timeout_seconds), self._applied:
                await self._applied.wait_for(everywhere)
        except TimeoutError:
            return False
        return True

    def connected(self) -> Sequence[GatewayState]:
        return [item.state() for item in self._connections.values()]

    def assertion_keys(self) -> Sequence[dict[str, str]]:
        now = self._clock()
        for key_id, (_, until) in list(self._keys.items()):
            if until is not None and until < now:
                del self._keys[key_id]
        return [jwk for jwk, _ in self._keys.values()]

    async def serve(self, address: str, port: int, identity: LinkIdentity) -> None:
        """Accept gateways until cancelled. Raises OSError where the port is taken."""
        server = await asyncio.start_server(
            self._accept, address, port, ssl=identity.tls(), ssl_handshake_timeout=_HELLO_SECONDS
        )
        async with server:
            await server.serve_forever()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(reader, writer)
        try:
            await self._converse(connection)
        except DoorwardError as error:
            _log.warning("gateway-refused", gateway=connection.gateway, code=error.code)
            with suppress(OSError):
                writer.write(framing.encode(Refused(code=error.code, detail=error.detail)))
        except (OSError, TimeoutError, ssl.SSLError, EOFError):
            _log.info("gateway-gone", gateway=connection.gateway)
        finally:
            await self._forget(connection)
            writer.close()

    async def _converse(self, connection: _Connection) -> None:
        hello = await connection.hello()
        self._remember(connection, hello, self._clock())
        stop = self._live.listen(connection.outbox.put)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._send(connection)),
                    group.create_task(self._store_decisions(connection)),
                ]
                try:
                    async for message in connection.messages():
                        await self._take(connection, message)
                finally:
                    for task in tasks:
                        task.cancel()
        except* DoorwardError as errors:
            raise errors.exceptions[0] from None
        except* (OSError, TimeoutError, ssl.SSLError) as errors:
            raise OSError from errors
        finally:
            stop()

    async def _take(self, connection: _Connection, message: FromGateway) -> None:
        if isinstance(message, Applied):
            async with self._applied:
                connection.applied = message.number
                self._applied.notify_all()
        elif isinstance(message, Decisions):
            if any(record.gateway != connection.gateway for record in message.records):
                raise DoorwardError(
                    "gateway-mismatch", "A gateway reports the decisions of another."
                )
            self._activity.decided(message.records, self._clock())
            await connection.unstored.put(message)
        elif isinstance(message, Health):
            connection.health = message
            now = self._clock()
            for session in message.spoken:
                self._activity.used(session, now)
            self._activity.told(connection.gateway, now - max(message.late_seconds, 0.0))
        else:
            raise DoorwardError("link-malformed", "A gateway says hello once.")

    async def _send(self, connection: _Connection) -> None:
        while True:
            if self._live.confirmed:
                snapshot = self._live.current
                if connection.outbox.held > snapshot.number:
                    raise DoorwardError(
                        "gateway-ahead",
                        "The gateway holds a newer snapshot than the store.",
                        "Where the store was restored from a backup, restart the gateway.",
                    )
                frame = connection.outbox.next_frame(snapshot, self._clock(), self._ttl_seconds)
                async with asyncio.timeout(_SEND_SECONDS):
                    await connection.send(framing.encode(sign_frame(frame, self._key)))
            await connection.outbox.wait(self._heartbeat_seconds)

    async def _store_decisions(self, connection: _Connection) -> None:
        while True:
            decisions = await connection.unstored.get()
            while True:
                try:
                    await self._store.append_decisions(decisions.records)
                    break
                except DoorwardError as error:
                    # Unacknowledged, the gateway keeps them; it denies when it can keep no more.
                    _log.error("decisions-not-stored", code=error.code)
                    await asyncio.sleep(_STORE_RETRY_SECONDS)
            await connection.send(framing.encode(DecisionsStored(position=decisions.position)))

    def _remember(self, connection: _Connection, hello: Hello, now: UnixSeconds) -> None:
        connection.connected_at = now
        connection.outbox.held = hello.number
        previous = self._connections.get(hello.gateway)
        if previous is not None:
            previous.abort()
        self._connections[hello.gateway] = connection
        jwk = _public_jwk(hello.assertion_jwk)
        connection.key_id = jwk["kid"]
        self._keys[connection.key_id] = (jwk, None)
        _log.info("gateway-connected", gateway=hello.gateway, snapshot=hello.number)

    async def _forget(self, connection: _Connection) -> None:
        if self._connections.get(connection.gateway) is connection:
            del self._connections[connection.gateway]
        others = {item.key_id for item in self._connections.values()}
        if connection.key_id in self._keys and connection.key_id not in others:
            jwk, _ = self._keys[connection.key_id]
            self._keys[connection.key_id] = (
                jwk,
                self._clock() + self._ttl_seconds + _ASSERTION_SECONDS,
            )
        async with self._applied:
            self._applied.notify_all()


class _Connection:
    """One gateway's connection and what it has said."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._splitter = framing.MessageSplitter(_MAX_FROM_GATEWAY_BYTES)
        self._bodies: list[bytes] = []
        self.gateway = ""
        self.key_id = ""
        self.connected_at: UnixSeconds = 0.0
        self.applied = 0
        self.health = Health(parts={}, open_streams=0, spool_bytes=0)
        self.outbox = Outbox()
        self.unstored: asyncio.Queue[Decisions] = asyncio.Queue(_UNSTORED_BATCHES)

    async def hello(self) -> Hello:
        """The first message. Raises DoorwardError where it is not this gateway's own hello."""
        async with asyncio.timeout(_HELLO_SECONDS):
            message = await self._message()
        if not isinstance(message, Hello):
            raise DoorwardError("link-malformed", "A gateway says hello first.")
        if message.version != VERSION:
            raise DoorwardError(
                "link-version",
                f"Control speaks version {VERSION} of the link, the gateway {message.version}.",
                "Run the same doorward on both.",
            )
        if message.gateway != _certified_gateway(self._writer):
            raise DoorwardError("gateway-mismatch", "The gateway is not who its certificate says.")
        self.gateway = message.gateway
        return message

    async def messages(self) -> AsyncIterator[FromGateway]:
        """Everything after the hello. Raises TimeoutError after long silence."""
        while True:
            async with asyncio.timeout(_SILENCE_SECONDS):
                message = await self._message()
            if message is None:
                return
            yield message

    async def _message(self) -> FromGateway | None:
        while not self._bodies:
            data = await self._reader.read(_READ_BYTES)
            if not data:
                return None
            self._bodies = self._splitter.feed(data)
        return framing.decode_from_gateway(self._bodies.pop(0))

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    def abort(self) -> None:
        self._writer.transport.abort()

    def state(self) -> GatewayState:
        return GatewayState(
            id=self.gateway,
            connected_at=self.connected_at,
            applied=self.applied,
            parts=self.health.parts,
            open_streams=self.health.open_streams,
            spool_bytes=self.health.spool_bytes,
        )


def _certified_gateway(writer: asyncio.StreamWriter) -> str:
    certificate = writer.get_extra_info("peercert") or {}
    for kind, value in certificate.get("subjectAltName", ()):
        if kind == "URI" and value.startswith("doorward:gateway:"):
            return str(value.removeprefix("doorward:gateway:"))
    return ""


def _public_jwk(jwk: dict[str, str]) -> dict[str, str]:
    """The known members of a public EC P-256 key. Raises DoorwardError `link-malformed`.

    Its id is its thumbprint (RFC 7638), so that no gateway can put its key in another's place.
    """
    known = {name: jwk.get(name, "") for name in ("crv", "kty", "x", "y")}
    if (known["kty"], known["crv"]) != ("EC", "P-256") or any(
        _COORDINATE.fullmatch(known[name]) is None for name in ("x", "y")
    ):
        raise DoorwardError("link-malformed", "The gateway's assertion key is no P-256 key.")
    thumbprint = hashlib.sha256(msgspec.json.encode(known)).digest()
    key_id = base64.urlsafe_b64encode(thumbprint).rstrip(b"=").decode()
    return {**known, "kid": key_id, "alg": "ES256", "use": "sig"}
