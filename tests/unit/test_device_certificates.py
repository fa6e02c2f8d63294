"""Certificates of devices and of services on them: what three readers make of them."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store
from spiffe import X509Bundle, X509Svid

from doorward.administrator.devices.issue_certificate import issue_certificate, issue_workload
from doorward.administrator.devices.parts import Fleet
from doorward.errors import DoorwardError
from doorward.model.estate import Service, User
from doorward.model.ids import DeviceId, ServiceId, UserId
from doorward.model.snapshot import change
from doorward.model.spiffe import SpiffeId, device_named_by, host_named_by, service_named_by
from doorward.protocol.agent import DEVICES, CertificateRequest, Issued, WorkloadRequest
from tests.fakes.device_pairs import csr_for
from tests.fakes.fleet import AT, SoftwareDevice, fleet_on
from tests.fakes.store import MemoryStore, control_plane
from tests.tools import require_tool

OWNER, LAPTOP = UserId("alice"), DeviceId("laptop")
PATH = f"{DEVICES}/{LAPTOP}/certificate"


class Desk:
    """A fleet with one enrolled device, which goes on from message to message."""

    def __init__(self) -> None:
        self.fleet: Fleet = fleet_on(control_plane(MemoryStore()))
        self.device = SoftwareDevice(LAPTOP)
        self.counter = 0
        self.private = ec.generate_private_key(ec.SECP256R1())

    async def begin(self) -> Desk:
        alice = User(id=OWNER, name="Alice", email="alice@example.org")
        runs = Service(id=ServiceId("billing"), name="Billing", hosts=(LAPTOP,))
        else_where = Service(id=ServiceId("mail"), name="Mail", hosts=(DeviceId("other"),))
        async with self.fleet.control.store.transaction() as transaction:
            await transaction.snapshot.publish(
                [change("user", alice), change("service", runs), change("service", else_where)]
            )
        await self.device.enrolled(self.fleet.control, OWNER)
        return self

    def nonce(self) -> str:
        self.counter += 1
        return self.fleet.nonces.nonce(LAPTOP, self.counter, AT)

    async def certificate(self, csr: bytes | None = None) -> Issued:
        nonce = self.nonce()
        asked = csr_for(self.private) if csr is None else csr
        request = CertificateRequest(counter=self.counter, nonce=nonce, csr=asked)
        message = self.device.signed(PATH, request)
        return await issue_certificate(self.fleet, LAPTOP, message, request, AT)

    async def workload(self, service: str, csr: bytes | None = None) -> Issued:
        nonce = self.nonce()
        asked = csr_for(self.private) if csr is None else csr
        request = WorkloadRequest(counter=self.counter, nonce=nonce, service=service, csr=asked)
        message = self.device.signed(f"{DEVICES}/{LAPTOP}/workloads", request)
        return await issue_workload(self.fleet, LAPTOP, message, request, AT)

    async def audited(self) -> list[tuple[str, dict[str, str]]]:
        async with self.fleet.control.store.transaction() as transaction:
            entries = await transaction.audit.entries(after=0, limit=100)
        return [(entry.act, entry.detail) for entry in entries]


@pytest.fixture
async def desk() -> Desk:
    return await Desk().begin()


def leaf(issued: Issued) -> x509.Certificate:
    return x509.load_der_x509_certificate(issued.certificate)


def uris(certificate: x509.Certificate) -> list[str]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert len(list(names)) == 1
    return names.get_values_for_type(x509.UniformResourceIdentifier)


async def test_a_certificate_names_the_device_and_its_enrolled_key_for_an_hour(desk: Desk) -> None:
    issued = await desk.certificate()
    certificate = leaf(issued)
    (uri,) = uris(certificate)
    assert uri == f"spiffe://corp.test/device/laptop/{desk.device.key}"
    assert device_named_by(uri) == (LAPTOP, desk.device.key)
    assert certificate.public_key() == desk.private.public_key()
    assert (issued.ends_at, issued.renew_at) == (AT + 3600, AT + 1800)
    assert certificate.not_valid_after_utc.timestamp() == issued.ends_at
    assert issued.nonce == desk.fleet.nonces.nonce(LAPTOP, 2, AT)


async def test_it_is_an_x509_svid(desk: Desk) -> None:
    """X.509-SVID 4: no CA, no signing of certificates, one URI; digitalSignature is critical."""
    for issued in (await desk.certificate(), await desk.workload("billing")):
        extensions = leaf(issued).extensions
        constraints = extensions.get_extension_for_class(x509.BasicConstraints)
        usage = extensions.get_extension_for_class(x509.KeyUsage)
        assert not constraints.value.ca
        assert usage.critical
        assert usage.value.digital_signature
        assert not usage.value.key_cert_sign
        assert not usage.value.crl_sign
        purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert list(purposes) == [ExtendedKeyUsageOID.CLIENT_AUTH]


async def test_openssl_takes_it_strictly_as_a_client_s(desk: Desk, tmp_path: Path) -> None:
    for issued in (await desk.certificate(), await desk.workload("billing")):
        for name, der in (("leaf", issued.certificate), ("ca", issued.authority)):
            pem = x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM)
            (tmp_path / f"{name}.pem").write_bytes(pem)
        assert "leaf.pem: OK" in openssl_verifies(tmp_path, "sslclient")
        assert "unsuitable certificate purpose" in openssl_verifies(tmp_path, "sslserver")


def openssl_verifies(folder: Path, purpose: str) -> str:
    """What openssl says of `leaf.pem`, by `ca.pem`."""
    command = [str(require_tool("openssl")), "verify", "-x509_strict", "-purpose", purpose]
    command += ["-attime", str(int(AT)), "-CAfile", str(folder / "ca.pem"), "leaf.pem"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    return answer.stdout + answer.stderr


async def test_cryptography_s_client_verifier_takes_it(desk: Desk) -> None:
    issued = await desk.certificate()
    roots = Store([x509.load_der_x509_certificate(issued.authority)])
    builder = PolicyBuilder().store(roots).time(datetime.fromtimestamp(AT, UTC))
    verified = builder.build_client_verifier().verify(leaf(issued), [])
    assert verified.subjects is not None
    assert [name.value for name in verified.subjects] == uris(leaf(issued))
    late = PolicyBuilder().store(roots).time(datetime.fromtimestamp(AT + 3601, UTC))
    with pytest.raises(x509.verification.VerificationError):
        late.build_client_verifier().verify(leaf(issued), [])


async def test_the_spiffe_library_takes_it(desk: Desk) -> None:
    for issued, name in (
        (await desk.certificate(), f"spiffe://corp.test/device/laptop/{desk.device.key}"),
        (await desk.workload("billing"), "spiffe://corp.test/service/billing"),
    ):
        key = desk.private.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        svid = X509Svid.parse_raw(issued.certificate, key)
        assert str(svid.spiffe_id) == name
        bundle = X509Bundle.parse_raw(svid.spiffe_id.trust_domain, issued.authority)
        svid.leaf.verify_directly_issued_by(next(iter(bundle.x509_authorities)))


async def test_a_service_is_named_alone_and_its_host_by_the_subject(desk: Desk) -> None:
    certificate = leaf(await desk.workload("billing"))
    (uri,) = uris(certificate)
    assert service_named_by(uri) == "billing"
    assert host_named_by(
        certificate.subject.rfc4514_string().replace("2.5.4.5", "serialNumber")
    ) == (
        LAPTOP,
        desk.device.key,
    )


@pytest.mark.parametrize("service", ["mail", "nothing", "../device/laptop", ""])
async def test_a_device_gets_no_certificate_of_a_service_that_runs_elsewhere(
    desk: Desk, service: str
) -> None:
    with pytest.raises(DoorwardError, match="workload-not-here"):
        await desk.workload(service)
    assert await desk.audited() == [("workload-refused", {"service": service})]


async def test_a_shorter_life_is_a_setting(desk: Desk) -> None:
    desk.fleet = replace(desk.fleet, certificate_seconds=600.0)
    issued = await desk.certificate()
    assert (issued.ends_at, issued.renew_at) == (AT + 600, AT + 300)
    assert leaf(issued).not_valid_before_utc == datetime.fromtimestamp(AT, UTC) - timedelta(
        minutes=5
    )


async def test_the_same_request_again_is_a_lost_answer(desk: Desk) -> None:
    request = CertificateRequest(counter=1, nonce=desk.nonce(), csr=csr_for(desk.private))
    message = desk.device.signed(PATH, request)
    for _ in range(2):
        issued = await issue_certificate(desk.fleet, LAPTOP, message, request, AT)
        assert issued.nonce == desk.fleet.nonces.nonce(LAPTOP, 2, AT)


async def test_a_clone_at_another_control_process_is_noticed(desk: Desk) -> None:
    await desk.certificate()
    other = fleet_on(desk.fleet.control)
    await desk.certificate()
    records = desk.fleet.roll.unwritten()
    async with desk.fleet.control.store.transaction() as transaction:
        await transaction.devices.records.heard(records)
    await other.roll.of(other.control.store, LAPTOP)
    await desk.certificate()
    async with desk.fleet.control.store.transaction() as transaction:
        await transaction.devices.records.heard(desk.fleet.roll.unwritten())
    clone = CertificateRequest(
        counter=3, nonce=other.nonces.nonce(LAPTOP, 3, AT), csr=csr_for(desk.private)
    )
    altered = msgspec.structs.replace(clone, csr=csr_for(ec.generate_private_key(ec.SECP256R1())))
    with pytest.raises(DoorwardError, match="device-cloned"):
        await issue_certificate(other, LAPTOP, desk.device.signed(PATH, altered), altered, AT)


def _altered(csr: bytes) -> bytes:
    return csr[:-1] + bytes([csr[-1] ^ 1])


async def test_a_request_that_is_none_is_refused_and_noted(desk: Desk) -> None:
    rsa_like = ed25519.Ed25519PrivateKey.generate()
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    der = serialization.Encoding.DER
    others = ec.generate_private_key(ec.SECP384R1())
    refused = (
        b"",
        b"\x30\x80",
        request.sign(rsa_like, None).public_bytes(der),
        request.sign(others, hashes.SHA256()).public_bytes(der),
        _altered(csr_for(desk.private)),
    )
    for csr in refused:
        with pytest.raises(DoorwardError, match="csr-malformed"):
            await desk.certificate(csr)
    assert await desk.audited() == [("certificate-refused", {"why": "csr-malformed"})] * len(
        refused
    )


def test_an_id_that_is_not_canonical_is_never_signed() -> None:
    desk = Desk()
    csr = csr_for(desk.private)
    for name in (
        SpiffeId("CORP.test", ("device", "laptop", "a" * 64)),
        SpiffeId("corp.test", ("service", "a b")),
        SpiffeId("corp.test", ("service", "..")),
        SpiffeId("corp.test", ("service", "a/b")),
    ):
        with pytest.raises(ValueError, match="spiffe://"):
            desk.fleet.authority.issue(csr, name, AT, 60.0)
