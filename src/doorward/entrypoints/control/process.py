"""The control process: starts every part, and ends as a whole when one of them ends."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import structlog
import uvloop
from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server
from starlette.types import ASGIApp

from doorward.adapters import installation
from doorward.adapters.clock import now
from doorward.administrator.signals.transmitting.delivering import deliver_for_ever
from doorward.administrator.signals.transmitting.poll import Polls
from doorward.bootstrap import ControlParts, compose, origins
from doorward.config import CONTROL_TLS_NAME, ControlSettings, DataFolder, load_control
from doorward.entrypoints.actors import GatewayAssertion, OperatorSocket
from doorward.entrypoints.api.app import app as api_app
from doorward.entrypoints.api.context import Context
from doorward.entrypoints.console.app import app as console_app
from doorward.entrypoints.control.background import (
    keep_attested,
    keep_clients_told,
    keep_history,
    keep_keys_fresh,
    keep_osquery_hosts,
    keep_purged,
    keep_roll,
    keep_signals_polled,
    keep_swept,
    keep_used,
    keep_verified,
    keep_watch,
)
from doorward.entrypoints.control.web import ByHost
from doorward.entrypoints.explained import explained
from doorward.entrypoints.fleet import app as fleet
from doorward.entrypoints.fleet import osquery
from doorward.entrypoints.login import app as login_app
from doorward.entrypoints.scim.app import ScimApplication
from doorward.entrypoints.scim.context import ScimContext
from doorward.entrypoints.signals import receive
from doorward.entrypoints.signals.app import SignalsContext, metadata_app
from doorward.entrypoints.signals.app import app as signals_app
from doorward.errors import DoorwardError
from doorward.model.estate import CONTROL_UPSTREAM, SCIM_UPSTREAM, SIGNALS_UPSTREAM
from doorward.protocol.signals.delivery import CONFIGURATION_PATH

_CONSOLE_HOST = "console"
_SWITCH_SECONDS = 0.0005
"""A thread that has waited for the disk gets its turn so soon, however busy the loop is."""


def run_control(data: DataFolder) -> None:
    """Run until SIGTERM. Raises DoorwardError or OSError where a part cannot start."""
    settings = load_control(data.settings)
    _log_to_stderr(settings.log_level)
    installation.renew_certificates(data.keys, CONTROL_TLS_NAME, now())
    _upgrade(data.store_url(settings))
    sys.setswitchinterval(_SWITCH_SECONDS)
    uvloop.run(_serve(data, settings))


async def _serve(data: DataFolder, settings: ControlSettings) -> None:
    parts = compose(data, settings)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    web = _web_server(data, settings, web_application(parts, settings))
    operator = _operator_server(data.api_socket, operator_application(parts, settings))
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(parts.replica.run()),
            group.create_task(
                parts.gateways.serve(settings.link_address, settings.link_port, parts.link)
            ),
            group.create_task(_ends_all(web)),
            group.create_task(_ends_all(operator)),
            group.create_task(
                keep_swept(
                    parts.control,
                    settings.sweep_seconds,
                    sign_in_log_days=settings.sign_in_log_days,
                    received_signal_days=settings.received_signal_days,
                    security_contact=settings.security_contact,
                )
            ),
            group.create_task(keep_used(parts.control)),
            group.create_task(keep_purged(parts.store, now, settings.decision_log_days)),
            group.create_task(keep_keys_fresh(parts.openid)),
            group.create_task(keep_clients_told(parts.openid, parts.replica)),
            group.create_task(keep_verified(parts.proofing)),
            group.create_task(deliver_for_ever(parts.transmitter, now)),
            group.create_task(keep_roll(parts.fleet, parts.replica)),
            group.create_task(keep_attested(parts.control)),
            group.create_task(keep_osquery_hosts(parts.osquery)),
            group.create_task(keep_watch(parts.fleet, parts.replica)),
            group.create_task(keep_history(parts.fleet, settings.health_history_days)),
            group.create_task(keep_signals_polled(parts.receiver, settings.signal_poll_seconds)),
        ]
        await stop.wait()
        for server in (web, operator):
            server.stop()  # type: ignore[no-untyped-call]
        for task in tasks:
            task.cancel()
    await parts.store.close()


def web_application(parts: ControlParts, settings: ControlSettings) -> ByHost:
    """What browsers reach through Envoy."""
    login = login_app(
        parts.authenticators,
        clock=now,
        federation=parts.federation,
        auth_origins=origins(settings, "auth"),
        session_seconds=settings.session_seconds,
        security_contact=settings.security_contact,
        openid=parts.openid,
        fleet=parts.fleet,
    )
    assertion = GatewayAssertion(parts.assertions, parts.replica, origins(settings, _CONSOLE_HOST))
    console = console_app(_context(parts, settings, assertion))
    return ByHost(
        settings.domain,
        parts.replica,
        login,
        {
            CONTROL_UPSTREAM: console,
            SCIM_UPSTREAM: _directory(parts),
            SIGNALS_UPSTREAM: _signals(parts),
        },
        {
            **dict.fromkeys(fleet.PREFIXES, fleet.app(parts.fleet, now)),
            **dict.fromkeys(osquery.PREFIXES, osquery.app(parts.osquery, now)),
            CONFIGURATION_PATH: metadata_app(parts.transmitter),
            receive.PATH: receive.app(parts.receiver, clock=now),
        },
    )


def _directory(parts: ControlParts) -> ASGIApp:
    """What services that provision people and groups reach through Envoy."""
    assertion = GatewayAssertion(parts.assertions, parts.replica, (), SCIM_UPSTREAM)
    throttle = parts.authenticators.throttle
    return ScimApplication(ScimContext(parts.control, parts.directory, throttle, assertion, now))


def _signals(parts: ControlParts) -> ASGIApp:
    """What receivers of our events reach through Envoy."""
    assertion = GatewayAssertion(parts.assertions, parts.replica, (), SIGNALS_UPSTREAM)
    polls = Polls(parts.transmitter, now)
    return signals_app(SignalsContext(parts.transmitter, polls, assertion, now))


def operator_application(parts: ControlParts, settings: ControlSettings) -> ASGIApp:
    """The API for whoever may open the Unix socket."""
    return api_app(_context(parts, settings, OperatorSocket()))


def _context(
    parts: ControlParts,
    settings: ControlSettings,
    authenticator: GatewayAssertion | OperatorSocket,
) -> Context:
    return Context(
        control=parts.control,
        openid=parts.openid,
        transmitter=parts.transmitter,
        federation=parts.federation,
        receiver=parts.receiver,
        directory=parts.directory,
        proofing=parts.proofing,
        osquery=parts.osquery,
        fleet=parts.fleet,
        heads=parts.heads,
        sealer=parts.authenticators.sealer,
        authenticator=authenticator,
        clock=now,
        auth_origin=settings.origin("auth"),
        invitation_seconds=settings.invitation_seconds,
    )


def _web_server(data: DataFolder, settings: ControlSettings, application: ASGIApp) -> Server:
    return Server(
        application,
        address=settings.web_address,
        port=settings.web_port,
        interface=Interfaces.ASGI,
        websockets=False,
        log_enabled=False,
        ssl_cert=data.keys / "web.pem",
        ssl_key=data.keys / "web.key",
        ssl_ca=data.keys / "gateway-ca.pem",
        ssl_client_verify=True,
        http1_settings=HTTP1Settings(header_read_timeout=10_000),
    )


def _operator_server(socket: Path, application: ASGIApp) -> Server:
    with suppress(FileNotFoundError):
        socket.unlink()
    # Nobody but the owner may connect, from the moment the socket exists.
    os.umask(0o077)
    return Server(
        application,
        uds=socket,
        interface=Interfaces.ASGI,
        websockets=False,
        log_enabled=False,
    )


async def _ends_all(server: Server) -> None:
    await server.serve()
    raise OSError("a listener of the control plane ended")


def _upgrade(url: str) -> None:
    # Alembic is needed for this moment only, and is large: a child loads it and is gone.
    child = os.fork()
    if child == 0:
        status = 1
        try:
            migrate = importlib.import_module("doorward.adapters.store.migrate")
            status = explained(lambda: migrate.upgrade(url))
        finally:
            os._exit(status)
    if os.waitpid(child, 0)[1] != 0:
        raise DoorwardError(
            "store-not-upgraded",
            "The store's tables could not be brought up to this version.",
            "The line above says why.",
        )


def _log_to_stderr(level: str) -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


if __name__ == "__main__":
    sys.exit(explained(lambda: run_control(DataFolder(Path(sys.argv[1])))))
