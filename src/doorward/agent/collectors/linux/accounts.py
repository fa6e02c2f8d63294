"""extra-uid0-accounts: accounts with root's id, beside root (passwd(5))."""

from __future__ import annotations

from typing import Final

from doorward.agent.collectors.finding import Finding, Scene, read
from doorward.agent.unknown import Unknown

ACCOUNTS: Final = "/etc/passwd"
_FIELDS: Final = 7


def extra_uid0(scene: Scene) -> Finding:
    """Finding from /etc/passwd; accounts of a directory are not looked up."""
    return Finding("passwd", read(scene.machine, ACCOUNTS, parse_passwd))


def parse_passwd(text: str) -> int | Unknown:
    """How many accounts but root have id 0. A line that is none makes it unknown."""
    extra = 0
    root = False
    for line in text.splitlines():
        if not line.strip() or line.startswith(("#", "+", "-")):
            continue
        fields = line.split(":")
        if len(fields) != _FIELDS or not (fields[2].isascii() and fields[2].isdigit()):
            return Unknown("A line of /etc/passwd is not understood.")
        if not fields[2].lstrip("0"):
            root, extra = root or fields[0] == "root", extra + (fields[0] != "root")
    return extra if root else Unknown("/etc/passwd has no root.")
