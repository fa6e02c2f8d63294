"""What a passkey is called until its owner says otherwise. Pure.

The models are those that people meet most; the names come from their makers. A name is a comfort
to whoever reads it, never a fact: only an attestation proves a model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from doorward.errors import DoorwardError

MAX_LENGTH = 64
_MODELS: Mapping[str, str] = MappingProxyType(
    {
        "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4": "Google Password Manager",
        "adce0002-35bc-c60a-648b-0b25f1f05503": "Chrome on Mac",
        "08987058-cadc-4b81-b6e1-30de50dcbe96": "Windows Hello",
        "9ddd1817-af5a-4672-a2b9-3e3dd95000a9": "Windows Hello",
        "6028b017-b1d4-4c02-b4b3-afcdafc96bb2": "Windows Hello",
        "fbfc3007-154e-4ecc-8c0b-6e020557d7bd": "Apple Passwords",
        "dd4ec289-e01d-41c9-bb89-70fa845d4bf2": "iCloud Keychain (managed)",
        "53414d53-554e-4700-0000-000000000000": "Samsung Pass",
        "bada5566-a7aa-401f-bd96-45619a55120d": "1Password",
        "d548826e-79b4-db40-a3d8-11116f7e8349": "Bitwarden",
        "531126d6-e717-415c-9320-3d9aa6981239": "Dashlane",
        "0ea242b4-43c4-4a1b-8b17-dd6d0b6baec6": "Keeper",
        "b84e4048-15dc-4dd0-8640-f4f60813c8af": "NordPass",
        "50726f74-6f6e-5061-7373-50726f746f6e": "Proton Pass",
        "fdb141b2-5d84-443e-8a35-4698c205a502": "KeePassXC",
        "cb69481e-8ff7-4039-93ec-0a2729a154a8": "YubiKey 5",
        "ee882879-721c-4913-9775-3dfcce97072a": "YubiKey 5",
        "fa2b99dc-9e39-4257-8f92-4a30d23c4118": "YubiKey 5 NFC",
        "2fc0579f-8113-47ea-b116-bb5a8db9202a": "YubiKey 5 NFC",
        "c5ef55ff-ad9a-4b9f-b580-adebafe026d0": "YubiKey 5Ci",
        "d8522d9f-575b-4866-88a9-ba99fa02f35b": "YubiKey Bio",
    }
)
_SYSTEMS = ("Android", "iPhone", "iPad", "Windows", "Macintosh", "CrOS", "Linux")
_BROWSERS = (
    ("Edg/", "Edge"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)


def suggested_name(aaguid: str, user_agent: str, taken: Iterable[str]) -> str:
    """The model's name, else the browser's, with a number where that name is taken."""
    name = _MODELS.get(aaguid) or _of_browser(user_agent) or "Passkey"
    used = set(taken)
    number, numbered = 1, name
    while numbered in used:
        number += 1
        numbered = f"{name} {number}"
    return numbered


def checked_name(text: str) -> str:
    """A name that somebody typed. Raises DoorwardError `passkey-name-invalid`."""
    name = " ".join(text.split())
    if not name or len(name) > MAX_LENGTH or not name.isprintable():
        raise DoorwardError(
            "passkey-name-invalid",
            f"A passkey's name has 1 to {MAX_LENGTH} characters that can be printed.",
            "Choose a name that tells you which device it is.",
        )
    return name


def _of_browser(user_agent: str) -> str:
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for name in _SYSTEMS if name in user_agent), "")
    system = {"Macintosh": "Mac", "CrOS": "ChromeOS"}.get(system, system)
    return f"{browser} on {system}" if browser and system else ""
