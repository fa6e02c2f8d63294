"""The composition root of the control plane: settings in, connected parts out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from doorward.adapters import installation, keys
from doorward.adapters.assertion_verifier import AssertionVerifier
from doorward.adapters.audit_head import SignedAuditHead
from doorward.adapters.clock import now
from doorward.adapters.device_authority import LocalDeviceAuthority
from doorward.adapters.link_server import LinkIdentity, LinkServer
from doorward.adapters.live_snapshot import StoreReplica
from doorward.adapters.mail import FolderMailer, MailServer, SmtpMailer, Tls
from doorward.adapters.passwords import Argon2idHasher
from doorward.adapters.sealer import AesGcmSealer
from doorward.adapters.secrets import SystemSecrets
from doorward.adapters.store.store import open_store
from doorward.adapters.throttle import Limit, SlidingWindowThrottle
from doorward.adapters.totp import PyotpCodes
from doorward.adapters.webauthn import WebAuthnRelyingParty
from doorward.administrator.authentication import Authenticators
from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.directory.ports import Directory
from doorward.administrator.mail import Mailer
from doorward.administrator.ports import AuditHeads, Store
from doorward.administrator.purge_decisions import BATCH, purge_decisions
from doorward.administrator.sweep_expired import sweep_expired
from doorward.config import ControlSettings, DataFolder
from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds

_HEARTBEATS_PER_EXPIRY = 10
_MINUTE = 60
_PURGE_SECONDS = 60 * _MINUTE
_BETWEEN_BATCHES_SECONDS = 0.2
_LIMITS = {
    "account": Limit(attempts=10, window_seconds=15 * _MINUTE),
    "person": Limit(attempts=10, window_seconds=15 * _MINUTE),
    "address": Limit(attempts=30, window_seconds=5 * _MINUTE),
    "passkey-address": Limit(attempts=120, window_seconds=_MINUTE),
    "audit-address": Limit(attempts=10, window_seconds=_MINUTE),
    "audit": Limit(attempts=120, window_seconds=_MINUTE),
    "provisioning": Limit(attempts=120, window_seconds=_MINUTE),
}
_MAIL_TLS: dict[str, Tls] = {"smtps": "implicit", "smtp+starttls": "starttls", "smtp": "none"}

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ControlParts:
    """Everything that the control process runs or hands to its entrypoints."""

    store: Store
    directory: Directory
    replica: StoreReplica
    gateways: LinkServer
    control: ControlPlane
    authenticators: Authenticators
    heads: AuditHeads
    assertions: AssertionVerifier
    devices: LocalDeviceAuthority
    link: LinkIdentity


def origins(settings: ControlSettings, host: str) -> tuple[str, ...]:
    """Every origin under which a browser reaches `host`, one for each listener."""
    suffix = f"{host}.{settings.domain}"
    plain = (f"http://{suffix}:{settings.http_port}",) if settings.http_port else ()
    https = f"https://{suffix}" + (f":{settings.https_port}" if settings.https_port != 443 else "")  # noqa: PLR2004
    return (*plain, https)


def compose(data: DataFolder, settings: ControlSettings) -> ControlParts:
    """Connect the parts. Raises DoorwardError where a key is missing or malformed."""
    folder = data.keys
    heads = SignedAuditHead(
        data.audit_head, keys.signing_key(keys.read_secret(folder / "audit.key"))
    )
    store = open_store(data.store_url(settings), heads)
    replica = StoreReplica(store)
    gateways = LinkServer(
        replica,
        store,
        keys.signing_key(keys.read_secret(folder / "snapshot.key")),
        now,
        snapshot_ttl_seconds=settings.snapshot_expiry_seconds,
        heartbeat_seconds=settings.snapshot_expiry_seconds / _HEARTBEATS_PER_EXPIRY,
    )
    mailer = _mailer(data, settings)
    control = ControlPlane(store, replica, gateways, SystemSecrets(), mailer)
    authenticators = Authenticators(
        control=control,
        hasher=Argon2idHasher(),
        sealer=AesGcmSealer(keys.read_secret(folder / "seal.key")),
        throttle=SlidingWindowThrottle(_LIMITS),
        relying_party=WebAuthnRelyingParty(
            rp_id=f"auth.{settings.domain}",
            name=settings.organisation,
            origins=origins(settings, "auth"),
        ),
        totp=PyotpCodes(settings.organisation),
    )
    return ControlParts(
        store=store,
        directory=store.directory,
        replica=replica,
        gateways=gateways,
        control=control,
        authenticators=authenticators,
        heads=heads,
        assertions=AssertionVerifier(f"https://auth.{settings.domain}", gateways.assertion_keys),
        devices=LocalDeviceAuthority(installation.read_pair(folder, "device-ca")),
        link=LinkIdentity(folder / "link.pem", folder / "link.key", folder / "gateway-ca.pem"),
    )


def _mailer(data: DataFolder, settings: ControlSettings) -> Mailer:
    """Raises `key-missing` where the mail server wants a password that is not there."""
    if not settings.mail_server:
        return FolderMailer(data.outbox, settings.sender, now)
    scheme, _, place = settings.mail_server.partition("://")
    host, _, port = place.rpartition(":")
    password = ""
    if settings.mail_user:
        password = keys.read_secret(data.keys / "mail.password").decode().strip()
    tls = _MAIL_TLS[scheme]
    server = MailServer(host, int(port), tls, settings.mail_user, password)
    return SmtpMailer(server, settings.sender, now)


async def keep_swept(control: ControlPlane, every_seconds: float, *, sign_in_log_days: int) -> None:
    """Remove what has expired, for ever; sign-ins when they are `sign_in_log_days` old."""
    while True:
        await asyncio.sleep(every_seconds)
        await sweep_expired(control, now(), sign_in_log_days=sign_in_log_days)


async def keep_purged(store: Store, clock: Callable[[], UnixSeconds], keep_days: int) -> None:
    """Remove decision records older than `keep_days`, for ever; 0 keeps them all.

    Between two batches others have their turn at the store.
    """
    while keep_days:
        pause: float = _PURGE_SECONDS
        try:
            if await purge_decisions(store, clock(), keep_days=keep_days) == BATCH:
                pause = _BETWEEN_BATCHES_SECONDS
        except DoorwardError as error:
            _log.warning("decisions-not-purged", code=error.code, detail=error.detail)
        await asyncio.sleep(pause)
