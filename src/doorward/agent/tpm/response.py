"""What a TPM answers, and what its refusals mean (Part 2, 6.6)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from doorward.errors import DoorwardError

HANDLE: Final = 0x08B
"""TPM_RC_HANDLE: there is nothing at that handle."""
RETRY: Final = frozenset({0x922, 0x908, 0x90A})
"""TPM_RC_RETRY, TPM_RC_YIELDED, TPM_RC_TESTING: the same command works a little later."""

_FORMAT_ONE = 0x080
_FORMAT_ONE_CODE = 0x0BF
_OWNED = "Somebody set a password on the TPM's hierarchies: clear it, or use a key in software."
_WORDS = MappingProxyType(
    {
        0x08E: ("it wants an authorisation", _OWNED),
        0x0A2: ("it wants an authorisation", _OWNED),
        0x09F: ("what it should open was made for another key or TPM", "Enrol again."),
        0x084: ("what it should open was made for another key or TPM", "Enrol again."),
        HANDLE: ("the key is gone", "Enrol again: the TPM was cleared."),
        0x120: ("it is in failure mode", "Restart the device."),
        0x12F: ("it cannot be authorised", _OWNED),
        0x14B: ("it has no room for another key", "Remove a persistent key of another program."),
        0x902: ("it has no room for another object", "Use /dev/tpmrm0, or restart the device."),
        0x903: ("it has no room for another session", "Use /dev/tpmrm0, or restart the device."),
        0x921: ("it is locked against guessing", "Wait, or restart the device."),
    }
)


class TpmRefusedError(DoorwardError):
    """The TPM answered with an error; `reason` is its response code without the position."""

    def __init__(self, code: int) -> None:
        self.reason = code & _FORMAT_ONE_CODE if code & _FORMAT_ONE else code
        words, remedy = _WORDS.get(
            self.reason, (f"response {code:#06x}", "See TPM 2.0 Part 2, 6.6.3.")
        )
        super().__init__("tpm-failed", f"The TPM refused: {words}.", remedy)
