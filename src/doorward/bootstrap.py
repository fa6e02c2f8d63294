"""The composition root of the control plane: settings in, connected parts out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec
import structlog

from doorward.adapters import installation, keys
from doorward.adapters.assertion_verifier import AssertionVerifier
from doorward.adapters.attestation import AttestationRoots
from doorward.adapters.audit_head import SignedAuditHead
from doorward.adapters.challenges import HmacChallenges
from doorward.adapters.clock import now
from doorward.adapters.device_authority import LocalDeviceAuthority
from doorward.adapters.document_numbers import HmacDocumentNumbers
from doorward.adapters.federation.http import HttpxProviderHttp
from doorward.adapters.federation.tokens import JoseTokens
from doorward.adapters.geo import countries
from doorward.adapters.link_server import LinkIdentity, LinkServer
from doorward.adapters.live_snapshot import StoreReplica
from doorward.adapters.mail import FolderMailer, MailServer, SmtpMailer, Tls
from doorward.adapters.nonces import HmacNonces
from doorward.adapters.openid.jose import JoseTokenSigner
from doorward.adapters.openid.logout_call import HttpLogoutSender
from doorward.adapters.password_judge import ZxcvbnJudge
from doorward.adapters.passwords import Argon2idHasher
from doorward.adapters.sealer import AesGcmSealer
from doorward.adapters.secrets import SystemSecrets
from doorward.adapters.signals.set_push import HttpSetPusher
from doorward.adapters.store.store import open_store
from doorward.adapters.throttle import Limit, SlidingWindowThrottle
from doorward.adapters.totp import PyotpCodes
from doorward.adapters.tpm_makers import TrustedTpmMakers
from doorward.adapters.user_codes import HmacUserCodes
from doorward.adapters.webauthn import WebAuthnRelyingParty
from doorward.administrator.authentication import Authenticators
from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.devices.attestation.lapse_attestations import lapse_attestations
from doorward.administrator.devices.attestation.tpm_attestor import TpmAttestor
from doorward.administrator.devices.parts import Fleet
from doorward.administrator.devices.roll import Roll, write_roll
from doorward.administrator.devices.sample_health import let_history_go, sample_health
from doorward.administrator.devices.take_facts import take_facts
from doorward.administrator.devices.watch import Watch
from doorward.administrator.directory.ports import Directory
from doorward.administrator.end_idle import AT_ONCE, end_idle, tell_last
from doorward.administrator.federation.directory import IssuerDirectory, ProviderDirectory
from doorward.administrator.federation.federation import Federation
from doorward.administrator.idleness.activity import Activity
from doorward.administrator.idleness.limits import IdleLimit
from doorward.administrator.mail import Mailer
from doorward.administrator.openid.provider import Provider
from doorward.administrator.openid.signing_keys import keep_keys
from doorward.administrator.openid.tell_clients import Message, Teller
from doorward.administrator.osquery.hosts import write_hosts
from doorward.administrator.osquery.parts import Osquery
from doorward.administrator.ports import AuditHeads, Revision, Secrets, Store
from doorward.administrator.proofing.parts import Proofing
from doorward.administrator.proofing.sweep_identity import sweep_identity
from doorward.administrator.purge_decisions import BATCH, purge_decisions
from doorward.administrator.receiver.keep_polled import Poller
from doorward.administrator.receiver.metadata import configuration_url, read_configuration
from doorward.administrator.receiver.receiver import Receiver
from doorward.administrator.signals.transmitting.bell import Bell
from doorward.administrator.signals.transmitting.recorder import Recorder
from doorward.administrator.signals.transmitting.transmitter import Transmitting
from doorward.administrator.sweep_expired import sweep_expired
from doorward.administrator.tell_passwords_off import tell_passwords_off
from doorward.config import ControlSettings, DataFolder
from doorward.errors import DoorwardError
from doorward.model.ids import RoleId, UnixSeconds
from doorward.model.transmitter import Transmitter

_HEARTBEATS_PER_EXPIRY = 10
_MINUTE = 60
_PURGE_SECONDS = 60 * _MINUTE
_BETWEEN_BATCHES_SECONDS = 0.2
_KEYS_SECONDS = 10 * _MINUTE
_RETRY_SECONDS = 2
_TELL_SECONDS = 2
_ROLL_SECONDS = 1.0
_ATTESTED_SECONDS = 0.5
_OSQUERY_SECONDS = 1.0
_WATCH_SECONDS = 0.5
_IDENTITY_SECONDS = 10 * _MINUTE
LIMITS = {
    "address": Limit(attempts=30, window_seconds=5 * _MINUTE),
    "openid-address": Limit(attempts=120, window_seconds=_MINUTE),
    "recovery-address": Limit(attempts=10, window_seconds=15 * _MINUTE),
    "recovery-look": Limit(attempts=240, window_seconds=_MINUTE),
    "passkey-address": Limit(attempts=120, window_seconds=_MINUTE),
    "federation-address": Limit(attempts=120, window_seconds=_MINUTE),
    "audit-address": Limit(attempts=10, window_seconds=_MINUTE),
    "audit": Limit(attempts=120, window_seconds=_MINUTE),
    "idle-look": Limit(attempts=120, window_seconds=_MINUTE),
    "contact-address": Limit(attempts=30, window_seconds=60 * _MINUTE),
    "signal-address": Limit(attempts=1200, window_seconds=_MINUTE),
    "signals": Limit(attempts=600, window_seconds=_MINUTE),
    "enrolment-address": Limit(attempts=60, window_seconds=15 * _MINUTE),
    "enrolment-look": Limit(attempts=600, window_seconds=_MINUTE),
    "provisioning": Limit(attempts=120, window_seconds=_MINUTE),
    "osquery-refused": Limit(attempts=120, window_seconds=_MINUTE),
}
_MAIL_TLS: dict[str, Tls] = {"smtps": "implicit", "smtp+starttls": "starttls", "smtp": "none"}

Makers = TypeVar("Makers")

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
    openid: Provider
    transmitter: Transmitting
    federation: Federation
    receiver: Receiver
    proofing: Proofing
    heads: AuditHeads
    assertions: AssertionVerifier
    fleet: Fleet
    osquery: Osquery
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
    bell = Bell()
    recorder = Recorder(settings.origin("auth"), SystemSecrets(), now, bell)
    store = open_store(data.store_url(settings), heads, recorder=recorder)
    replica = StoreReplica(store)
    activity = Activity(IdleLimit(settings.session_idle_seconds), SystemSecrets().id("control"))
    gateways = LinkServer(
        replica,
        store,
        keys.signing_key(keys.read_secret(folder / "snapshot.key")),
        now,
        snapshot_ttl_seconds=settings.snapshot_expiry_seconds,
        heartbeat_seconds=settings.snapshot_expiry_seconds / _HEARTBEATS_PER_EXPIRY,
        activity=activity,
    )
    mailer = _mailer(data, settings)
    seal_key = keys.read_secret(folder / "seal.key")
    control = ControlPlane(store, replica, gateways, SystemSecrets(), mailer, activity=activity)
    authenticators = Authenticators(
        control=control,
        hasher=Argon2idHasher(),
        sealer=AesGcmSealer(seal_key),
        throttle=SlidingWindowThrottle(LIMITS),
        challenges=HmacChallenges(seal_key),
        relying_party=WebAuthnRelyingParty(
            rp_id=f"auth.{settings.domain}",
            name=settings.organisation,
            origins=origins(settings, "auth"),
            roots=_attestation_roots(data),
        ),
        totp=PyotpCodes(settings.organisation),
        judge=ZxcvbnJudge(),
        codes=HmacUserCodes(seal_key),
    )
    openid = Provider(
        control=control,
        signer=JoseTokenSigner(authenticators.sealer),
        logouts=HttpLogoutSender(),
        throttle=authenticators.throttle,
        issuer=settings.origin("auth"),
        session_seconds=settings.session_seconds,
        country=countries(settings.country_database),
    )
    plain = settings.domain.endswith(".localhost")
    transmitter = Transmitting(
        control=control,
        signer=openid.signer,
        sealer=authenticators.sealer,
        pusher=HttpSetPusher(loopback=plain),
        throttle=authenticators.throttle,
        bell=bell,
        issuer=openid.issuer,
        origin=settings.origin,
        plain_loopback=plain,
    )
    http = HttpxProviderHttp()
    federation = Federation(
        authenticators, http, JoseTokens(), ProviderDirectory(http), origins(settings, "auth")
    )
    device_ca = installation.read_pair(folder, "device-ca")
    fleet = Fleet(
        control=control,
        authority=LocalDeviceAuthority(device_ca),
        nonces=HmacNonces(seal_key),
        roll=Roll(),
        throttle=authenticators.throttle,
        attestor=tpm_attestor(data, control.secrets),
        codes=authenticators.codes,
        trust_domain=settings.domain,
        auth_origin=settings.origin("auth"),
        certificate_seconds=settings.device_certificate_minutes * _MINUTE,
    )
    return ControlParts(
        store=store,
        directory=store.directory,
        replica=replica,
        gateways=gateways,
        control=control,
        authenticators=authenticators,
        openid=openid,
        transmitter=transmitter,
        federation=federation,
        receiver=Receiver(
            control=control,
            http=http,
            tokens=federation.tokens,
            directory=IssuerDirectory(http, configuration_url, read_configuration),
            sealer=authenticators.sealer,
            throttle=authenticators.throttle,
            origin=origins(settings, "auth")[-1],
        ),
        proofing=Proofing(
            control=control,
            numbers=HmacDocumentNumbers(seal_key),
            organisation=settings.organisation,
            verifier_role=RoleId(settings.verifier_role),
            proofing_days=settings.proofing_days,
            record_days=settings.proofing_record_days,
            second_verifier_from=settings.second_verifier_from_ial,
        ),
        heads=heads,
        assertions=AssertionVerifier(f"https://auth.{settings.domain}", gateways.assertion_keys),
        fleet=fleet,
        osquery=Osquery(fleet, take_facts),
        link=LinkIdentity(folder / "link.pem", folder / "link.key", folder / "gateway-ca.pem"),
    )


def _attestation_roots(data: DataFolder) -> AttestationRoots:
    """Raises DoorwardError `attestation-root-malformed`."""
    return _believed(data.attestation_roots, AttestationRoots)


def tpm_attestor(data: DataFolder, secrets: Secrets) -> TpmAttestor | None:
    """None where no maker is trusted. Raises DoorwardError `attestation-root-malformed`."""
    makers = _believed(data.tpm_makers, TrustedTpmMakers)
    return TpmAttestor(makers, secrets) if makers.any else None


def _believed(folder: Path, makers: Callable[[Sequence[bytes]], Makers]) -> Makers:
    """The makers whose certificates are in `folder`. Raises `attestation-root-malformed`."""
    try:
        return makers([file.read_bytes() for file in sorted(folder.glob("*.pem"))])
    except (OSError, ValueError) as error:
        raise DoorwardError(
            "attestation-root-malformed",
            f"A file in {folder} is not one certificate in PEM form.",
            "Put each certificate of a maker into a file of its own.",
        ) from error


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


async def keep_swept(
    control: ControlPlane,
    every_seconds: float,
    *,
    sign_in_log_days: int,
    received_signal_days: int,
    security_contact: str,
) -> None:
    """Remove what has expired, for ever; log entries when they are so many days old.

    Tells of passwords that are off.
    """
    while True:
        await asyncio.sleep(every_seconds)
        await tell_passwords_off(control, now(), security_contact)
        await sweep_expired(
            control,
            now(),
            sign_in_log_days=sign_in_log_days,
            received_signal_days=received_signal_days,
        )


async def keep_used(control: ControlPlane) -> None:
    """End sessions that nobody uses, for ever; at its own end write what was heard of use."""
    limit = control.activity.limit
    pause = limit.pause_seconds
    try:
        while limit.seconds:
            await asyncio.sleep(pause)
            pause = limit.pause_seconds
            try:
                if await end_idle(control, now()) == AT_ONCE:
                    pause = _BETWEEN_BATCHES_SECONDS
            except DoorwardError as error:
                _log.warning("idle-sessions-not-ended", code=error.code, detail=error.detail)
    finally:
        if limit.seconds:
            with suppress(DoorwardError):
                await tell_last(control, now())


async def keep_signals_polled(receiver: Receiver, every_seconds: float) -> None:
    """Fetch the signals of transmitters that deliver by poll, for ever."""
    poller = Poller(receiver, every_seconds)

    async def poll(transmitter: Transmitter) -> None:
        try:
            await poller.poll(transmitter, now)
        except Exception as error:  # noqa: BLE001 - what others send must not end the process
            _log.error("signals-not-polled", transmitter=transmitter.id, exc_info=error)

    async with asyncio.TaskGroup() as group:
        while True:
            for transmitter in poller.due(now()):
                group.create_task(poll(transmitter))
            await asyncio.sleep(min(every_seconds, 1))


async def keep_verified(proofing: Proofing) -> None:
    """End verifications that have run out and tell people before, for ever."""
    while True:
        try:
            await sweep_identity(proofing, now())
        except DoorwardError as error:
            _log.warning("identity-not-swept", code=error.code, detail=error.detail)
        await asyncio.sleep(_IDENTITY_SECONDS)


async def keep_attested(control: ControlPlane) -> None:
    """Take attestation back from devices whose TPM fell silent, for ever."""
    while True:
        try:
            await lapse_attestations(control, now())
        except DoorwardError as error:
            _log.warning("attestations-not-lapsed", code=error.code, detail=error.detail)
        await asyncio.sleep(_ATTESTED_SECONDS)


async def keep_roll(fleet: Fleet, replica: StoreReplica) -> None:
    """Write what devices were heard to say, and forget those that are gone, for ever."""

    def note(revision: Revision | None) -> None:
        fleet.roll.follow(() if revision is None else revision.changes)

    stop = replica.listen(note)
    try:
        while True:
            try:
                await write_roll(fleet.control.store, fleet.roll)
            except DoorwardError as error:
                _log.warning("roll-not-written", code=error.code, detail=error.detail)
            await asyncio.sleep(_ROLL_SECONDS)
    finally:
        stop()


async def keep_osquery_hosts(osquery: Osquery) -> None:
    """Write when hosts that report by osquery were heard of, for ever."""
    while True:
        try:
            await write_hosts(osquery.control.store, osquery.hosts)
        except DoorwardError as error:
            _log.warning("osquery-hosts-not-written", code=error.code, detail=error.detail)
        await asyncio.sleep(_OSQUERY_SECONDS)


async def keep_watch(fleet: Fleet, replica: StoreReplica) -> None:
    """Look at devices again whose moment has come or whose documents changed, for ever."""
    watch = Watch(fleet)
    stop = replica.listen(watch.note)
    watch.note(None)
    try:
        while True:
            watch.awake.clear()
            try:
                await watch.look(now())
            except DoorwardError as error:
                _log.warning("devices-not-watched", code=error.code, detail=error.detail)
                await asyncio.sleep(_RETRY_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(_WATCH_SECONDS):
                    await watch.awake.wait()
    finally:
        stop()


async def keep_history(fleet: Fleet, keep_days: int) -> None:
    """Note how the fleet stands, and let go of what is older than `keep_days`, for ever."""
    while True:
        try:
            await sample_health(fleet, now())
            await let_history_go(fleet.control.store, now(), keep_days=keep_days)
        except DoorwardError as error:
            _log.warning("health-not-sampled", code=error.code, detail=error.detail)
        await asyncio.sleep(_MINUTE)


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


async def keep_keys_fresh(openid: Provider) -> None:
    """Make the provider's signing keys, and new ones in time, for ever."""
    while True:
        pause = _KEYS_SECONDS
        try:
            await keep_keys(openid, now())
        except DoorwardError as error:
            _log.warning("signing-keys-not-kept", code=error.code, detail=error.detail)
            pause = _RETRY_SECONDS
        await asyncio.sleep(pause)


async def keep_clients_told(openid: Provider, replica: StoreReplica) -> None:
    """Tell clients of sessions that ended, at once, for ever."""
    teller, ended = Teller(openid), asyncio.Event()

    def note(revision: Revision | None) -> None:
        if revision is None or any(
            item.kind == "session" and item.body is msgspec.UNSET for item in revision.changes
        ):
            ended.set()

    async def deliver(message: Message) -> None:
        with suppress(DoorwardError):  # The store is away: the message is due again later.
            await teller.deliver(message, now())
        if teller.waiting:
            ended.set()

    stop = replica.listen(note)
    try:
        async with asyncio.TaskGroup() as group:
            while True:
                ended.clear()
                try:
                    for message in await teller.reserve(now()):
                        group.create_task(deliver(message))
                except DoorwardError as error:
                    _log.warning("clients-not-told", code=error.code, detail=error.detail)
                with suppress(TimeoutError):
                    async with asyncio.timeout(_TELL_SECONDS):
                        await ended.wait()
    finally:
        stop()
