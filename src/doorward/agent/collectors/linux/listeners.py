"""listeners: from ss(8), or where it is not there from /proc/net."""

from __future__ import annotations

import ipaddress
from typing import Final

from doorward.agent.collectors.finding import Finding, Scene, ask
from doorward.agent.collectors.ports import reachable
from doorward.agent.machine import Machine
from doorward.agent.unknown import Unknown

SS: Final = ("ss", "-H", "-t", "-u", "-l", "-n")
_PROTOCOLS: Final = frozenset({"tcp", "udp"})
_TABLES: Final = ("tcp", "tcp6", "udp", "udp6")
_LISTENING: Final = {"tcp": "0A", "udp": "07"}

_Socket = tuple[str, str, int]


def listeners(scene: Scene) -> Finding:
    """Finding of TCP and UDP, over IPv4 and IPv6."""
    answer = ask(scene.machine, SS, parse_ss)
    if not isinstance(answer, Unknown):
        return Finding("ss", answer)
    return Finding("proc", _proc(scene.machine))


def parse_ss(text: str) -> tuple[str, ...] | Unknown:
    """Rows of `ss -Htuln`: protocol, state, two queues, local address and port."""
    sockets = []
    for line in text.splitlines():
        words = line.split()
        if not words:
            continue
        address, _, port = words[4].rpartition(":") if len(words) > 4 else ("", "", "")  # noqa: PLR2004
        if words[0] not in _PROTOCOLS or not _is_number(port):
            return Unknown("What ss printed is not understood.")
        sockets.append((words[0], address, int(port)))
    return reachable(sockets)


def _proc(machine: Machine) -> tuple[str, ...] | Unknown:
    sockets: list[_Socket] = []
    for table in _TABLES:
        path = f"/proc/net/{table}"
        text = machine.read(path)
        if isinstance(text, Unknown):
            if table.endswith("6") and not machine.exists(path):
                continue  # a kernel without IPv6
            return text
        found = parse_proc_net(text, table.removesuffix("6"))
        if isinstance(found, Unknown):
            return found
        sockets += found
    return reachable(sockets)


def parse_proc_net(text: str, protocol: str) -> list[_Socket] | Unknown:
    """/proc/net/tcp and its like (proc(5)): addresses in hexadecimal, in the machine's order."""
    sockets: list[_Socket] = []
    for line in text.splitlines()[1:]:
        words = line.split()
        if len(words) < 4:  # noqa: PLR2004
            return Unknown("A table of sockets is not understood.")
        if words[3] != _LISTENING[protocol]:
            continue
        address, _, port = words[1].partition(":")
        try:
            raw = bytes.fromhex(address)
            number = int(port, 16)
            parts = [raw[start : start + 4][::-1] for start in range(0, len(raw), 4)]
            parsed = ipaddress.ip_address(b"".join(parts))
        except ValueError:
            return Unknown("A table of sockets is not understood.")
        sockets.append((protocol, str(parsed), number))
    return sockets


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5  # noqa: PLR2004
