"""What one certificate of a device costs the control plane, through the use case, on one core.

All of it but HTTP and the store's disk: the signed message verified, counter and nonce accepted,
the request's signature verified, the certificate made and signed. The store is the one in memory:
its transaction costs next to nothing, and the databases' own is some 0.3 ms.
"""

from __future__ import annotations

import asyncio
import statistics
import time

from cryptography.hazmat.primitives.asymmetric import ec

from doorward.administrator.devices.issue_certificate import issue_certificate
from doorward.model.estate import User
from doorward.model.ids import DeviceId, UserId
from doorward.model.snapshot import change
from doorward.protocol.agent import DEVICES, CertificateRequest
from tests.fakes.device_pairs import csr_for
from tests.fakes.fleet import AT, SoftwareDevice, fleet_on
from tests.fakes.store import MemoryStore, control_plane

CERTIFICATES = 1000
WARM_UP = 50
BETWEEN_SECONDS = 3
"""As they are asked for, by the clock that is told: no device may ask for many at once."""


def measure() -> float:
    """The median of milliseconds a certificate (`leaf_ms`)."""
    return asyncio.run(_measure())


async def _measure() -> float:
    fleet = fleet_on(control_plane(MemoryStore()))
    owner, laptop = UserId("alice"), SoftwareDevice(DeviceId("laptop"))
    async with fleet.control.store.transaction() as transaction:
        person = User(id=owner, name="Alice", email="alice@example.org")
        await transaction.snapshot.publish([change("user", person)])
    await laptop.enrolled(fleet.control, owner)
    path = f"{DEVICES}/{laptop.id}/certificate"
    csr = csr_for(ec.generate_private_key(ec.SECP256R1()))
    taken: list[float] = []
    for counter in range(1, WARM_UP + CERTIFICATES + 1):
        now = AT + counter * BETWEEN_SECONDS
        nonce = fleet.nonces.nonce(laptop.id, counter, now)
        request = CertificateRequest(counter=counter, nonce=nonce, csr=csr)
        message = laptop.signed(path, request)
        began = time.perf_counter()
        await issue_certificate(fleet, laptop.id, message, request, now)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken[WARM_UP:]) * 1000


if __name__ == "__main__":
    print(f"{measure():.3f} ms a certificate")
