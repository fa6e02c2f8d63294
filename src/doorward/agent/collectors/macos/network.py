"""sshd-*, listeners and extra-uid0-accounts on a Mac."""

from __future__ import annotations

import re
from typing import Final

from doorward.agent.collectors.finding import Collector, Finding, Scene, ask
from doorward.agent.collectors.ports import reachable
from doorward.agent.unknown import Unknown

REMOTE_LOGIN: Final = ("systemsetup", "-getremotelogin")
NETSTAT: Final = ("netstat", "-an", "-p")
USER_IDS: Final = ("dscl", ".", "-list", "/Users", "UniqueID")


def while_remote_login(collect: Collector) -> Collector:
    """A collector of sshd's settings: macOS always brings sshd, and starts it when told to."""

    def found(scene: Scene) -> Finding:
        on = ask(scene.machine, REMOTE_LOGIN, parse_remote_login)
        return collect(scene) if on is True else Finding("systemsetup", on)

    return found


def parse_remote_login(text: str) -> bool | Unknown:
    """Whether macOS starts sshd; systemsetup is for root."""
    found = re.search(r"^Remote Login: (On|Off)\s*$", text, re.MULTILINE)
    return found[1] == "On" if found else Unknown("Whether Remote Login is on is not known.")


def listeners(scene: Scene) -> Finding:
    """Finding of TCP and UDP, over IPv4 and IPv6."""
    sockets: list[tuple[str, str, int]] = []
    for protocol in ("tcp", "udp"):
        found = ask(scene.machine, (*NETSTAT, protocol), parse_netstat)
        if isinstance(found, Unknown):
            return Finding("netstat", found)
        sockets += found
    return Finding("netstat", reachable(sockets))


def parse_netstat(text: str) -> list[tuple[str, str, int]] | Unknown:
    """Rows of `netstat -an`: protocol, queues, local and foreign address; `*.22` is port 22."""
    if "Proto" not in text:
        return Unknown("What netstat printed is not understood.")
    sockets = []
    for line in text.splitlines():
        words = line.split()
        protocol = words[0].rstrip("46") if words else ""
        if protocol not in {"tcp", "udp"} or len(words) < 5:  # noqa: PLR2004
            continue
        waiting = "LISTEN" in words if protocol == "tcp" else words[4] == "*.*"
        address, _, port = words[3].rpartition(".")
        if waiting and re.fullmatch(r"\d{1,5}", port, re.ASCII):
            sockets.append((protocol, address, int(port)))
    return sockets


def extra_uid0(scene: Scene) -> Finding:
    """Finding from the local directory."""
    return Finding("dscl", ask(scene.machine, USER_IDS, parse_user_ids))


def parse_user_ids(text: str) -> int | Unknown:
    """Rows of a name and its id."""
    rows = [line.rsplit(None, 1) for line in text.splitlines() if line.strip()]
    if not any(row == ["root", "0"] for row in rows):
        return Unknown("What dscl printed is not understood.")
    return sum(row[-1] == "0" for row in rows) - 1
