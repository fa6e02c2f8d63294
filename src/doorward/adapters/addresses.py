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
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""Behind which a network may reach every IPv4 address (RFC 6052)."""


async def addresses_of(host: str, port: int) -> list[Address]:
    """What the system's resolver says, the likeliest first. Raises OSError, UnicodeError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ipaddress.ip_address(item[4][0]) for item in found]


def is_callable(address: Address, *, loopback: bool) -> bool:
    """Never a link's own addresses or a cloud's metadata; this machine where `loopback`."""
    address = _meant(address)
    if address.is_loopback:
        return loopback
    if address in _METADATA:
        return False
    return not (address.is_link_local or address.is_unspecified or address.is_multicast)


def is_public(address: Address) -> bool:
    """Whether it is an address of the internet, not of some network of its own."""
    return _meant(address).is_global


def _meant(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, where it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour or address
