"""listeners: ports that the network can reach, as text such as `tcp/22`."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final

from doorward.agent.unknown import Unknown
from doorward.model.posture import MAX_LIST

_MAX_PORT: Final = 65_535


def reachable(sockets: Iterable[tuple[str, str, int]]) -> tuple[str, ...] | Unknown:
    """The listeners among (protocol, address, port) that are not bound to this machine alone."""
    found = {
        (protocol, port)
        for protocol, address, port in sockets
        if 0 < port <= _MAX_PORT and not loopback(address)
    }
    if len(found) > MAX_LIST:
        return Unknown(f"More than {MAX_LIST} ports are open.")
    return tuple(f"{protocol}/{port}" for protocol, port in sorted(found))


def loopback(address: str) -> bool:
    """Whether only this machine reaches an address; what is no address counts as reachable."""
    try:
        parsed = ipaddress.ip_address(address.strip("[]").partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return bool((mapped or parsed).is_loopback)
