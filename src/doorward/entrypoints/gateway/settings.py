"""From `gateway.toml` and the gateway's folder to the values that the parts take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from doorward.adapters.link_client import LinkAddress
from doorward.adapters.ticket_log import LIVE
from doorward.config import CONTROL_TLS_NAME, GatewaySettings
from doorward.enforcement.envoy.settings import (
    ControlWeb,
    EnvoySettings,
    PlainListener,
    TlsListener,
)


@dataclass(frozen=True, slots=True)
class GatewayFolder:
    """Where everything of one gateway lies; ARCHITECTURE.md draws it."""

    root: Path

    @property
    def settings(self) -> Path:
        return self.root / "gateway.toml"

    @property
    def snapshot_key(self) -> Path:
        return self.root / "snapshot.pub"

    @property
    def envoy(self) -> Path:
        return self.root / "envoy"

    @property
    def decisions(self) -> Path:
        return self.root / "spool" / "decisions"

    @property
    def tickets(self) -> Path:
        return self.root / "spool" / "tickets"

    def socket(self, name: str) -> Path:
        """A Unix socket of this gateway: `check`, `relay`, `admin` or `probe`."""
        return self.root / "run" / f"{name}.sock"


def link_address(folder: GatewayFolder, settings: GatewaySettings) -> LinkAddress:
    """Where control's link is, and who this gateway is there."""
    return LinkAddress(
        host=settings.control_address,
        port=settings.link_port,
        server_name=CONTROL_TLS_NAME,
        certificate=folder.root / "gateway.pem",
        key=folder.root / "gateway.key",
        control_ca=folder.root / "control-ca.pem",
    )


def envoy_settings(
    folder: GatewayFolder, settings: GatewaySettings, ticket_jwk: dict[str, str]
) -> EnvoySettings:
    """What the Envoy compiler needs to know."""
    root = folder.root.absolute()
    return EnvoySettings(
        domain=settings.domain,
        folder=str(folder.envoy.absolute()),
        plain=PlainListener("127.0.0.1", settings.http_port) if settings.http_port else None,
        tls=TlsListener(
            address=settings.https_address,
            port=settings.https_port,
            certificate_path=str(root / "tls.pem"),
            key_path=str(root / "tls.key"),
            device_ca_path=str(root / "device-ca.pem"),
        ),
        control=ControlWeb(
            address=settings.control_address,
            port=settings.web_port,
            server_name=CONTROL_TLS_NAME,
            certificate_path=str(root / "gateway.pem"),
            key_path=str(root / "gateway.key"),
            ca_path=str(root / "control-ca.pem"),
        ),
        check_socket=str(folder.socket("check").absolute()),
        relay_socket=str(folder.socket("relay").absolute()),
        admin_socket=str(folder.socket("admin").absolute()),
        probe_socket=str(folder.socket("probe").absolute()),
        ticket_jwk=msgspec.json.encode(ticket_jwk).decode(),
        access_log_path=str(folder.tickets.absolute() / LIVE),
        workers=settings.envoy_workers,
    )
