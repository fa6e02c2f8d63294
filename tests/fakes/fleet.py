"""A fleet on the store in memory, with a real CA, real nonces and devices that really sign."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256

import msgspec
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from doorward.adapters import ca
from doorward.adapters.device_authority import LocalDeviceAuthority
from doorward.adapters.nonces import HmacNonces
from doorward.adapters.throttle import SlidingWindowThrottle
from doorward.adapters.user_codes import HmacUserCodes
from doorward.administrator.control_plane import ControlPlane
from doorward.administrator.devices.accept import SignedMessage
from doorward.administrator.devices.parts import Fleet
from doorward.administrator.devices.roll import Roll
from doorward.administrator.fleet.ports import DeviceRecord
from doorward.bootstrap import LIMITS
from doorward.model.device import Device
from doorward.model.ids import DeviceId, UnixSeconds, UserId
from doorward.model.snapshot import change
from doorward.protocol.agent import signature_text, signed_bytes

TRUST_DOMAIN = "corp.test"
AT: UnixSeconds = 1_790_000_000.0


def fleet_on(control: ControlPlane) -> Fleet:
    """The parts, on `control`."""
    return Fleet(
        control=control,
        authority=LocalDeviceAuthority(ca.create_authority("device CA", AT)),
        nonces=HmacNonces(bytes(32)),
        roll=Roll(),
        throttle=SlidingWindowThrottle(LIMITS),
        codes=HmacUserCodes(bytes(32)),
        trust_domain=TRUST_DOMAIN,
        auth_origin="https://auth.corp.test",
    )


@dataclass
class SoftwareDevice:
    """A device with a key in memory, which signs what it is told to."""

    id: DeviceId
    private: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    @property
    def public_key(self) -> bytes:
        """SPKI in DER."""
        return self.private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @property
    def key(self) -> str:
        """The hex SHA-256 of the public key."""
        return sha256(self.public_key).hexdigest()

    def signed(self, path: str, body: msgspec.Struct | bytes) -> SignedMessage:
        """The message with `body`, as its agent would send it to `path`."""
        raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
        signature = self.private.sign(signed_bytes(path, raw), ec.ECDSA(hashes.SHA256()))
        return SignedMessage(path, raw, signature_text(signature))

    async def enrolled(self, control: ControlPlane, owner: UserId, **fields: object) -> Device:
        """The device as an enrolled one of `owner`, in snapshot and store."""
        device = Device(id=self.id, owner=owner, key=self.key, **fields)  # type: ignore[arg-type]
        record = DeviceRecord(
            id=self.id, public_key=self.public_key, storage="software", enrolled_at=AT
        )
        async with control.store.transaction() as transaction:
            await transaction.devices.records.put([record])
            await transaction.snapshot.publish([change("device", device)])
        await control.live.reached((await control.store.load()).number)
        return device
