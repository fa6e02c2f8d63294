"""What is known of the TPMs of devices, in memory."""

from __future__ import annotations

from collections.abc import Sequence

from doorward.administrator.fleet.attestation import AttestationRecord
from doorward.errors import DoorwardError
from doorward.model.ids import DeviceId, UnixSeconds


class MemoryAttestations:
    """Port `AttestationTable` in memory."""

    def __init__(self, items: dict[str, AttestationRecord]) -> None:
        self._items = items

    async def get(self, device: DeviceId) -> AttestationRecord | None:
        return self._items.get(device)

    async def of_endorsement(self, endorsement: str) -> AttestationRecord | None:
        found = (item for item in self._items.values() if item.endorsement == endorsement)
        return next(found, None)

    async def silent_since(self, moment: UnixSeconds) -> Sequence[DeviceId]:
        return sorted(i.device for i in self._items.values() if i.measured_at <= moment)

    async def put(self, records: Sequence[AttestationRecord]) -> None:
        self._items.update({item.device: item for item in records})
        if len({item.endorsement for item in self._items.values()}) < len(self._items):
            raise DoorwardError("store-conflict", "Another device has this endorsement key.")

    async def remove(self, device: DeviceId) -> bool:
        return self._items.pop(device, None) is not None
