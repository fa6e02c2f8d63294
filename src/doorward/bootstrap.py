"""The composition root of the control plane: settings in, connected parts out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

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
from doorward.adapters.leaked_passwords import leaked_passwords
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
from doorward.administrator.devices.attestation.tpm_attestor import TpmAttestor
from doorward.administrator.devices.parts import Fleet
from doorward.administrator.devices.roll import Roll
from doorward.administrator.devices.take_facts import take_facts
from doorward.administrator.directory.ports import Directory
from doorward.administrator.federation.directory import IssuerDirectory, ProviderDirectory
from doorward.administrator.federation.federation import Federation
from doorward.administrator.idleness.activity import Activity
from doorward.administrator.idleness.limits import IdleLimit
from doorward.administrator.mail import Mailer
from doorward.administrator.openid.provider import Provider
from doorward.administrator.osquery.parts import Osquery
from doorward.administrator.ports import AuditHeads, Secrets, Store
from doorward.administrator.proofing.parts import Proofing
from doorward.administrator.receiver.metadata import configuration_url, read_configuration
from doorward.administrator.receiver.receiver import Receiver
from doorward.administrator.signals.transmitting.bell import Bell
from doorward.administrator.signals.transmitting.recorder import Recorder
from doorward.administrator.signals.transmitting.transmitter import Transmitting
from doorward.config import ControlSettings, DataFolder
from doorward.errors import DoorwardError
from doorward.model.ids import RoleId

_HEARTBEATS_PER_EXPIRY = 10
_MINUTE = 60
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
        leaked=leaked_passwords(settings.password_blocklist),
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
