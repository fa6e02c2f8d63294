"""What is known of the TPMs of devices, on every store."""

from __future__ import annotations

import msgspec
import pytest

from doorward.administrator.fleet.attestation import AttestationRecord
from doorward.administrator.ports import Store
from doorward.errors import DoorwardError
from doorward.model.ids import DeviceId

LAPTOP = AttestationRecord(
    device=DeviceId("laptop"),
    endorsement="ee" * 32,
    certificate="cc" * 32,
    ak_public=b"\x00\x23",
    key="aa" * 32,
    since=1.5,
)
PHONE = msgspec.structs.replace(
    LAPTOP,
    device=DeviceId("phone"),
    endorsement="ef" * 32,
    reference={0: "00" * 32, 7: "77" * 32},
    reference_by="operator",
    reference_at=2.5,
    measured={0: "00" * 32, 7: "78" * 32},
    measured_at=3.5,
    reset_count=2**32 - 1,
    restart_count=2**31,
    clock=2**63 - 1,
    refused="The quote is older than another.",
)


async def test_records_are_kept_changed_and_forgotten(store: Store) -> None:
    async with store.transaction() as transaction:
        await transaction.devices.attestations.put([PHONE, LAPTOP])
    later = msgspec.structs.replace(LAPTOP, measured=PHONE.measured, measured_at=9.0, clock=5)
    async with store.transaction() as transaction:
        table = transaction.devices.attestations
        assert await table.get(LAPTOP.device) == LAPTOP
        await table.put([later])
        await table.put([])
        assert await table.get(LAPTOP.device) == later
        assert await table.of_endorsement(PHONE.endorsement) == PHONE
        assert await table.of_endorsement("00" * 32) is None
        assert await table.remove(PHONE.device)
        assert not await table.remove(PHONE.device)
    async with store.transaction() as transaction:
        assert await transaction.devices.attestations.get(PHONE.device) is None
        assert await transaction.devices.attestations.get(LAPTOP.device) == later


async def test_silent_devices_are_found(store: Store) -> None:
    async with store.transaction() as transaction:
        table = transaction.devices.attestations
        await table.put([PHONE, LAPTOP])
        assert await table.silent_since(3.4) == [LAPTOP.device]
        assert await table.silent_since(3.5) == [LAPTOP.device, PHONE.device]


async def test_one_tpm_is_one_device(store: Store) -> None:
    twin = msgspec.structs.replace(PHONE, endorsement=LAPTOP.endorsement)

    async def both() -> None:
        async with store.transaction() as transaction:
            await transaction.devices.attestations.put([LAPTOP])
            await transaction.devices.attestations.put([twin])

    with pytest.raises(DoorwardError, match="store-conflict"):
        await both()
    async with store.transaction() as transaction:
        assert await transaction.devices.attestations.get(LAPTOP.device) is None
