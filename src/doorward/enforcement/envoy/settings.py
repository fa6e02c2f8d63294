"""What the compiler needs to know besides the snapshot. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PlainListener:
    """Plain HTTP; `address` must be a loopback address, `port` 1 to 65535."""

    address: str
    port: int


@dataclass(frozen=True, slots=True)
class TlsListener:
    """HTTPS with an optional client certificate of the device CA. PEM files, absolute paths."""

    address: str
    port: int
    certificate_path: str
    key_path: str
    device_ca_path: str


@dataclass(frozen=True, slots=True)
class ControlWeb:
    """Where auth pages, console and API are, and how Envoy proves itself there.

    `server_name` is the name that the control plane's certificate must bear. PEM files.
    """

    address: str
    port: int
    server_name: str
    certificate_path: str
    key_path: str
    ca_path: str


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what a client can make Envoy hold.

    `tls_connection_seconds` is after how long a connection over TLS takes no new request. It is
    less than half of the shortest life of a client's certificate: a certificate is renewed at half
    of its life, and a connection goes on showing the one that it began with.
    """

    header_kilobytes: int = 60
    header_count: int = 100
    headers_timeout_seconds: float = 10.0
    idle_timeout_seconds: float = 300.0
    tls_connection_seconds: float = 120.0
    stream_idle_timeout_seconds: float = 300.0
    delayed_close_seconds: float = 0.1
    connect_timeout_seconds: float = 2.0
    connections: int = 10_000
    buffer_bytes: int = 64 * 1024


@dataclass(frozen=True, slots=True)
class EnvoySettings:
    """One gateway's Envoy.

    `domain` is what resources' hosts are labels of; `folder` is where the compiled files are
    served from (absolute); `ticket_jwk` is the public EC P-256 key (RFC 7517) of the decision
    process that mints the tickets, as JSON text; `workers` is Envoy's concurrency. At least one
    of `plain` and `tls` is set. Socket paths are absolute and at most 100 bytes.
    """

    domain: str
    folder: str
    plain: PlainListener | None
    tls: TlsListener | None
    control: ControlWeb
    check_socket: str
    relay_socket: str
    admin_socket: str
    probe_socket: str
    ticket_jwk: str
    access_log_path: str
    workers: int = 1
    limits: Limits = field(default_factory=Limits)
