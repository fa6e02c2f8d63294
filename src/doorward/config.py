"""Settings: `doorward.toml` of the control plane and `gateway.toml` of a gateway.

A settings file is read once, at start, into a frozen value. An unknown key, a wrong type or a
value out of range refuses to start and names file, line, key and what to do. Every setting is
explained in docs/reference/settings.md. There are no environment variables: what runs is what
the file says.
"""

from __future__ import annotations

import importlib
import ipaddress
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec

from doorward.errors import DoorwardError, SourceError
from doorward.model.ids import is_id

CONTROL_TLS_NAME = "doorward-control"
"""The DNS name in the control plane's own certificates, below no domain."""

_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")

_MAX_DOMAIN_LENGTH = 180
_MAIL_SERVER = re.compile(
    r"(smtps|smtp\+starttls)://[A-Za-z0-9.-]+:[0-9]{1,5}|smtp://(127\.0\.0\.1|localhost):[0-9]{1,5}"
)
_ADDRESS = re.compile(r"[^@\s<>]+@[A-Za-z0-9.-]+")

Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
PortOrOff = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Seconds = Annotated[int, msgspec.Meta(ge=1)]
LogLevel = Literal["debug", "info", "warning", "error"]


class ControlSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`doorward.toml`. Port 0 in `http_port` turns the plain listener off."""

    domain: str
    organisation: str = "example"
    http_port: PortOrOff = 8080
    https_port: Port = 8081
    web_address: str = "127.0.0.1"
    web_port: Port = 8082
    link_address: str = "127.0.0.1"
    link_port: Port = 8083
    store: str = ""
    snapshot_expiry_seconds: Annotated[int, msgspec.Meta(ge=5, le=86_400)] = 120
    session_seconds: Annotated[int, msgspec.Meta(ge=60, le=2_592_000)] = 43_200
    session_idle_seconds: Annotated[int, msgspec.Meta(ge=0, le=2_592_000)] = 3600
    invitation_seconds: Annotated[int, msgspec.Meta(ge=60, le=2_592_000)] = 604_800
    sweep_seconds: Seconds = 60
    mail_server: str = ""
    mail_sender: str = ""
    mail_user: str = ""
    decision_log_days: Annotated[int, msgspec.Meta(ge=0, le=36_500)] = 400
    sign_in_log_days: Annotated[int, msgspec.Meta(ge=0, le=36_500)] = 400
    health_history_days: Annotated[int, msgspec.Meta(ge=0, le=36_500)] = 90
    received_signal_days: Annotated[int, msgspec.Meta(ge=8, le=36_500)] = 90
    signal_poll_seconds: Annotated[int, msgspec.Meta(ge=1, le=3600)] = 2
    security_contact: str = ""
    country_database: str = ""
    password_blocklist: str = ""
    verifier_role: str = "identity-verifier"
    proofing_days: Annotated[int, msgspec.Meta(ge=1, le=3650)] = 730
    second_verifier_from_ial: Annotated[int, msgspec.Meta(ge=0, le=2)] = 0
    proofing_record_days: Annotated[int, msgspec.Meta(ge=1, le=36_500)] = 1095
    device_certificate_minutes: Annotated[int, msgspec.Meta(ge=5, le=60)] = 60
    log_level: LogLevel = "info"

    @property
    def sender(self) -> str:
        """The address that messages come from."""
        return self.mail_sender or f"doorward@{self.domain}"

    @property
    def origin_scheme(self) -> Literal["http", "https"]:
        """How a browser on this machine reaches the gateway by default."""
        return "http" if self.http_port else "https"

    def origin(self, host: str) -> str:
        """The address of DNS label `host` below the domain, without a trailing slash."""
        port = self.http_port or self.https_port
        default = {"http": 80, "https": 443}[self.origin_scheme]
        suffix = "" if port == default else f":{port}"
        return f"{self.origin_scheme}://{host}.{self.domain}{suffix}"


class GatewaySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`gateway.toml`. Port 0 in `http_port` turns the plain listener off.

    `https_address` is where Envoy listens for TLS; the plain listener is loopback always.
    """

    id: str
    domain: str
    http_port: PortOrOff = 0
    https_address: str = "127.0.0.1"
    https_port: Port = 8081
    control_address: str = "127.0.0.1"
    web_port: Port = 8082
    link_port: Port = 8083
    country_database: str = ""
    envoy_workers: Annotated[int, msgspec.Meta(ge=1, le=256)] = 1
    spool_megabytes: Annotated[int, msgspec.Meta(ge=1)] = 1024
    log_level: LogLevel = "info"


Settings = TypeVar("Settings", ControlSettings, GatewaySettings)


@dataclass(frozen=True, slots=True)
class DataFolder:
    """Where everything of one installation lies; ARCHITECTURE.md draws it."""

    root: Path

    @property
    def settings(self) -> Path:
        return self.root / "doorward.toml"

    @property
    def control(self) -> Path:
        return self.root / "control"

    @property
    def keys(self) -> Path:
        return self.control / "keys"

    @property
    def attestation_roots(self) -> Path:
        """Root certificates of makers whose passkey devices prove their model, one a file."""
        return self.keys / "attestation"

    @property
    def tpm_makers(self) -> Path:
        """Certificates of authorities of makers whose TPMs are believed, one a file."""
        return self.attestation_roots / "tpm"

    @property
    def api_socket(self) -> Path:
        return self.control / "api.sock"

    @property
    def audit_head(self) -> Path:
        return self.control / "audit-head.json"

    @property
    def outbox(self) -> Path:
        """Where messages are written while no mail server is set."""
        return self.control / "outbox"

    @property
    def gateway(self) -> Path:
        return self.root / "gateway"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    def store_url(self, settings: ControlSettings) -> str:
        """The SQLAlchemy URL of the store: the setting, or SQLite in the data folder."""
        return settings.store or f"sqlite:///{self.control / 'doorward.db'}"


def load_control(path: Path) -> ControlSettings:
    """The settings in `doorward.toml`. Raises `settings-missing` or `settings-invalid`."""
    settings = _load(path, ControlSettings)
    check = _Check(path)
    check.domain(settings.domain)
    check.plain_http(settings.domain, settings.http_port)
    check.address("web_address", settings.web_address)
    check.address("link_address", settings.link_address)
    check.distinct(settings.http_port, settings.https_port, settings.web_port, settings.link_port)
    check.country_database(settings.country_database)
    if settings.store and not settings.store.startswith(("sqlite:///", "postgresql://")):
        raise check.error(
            "store",
            "is neither SQLite nor PostgreSQL",
            'Write "postgresql://USER@HOST/DATABASE", or leave it out for SQLite.',
        )
    if settings.mail_server and not _MAIL_SERVER.fullmatch(settings.mail_server):
        raise check.error(
            "mail_server",
            "is not the address of a mail server",
            'Write "smtps://HOST:465" or "smtp+starttls://HOST:587"; "smtp://" is for loopback.',
        )
    if not is_id(settings.verifier_role):
        raise check.error(
            "verifier_role", "is not an identifier", "Name a role that the estate declares."
        )
    if not _ADDRESS.fullmatch(settings.sender):
        raise check.error("mail_sender", "is not an e-mail address", "Write it like a@example.org.")
    if settings.security_contact and not _ADDRESS.fullmatch(settings.security_contact):
        raise check.error(
            "security_contact", "is not an e-mail address", "Write it like security@example.org."
        )
    return settings


def load_gateway(path: Path) -> GatewaySettings:
    """The settings in `gateway.toml`. Raises `settings-missing` or `settings-invalid`."""
    settings = _load(path, GatewaySettings)
    check = _Check(path)
    if not is_id(settings.id):
        raise check.error("id", "is not an identifier", "Use letters, digits, `.`, `-` and `_`.")
    check.domain(settings.domain)
    check.plain_http(settings.domain, settings.http_port)
    check.address("https_address", settings.https_address)
    check.country_database(settings.country_database)
    return settings


def _load(path: Path, kind: type[Settings]) -> Settings:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise DoorwardError(
            "settings-missing",
            f"{path} is not there.",
            "Run doorward init, or name the data folder with --data.",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DoorwardError(
            "settings-invalid", f"{path} cannot be read.", "Check its permissions and encoding."
        ) from error
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = re.search(r"line (\d+)", str(error))
        raise SourceError(
            "settings-invalid",
            f"This is not TOML: {error}.",
            "Correct the line.",
            file=str(path),
            line=int(match.group(1)) if match else text.count("\n") + 1,
        ) from None
    check = _Check(path, text)
    known = {field.name for field in msgspec.structs.fields(kind)}
    for key in values:
        if key not in known:
            raise check.error(
                key, "is not a setting", f"Known settings: {', '.join(sorted(known))}."
            )
    for field in msgspec.structs.fields(kind):
        if field.name in values:
            try:
                msgspec.convert(values[field.name], field.type)
            except msgspec.ValidationError as error:
                reason = str(error).lower().replace("`", "")
                raise check.error(field.name, f"is wrong: {reason}", "Correct the value.") from None
        elif field.required:
            raise check.error(field.name, "is missing", "Add it.")
    return msgspec.convert(values, kind)


class _Check:
    def __init__(self, path: Path, text: str | None = None) -> None:
        self.path = path
        self.text = text

    def error(self, key: str, problem: str, remedy: str) -> SourceError:
        text = self.path.read_text("utf-8") if self.text is None else self.text
        # Imported where it is needed: the small processes read settings that are right.
        estate = importlib.import_module("doorward.estate.positions")
        line: int = estate.positions(text).get((key,), 1)
        return SourceError(
            "settings-invalid",
            f"`{key}` {problem}.",
            remedy,
            file=str(self.path),
            line=line,
        )

    def domain(self, domain: str) -> None:
        if len(domain) > _MAX_DOMAIN_LENGTH or not _DOMAIN.fullmatch(domain):
            raise self.error(
                "domain",
                "is not a lower-case DNS name of two labels or more",
                "Write it like doorward.localhost or access.example.org.",
            )

    def plain_http(self, domain: str, port: int) -> None:
        # A plain listener anywhere else would hand session cookies to whoever can listen in.
        if port and not domain.endswith(".localhost"):
            raise self.error(
                "http_port",
                "turns on plain HTTP, which is for domains that end in .localhost only",
                "Set http_port = 0 and use TLS, or a domain like doorward.localhost.",
            )

    def address(self, key: str, text: str) -> None:
        try:
            ipaddress.ip_address(text)
        except ValueError:
            raise self.error(
                key, "is not an IP address", 'Write it like "127.0.0.1" or "::1".'
            ) from None

    def country_database(self, path: str) -> None:
        try:
            found = not path or Path(path).is_file()
        except OSError:  # a folder on the way there may not be entered
            found = False
        if not found:
            raise self.error("country_database", "is not a file", "Give the path of an MMDB file.")

    def distinct(self, *ports: int) -> None:
        used = [port for port in ports if port]
        if len(set(used)) < len(used):
            raise self.error("https_port", "is also another port", "Give each listener its own.")
