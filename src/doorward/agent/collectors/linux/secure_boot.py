"""secure-boot: what the firmware says (UEFI 2.10, 3.3, variable SecureBoot)."""

from __future__ import annotations

from typing import Final

from doorward.agent.collectors.finding import Finding, Scene, read
from doorward.agent.unknown import Unknown

VARIABLE: Final = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
_LENGTH: Final = 5


def secure_boot(scene: Scene) -> Finding:
    """Finding from efivarfs. A machine that did not start by UEFI is unknown."""
    if not scene.machine.exists("/sys/firmware/efi"):
        return Finding("efivars", Unknown("This machine did not start by UEFI, or hides it."))
    return Finding("efivars", read(scene.machine, VARIABLE, parse_variable))


def parse_variable(text: str) -> bool | Unknown:
    """Four bytes of attributes, then one of value."""
    if len(text) != _LENGTH or text[-1] not in "\x00\x01":
        return Unknown("The firmware's variable SecureBoot is not understood.")
    return text[-1] == "\x01"
