"""A control plane for agents, written from `doorward.protocol.agent` alone.

It verifies each signature, counter and nonce, and keeps `accepted`: every message that counted.
Give `transport()` to `Control`. What goes wrong is arranged by these:

- `lose_answers`: so many messages arrive and count, and their answers get lost;
- `lose_messages`: so many messages never arrive;
- `say`: a status and body that is answered to everything instead;
- `polls_until_approved`, `code`: how an enrolment is approved;
- `suspended`, `forgotten`: what became of devices; `forged_uri`: what a certificate names instead;
- `services`: what runs on every device;
- `failing`, `next_in_seconds`: what a report is answered with;
- `lose_nonces()`: the nonces that were given hold no longer.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from doorward.model.ids import DeviceId
from doorward.model.spiffe import device_spiffe_id
from doorward.protocol.agent import (
    DEVICES,
    ENROLMENTS,
    SIGNATURE_HEADER,
    CertificateRequest,
    Enrolled,
    EnrolmentPoll,
    EnrolmentRequest,
    EnrolmentStarted,
    Failing,
    Issued,
    NonceGiven,
    NonceRequest,
    Pending,
    Report,
    Taken,
    WorkloadRequest,
    signature_holds,
)

DOMAIN = "corp.test"
SERVER = f"https://auth.{DOMAIN}"
NOW = 1_790_000_000.0

_KINDS: dict[str, type[CertificateRequest | WorkloadRequest | Report]] = {
    "certificate": CertificateRequest,
    "reports": Report,
    "workloads": WorkloadRequest,
}


class MessageRefusedError(Exception):
    def __init__(self, code: str, status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.status = status


@dataclass
class KnownDevice:
    public_key: bytes
    counter: int = 0
    told: dict[int, str] = field(default_factory=dict)
    answer: msgspec.Struct | None = None


@dataclass
class FakeControl:
    code: str = "let-me-in"
    polls_until_approved: int = 1
    lose_answers: int = 0
    lose_messages: int = 0
    say: tuple[int, bytes] | None = None
    forged_uri: str = ""
    services: tuple[str, ...] = ("billing",)
    failing: tuple[Failing, ...] = ()
    next_in_seconds: float = 300.0
    lifetime_seconds: float = 3600.0
    now: float = NOW
    devices: dict[str, KnownDevice] = field(default_factory=dict)
    suspended: dict[str, str] = field(default_factory=dict)
    pending: dict[str, EnrolmentRequest] = field(default_factory=dict)
    polls: list[EnrolmentPoll] = field(default_factory=list)
    accepted: list[Any] = field(default_factory=list)
    seen: list[tuple[str, bytes, str]] = field(default_factory=list)
    nonces: dict[tuple[str, int], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.authority = self._certificate(
            "doorward device CA corp.test", self._key, self._key.public_key(), "", 86_400, ca=True
        )

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def lose_nonces(self) -> None:
        self.nonces.clear()

    def forget(self, device: str) -> None:
        del self.devices[device]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path, body = request.url.path, request.read()
        signature = request.headers.get(SIGNATURE_HEADER, "")
        if self.lose_messages:
            self.lose_messages -= 1
            raise httpx.ConnectError("nobody there", request=request)
        if self.say is not None:
            return httpx.Response(self.say[0], content=self.say[1])
        self.seen.append((path, body, signature))
        try:
            status, answer = self._handled(path, body, signature)
        except MessageRefusedError as refused:
            problem = {
                "code": refused.code,
                "detail": "No.",
                "remedy": "",
                "status": refused.status,
            }
            return httpx.Response(refused.status, json=problem)
        if self.lose_answers:
            self.lose_answers -= 1
            raise httpx.ReadTimeout("lost on the way", request=request)
        return httpx.Response(status, content=msgspec.json.encode(answer))

    def _handled(self, path: str, body: bytes, signature: str) -> tuple[int, msgspec.Struct]:
        if path == ENROLMENTS:
            return 200, self._begun(path, body, signature)
        if path.startswith(f"{ENROLMENTS}/"):
            return self._polled(path, body, signature)
        name, _, what = path.removeprefix(f"{DEVICES}/").partition("/")
        device = self.devices.get(name)
        if device is None:
            raise MessageRefusedError("device-unknown", 404)
        self._signed(device.public_key, path, body, signature)
        if name in self.suspended:
            raise MessageRefusedError(self.suspended[name], 403)
        if what == "nonce":
            asked = msgspec.json.decode(body, type=NonceRequest)
            assert abs(asked.at - self.now) < 300
            if asked.counter < device.counter:
                raise MessageRefusedError("message-replayed", 409)
            return 200, NonceGiven(nonce=self._nonce(name, asked.counter + 1))
        return 200, self._counted(name, device, what, body)

    def _counted(self, name: str, device: KnownDevice, what: str, body: bytes) -> msgspec.Struct:
        message = msgspec.json.decode(body, type=_KINDS[what])
        digest = hashlib.sha256(body).hexdigest()
        if message.counter == device.counter and digest == device.told.get(message.counter):
            assert device.answer is not None
            return device.answer
        if device.told.get(message.counter, digest) != digest:
            self.suspended[name] = "device-cloned"
            raise MessageRefusedError("device-cloned", 403)
        if message.counter <= device.counter:
            raise MessageRefusedError("message-replayed", 409)
        if self.nonces.pop((name, message.counter), None) != message.nonce:
            raise MessageRefusedError("nonce-stale", 409)
        device.counter = message.counter
        device.told[message.counter] = digest
        self.accepted.append(message)
        nonce = self._nonce(name, message.counter + 1)
        if isinstance(message, WorkloadRequest) and message.service not in self.services:
            raise MessageRefusedError("workload-not-here", 403)
        if isinstance(message, CertificateRequest | WorkloadRequest):
            device.answer = self._issued(name, device, message, nonce)
        else:
            device.answer = Taken(
                nonce=nonce, next_in_seconds=self.next_in_seconds, failing=self.failing
            )
        return device.answer

    def _begun(self, path: str, body: bytes, signature: str) -> msgspec.Struct:
        request = msgspec.json.decode(body, type=EnrolmentRequest)
        self._signed(request.public_key, path, body, signature)
        if request.code:
            if request.code != self.code:
                raise MessageRefusedError("code-wrong", 403)
            return self._enrolled(request)
        self.pending["e1"] = request
        return EnrolmentStarted(
            enrolment="e1",
            user_code="WDJB-MJHT",
            url=f"{SERVER}/device",
            expires_at=self.now + 600,
            interval_seconds=2.0,
        )

    def _polled(self, path: str, body: bytes, signature: str) -> tuple[int, msgspec.Struct]:
        request = self.pending.get(path.rpartition("/")[2])
        if request is None:
            raise MessageRefusedError("enrolment-unknown", 404)
        self._signed(request.public_key, path, body, signature)
        self.polls.append(msgspec.json.decode(body, type=EnrolmentPoll))
        if len(self.polls) <= self.polls_until_approved:
            return 202, Pending(interval_seconds=3.0)
        return 200, self._enrolled(request)

    def _enrolled(self, request: EnrolmentRequest) -> Enrolled:
        name = f"laptop-{len(self.devices) + 1}"
        self.devices[name] = KnownDevice(request.public_key)
        return Enrolled(device=DeviceId(name), trust_domain=DOMAIN, nonce=self._nonce(name, 1))

    def _issued(
        self,
        name: str,
        device: KnownDevice,
        request: CertificateRequest | WorkloadRequest,
        nonce: str,
    ) -> Issued:
        csr = x509.load_der_x509_csr(request.csr)
        key = csr.public_key()
        assert csr.is_signature_valid
        assert isinstance(key, ec.EllipticCurvePublicKey)
        digest = hashlib.sha256(device.public_key).hexdigest()
        uri = self.forged_uri or str(device_spiffe_id(DOMAIN, DeviceId(name), digest))
        if isinstance(request, WorkloadRequest):
            uri = f"spiffe://{DOMAIN}/service/{request.service}"
        certificate = self._certificate(name, self._key, key, uri, self.lifetime_seconds)
        der = serialization.Encoding.DER
        return Issued(
            certificate=certificate.public_bytes(der),
            authority=self.authority.public_bytes(der),
            ends_at=self.now + self.lifetime_seconds,
            renew_at=self.now + self.lifetime_seconds / 2,
            nonce=nonce,
        )

    def _certificate(
        self,
        name: str,
        signer: ec.EllipticCurvePrivateKey,
        key: ec.EllipticCurvePublicKey,
        uri: str,
        seconds: float,
        *,
        ca: bool = False,
    ) -> x509.Certificate:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        start = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if ca else self.authority.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start - timedelta(minutes=5))
            .not_valid_after(start + timedelta(seconds=seconds))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if uri:
            names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(signer, hashes.SHA256())

    def _nonce(self, device: str, counter: int) -> str:
        nonce = self.nonces[device, counter] = secrets.token_urlsafe(16)
        return nonce

    def _signed(self, key: bytes, path: str, body: bytes, signature: str) -> None:
        if not signature_holds(key, signature, path, body):
            raise MessageRefusedError("signature-wrong", 403)
