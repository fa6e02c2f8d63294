"""The last quote of each device, in memory: one that tells nothing new costs no transaction."""

from __future__ import annotations

from dataclasses import dataclass

from doorward.administrator.fleet.attestation import AttestationRecord
from doorward.model.device import Device
from doorward.model.ids import DeviceId


@dataclass(frozen=True, slots=True)
class LastQuote:
    """What is known of a device's TPM: `written` in the store, `latest` with what came since.

    It is good while the device's document is `document`, which changes where the device turns,
    here or in another process, and until the next quote that is written.
    """

    document: Device
    written: AttestationRecord
    latest: AttestationRecord


class LastQuotes:
    """The last quotes that this process took."""

    def __init__(self) -> None:
        self._known: dict[DeviceId, LastQuote] = {}

    def of(self, document: Device) -> LastQuote | None:
        """That of the device with this very document."""
        known = self._known.get(document.id)
        if known is not None and known.document != document:
            del self._known[document.id]
            return None
        return known

    def keep(self, quote: LastQuote) -> None:
        """In place of an earlier one."""
        self._known[quote.document.id] = quote

    def forget(self, device: DeviceId) -> None:
        """Read the record anew, next time."""
        self._known.pop(device, None)
