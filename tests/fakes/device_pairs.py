"""Keys with the certificates that the device CA issues for them, as files of a TLS client."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from doorward.adapters import ca
from doorward.adapters.device_authority import LocalDeviceAuthority
from doorward.model.ids import DeviceId, ServiceId, UnixSeconds
from doorward.model.spiffe import DeviceName, SpiffeId, device_spiffe_id, service_spiffe_id
from tests.fakes.fleet import SoftwareDevice

HOUR = 3600.0


def csr_for(private: ec.EllipticCurvePrivateKey) -> bytes:
    """A certificate request for a key, in DER, without a name."""
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return request.sign(private, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def device_pair(
    authority: ca.KeyPair, domain: str, device: DeviceId, at: UnixSeconds
) -> tuple[ca.KeyPair, str]:
    """A pair for a device that was enrolled with some key, and the URI in the certificate."""
    name = device_spiffe_id(domain, device, SoftwareDevice(device).key)
    return _pair(authority, name, at, None), str(name)


def workload_pair(
    authority: ca.KeyPair, domain: str, service: str, host: DeviceName, at: UnixSeconds
) -> tuple[ca.KeyPair, str]:
    """A pair for a service on `host`, and the URI in the certificate."""
    name = service_spiffe_id(domain, ServiceId(service))
    return _pair(authority, name, at, host), str(name)


def _pair(
    authority: ca.KeyPair, name: SpiffeId, at: UnixSeconds, host: DeviceName | None
) -> ca.KeyPair:
    private = ec.generate_private_key(ec.SECP256R1())
    issued = LocalDeviceAuthority(authority).issue(csr_for(private), name, at, HOUR, host=host)
    key = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    certificate = x509.load_der_x509_certificate(issued.certificate)
    return ca.KeyPair(key, certificate.public_bytes(serialization.Encoding.PEM))
