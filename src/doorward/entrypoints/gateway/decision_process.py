"""The decision process: composition of its parts, its loops, and its end.

It ends itself, for the parent to void all tickets, wherever it could not enforce what it knows.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import ssl
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import uvloop

from doorward.adapters import keys
from doorward.adapters.atomic_file import replace_file
from doorward.adapters.believed_clock import BelievedClock
from doorward.adapters.descriptors import allowed_descriptors
from doorward.adapters.envoy.validation import EnvoyValidator
from doorward.adapters.envoy_admin import EnvoySocket
from doorward.adapters.geo import countries
from doorward.adapters.link_client import LinkClient
from doorward.adapters.secrets import SystemSecrets
from doorward.adapters.spool import SpoolReader, SpoolWriter
from doorward.adapters.ticket_log import TicketLog
from doorward.adapters.ticket_signer import Es256Signer
from doorward.config import GatewaySettings, load_gateway
from doorward.enforcement.envoy.compiler import EnvoyFiles
from doorward.enforcement.envoy.routes import PROBE_HOST
from doorward.entrypoints.ext_authz.allowing import Assertions
from doorward.entrypoints.ext_authz.authorizer import Authorizer
from doorward.entrypoints.ext_authz.decision_point import DecisionPoint
from doorward.entrypoints.ext_authz.denying import Denials
from doorward.entrypoints.ext_authz.http_server import HttpProtocol
from doorward.entrypoints.gateway.envoy_configuration import (
    CannotEnforceError,
    EnvoyConfiguration,
    Held,
)
from doorward.entrypoints.gateway.follower import Follower
from doorward.entrypoints.gateway.parent import EXIT_ENVOY_DOES_NOT_FOLLOW
from doorward.entrypoints.gateway.records import engine_record, ticket_record
from doorward.entrypoints.gateway.settings import GatewayFolder, envoy_settings, link_address
from doorward.entrypoints.gateway.shipping import Shipping
from doorward.entrypoints.relay.server import ClientSide
from doorward.entrypoints.relay.streams import Streams, most_streams
from doorward.errors import DoorwardError
from doorward.model.ids import DecisionId, GatewayId
from doorward.protocol.link import (
    VERSION,
    DecisionsStored,
    FromControl,
    Health,
    Hello,
    SignedFrame,
)

_LOG = logging.getLogger(__name__)

_TICK_SECONDS = 0.2
_SHIP_SECONDS = 0.1
_STREAMS_SECONDS = 0.25
"""What time alone turns is cut well within a second."""
_PULSE_SECONDS = 0.5
_MEND_SECONDS = 10.0
_HEALTH_SECONDS = 2.0
_UNSPOOLED_SECONDS = 3.0
"""So long at most Envoy's log of a ticketed request takes into the spool."""


class DecisionProcess:
    """One gateway's decision process; `run` ends only by an error or by cancellation."""

    def __init__(
        self,
        folder: GatewayFolder,
        settings: GatewaySettings,
        *,
        validate: Callable[[EnvoyFiles], Awaitable[None]],
        held: Callable[[], Awaitable[Held]],
        pulse: Callable[[], None],
    ) -> None:
        gateway = GatewayId(settings.id)
        ids = SystemSecrets()
        tickets, assertions = Es256Signer(), Es256Signer("JWT")
        self._folder = folder
        self._gateway = gateway
        self._pulse = pulse
        self._clock = BelievedClock()
        self._spool = SpoolWriter(
            folder.decisions, max_pending_bytes=settings.spool_megabytes * 1024 * 1024
        )
        self._point = DecisionPoint(
            gateway, self._spool, self._clock, lambda: DecisionId(ids.id("dec"))
        )
        self._streams = Streams(
            self._point, self._clock.elapsed, most_streams(allowed_descriptors())
        )
        self._envoy = EnvoyConfiguration(
            self._point,
            envoy_settings(folder, settings, tickets.jwk),
            secrets.randbits(52),
            write=replace_file,
            validate=validate,
            held=held,
        )
        self._authorizer = Authorizer(
            self._point,
            settings.domain,
            tickets=tickets,
            assertions=Assertions(assertions, settings.domain),
            denials=Denials(settings.domain, ids.token),
            country=countries(settings.country_database),
            open_stream=self._streams.open,
        )
        admin = EnvoySocket(folder.socket("admin"))
        self._ticket_log = TicketLog(folder.tickets, lambda: admin.request("POST", "/reopen_logs"))
        self._link = LinkClient(link_address(folder, settings), self._hello, self._receive)
        self._follower = Follower(
            keys.verifying_key(keys.read_secret(folder.snapshot_key)),
            self._clock,
            self._point,
            self._streams,
            self._envoy,
            self._link.send,
        )
        self._shipping = Shipping(
            {
                "engine": (SpoolReader(folder.decisions), engine_record),
                "ticket": (self._ticket_log.reader, lambda line: ticket_record(gateway, line)),
            },
            self._link.send,
        )
        self._assertion_jwk = assertions.jwk

    async def run(self) -> None:
        """Serve and follow. Raises whatever must end this process."""
        context = ssl.create_default_context()
        self._envoy.begin()
        servers = [
            await self._listen("check", lambda: HttpProtocol(self._authorizer.answer)),
            await self._listen("relay", lambda: ClientSide(self._streams, context)),
        ]
        self._pulse()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._link.run())
                group.create_task(self._follower.announce())
                group.create_task(_every(_TICK_SECONDS, self._tick))
                group.create_task(_every(1.0, self._tend))
                group.create_task(_every(_STREAMS_SECONDS, self._look_at_streams))
                group.create_task(_every(1.0, self._spool.sync))
                group.create_task(_every(_SHIP_SECONDS, self._ship))
                group.create_task(_every(_HEALTH_SECONDS, self._report))
                group.create_task(_every(_MEND_SECONDS, self._follower.mend))
                group.create_task(_every(_PULSE_SECONDS, self._beat))
        finally:
            for server in servers:
                server.close()
            self._spool.close()

    async def _listen(self, name: str, protocol: Callable[[], asyncio.Protocol]) -> asyncio.Server:
        path = self._folder.socket(name)
        path.unlink(missing_ok=True)
        mask = os.umask(0o177)
        try:
            return await asyncio.get_running_loop().create_unix_server(protocol, str(path))
        finally:
            os.umask(mask)

    def _hello(self) -> Hello:
        self._shipping.connected()
        return Hello(
            version=VERSION,
            gateway=self._gateway,
            number=self._follower.number,
            assertion_jwk=self._assertion_jwk,
        )

    async def _receive(self, message: FromControl) -> None:
        if isinstance(message, SignedFrame):
            await self._follower.receive(message)
        elif isinstance(message, DecisionsStored):
            with suppress(OSError):  # not noted, the records only come again
                self._shipping.stored(message)

    async def _tick(self) -> None:
        await self._follower.tick(log_writable=not self._spool.trouble)

    async def _tend(self) -> None:
        self._spool.tend(self._shipping.pending_bytes())
        with suppress(DoorwardError, OSError):
            await self._ticket_log.cut()

    async def _look_at_streams(self) -> None:
        await self._streams.tick(self._clock.now())

    async def _ship(self) -> None:
        self._shipping.ship()

    async def _beat(self) -> None:
        self._pulse()

    async def _report(self) -> None:
        spoken = self._streams.spoken()
        said = self._link.send(
            Health(
                parts={
                    "decisions": "ok" if self._clock.believed() else "the clock ran back",
                    "log": self._spool.trouble or "ok",
                    "envoy": self._envoy.trouble or "ok",
                },
                open_streams=len(self._streams),
                spool_bytes=self._shipping.pending_bytes(),
                late_seconds=self._shipping.late_seconds() + _UNSPOOLED_SECONDS,
                spoken=spoken,
            )
        )
        if not said:
            self._streams.not_told(spoken)


async def _every(seconds: float, act: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(seconds)
        await act()


async def _serve(folder: GatewayFolder, settings: GatewaySettings, pulse: int) -> None:
    probe = EnvoySocket(folder.socket("probe"))

    async def held() -> Held:
        epoch, routes = (await probe.request("GET", "/epoch", PROBE_HOST)).split()
        return Held(int(epoch), int(routes))

    process = DecisionProcess(
        folder,
        settings,
        validate=EnvoyValidator(folder.envoy),
        held=held,
        pulse=lambda: _beat(pulse),
    )
    await process.run()


def _beat(pulse: int) -> None:
    with suppress(BlockingIOError):
        os.write(pulse, b".")


def main(root: str, pulse: str) -> int:
    """Run the decision process of gateway folder `root`; `pulse` is a descriptor to write to."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s decision %(levelname)s %(message)s")
    folder = GatewayFolder(Path(root))
    try:
        settings = load_gateway(folder.settings)
        uvloop.run(_serve(folder, settings, int(pulse)))
    except (CannotEnforceError, DoorwardError, OSError, ExceptionGroup) as error:
        return _explained(error)
    return 1


def _explained(error: Exception) -> int:
    """Say why the process ends; the exit status tells the parent where Envoy must go too."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    if not isinstance(error, CannotEnforceError | DoorwardError | OSError):
        raise error
    _LOG.critical("ended: %s", error)
    if isinstance(error, CannotEnforceError) and error.envoy_at_fault:
        return EXIT_ENVOY_DOES_NOT_FOLLOW
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
