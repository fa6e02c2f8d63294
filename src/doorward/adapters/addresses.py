"""What a name stands for, looked at before it is called.

The address that was looked at is the one to call: the name may mean another a moment later.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_METADATA: frozenset[Address] = frozenset(
    map(ipaddress.ip_address, ("100.100.100.200", "168.63.129.16", "fd00:ec2::254"))
)
"""Where clouds tell a machine its credentials, beside link-local addresses."""


async def addresses_of(host: str, port: int) -> list[Address]:
    """What the system's resolver says, the likeliest first. Raises OSError, UnicodeError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ipaddress.ip_address(item[4][0]) for item in found]


def is_callable(address: Address, *, loopback: bool) -> bool:
    """Never a link's own addresses or a cloud's metadata; this machine where `loopback`."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    address = mapped or address
    if address.is_loopback:
        return loopback
    if address in _METADATA:
        return False
    return not (address.is_link_local or address.is_unspecified or address.is_multicast)
