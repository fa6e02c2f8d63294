"""Addresses, and the named networks that contain them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from doorward.model.estate import Network
from doorward.model.ids import NetworkId

Address = IPv4Address | IPv6Address
_MAX_REMEMBERED = 65_536


def parse_address(text: str) -> Address | None:
    """The address in `text`, an IPv4-mapped one as IPv4, without a zone; None if malformed."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or IPv6Address(int(address))
    return address


@dataclass(frozen=True, slots=True)
class Place:
    """An address and the ids of the named networks that contain it, sorted."""

    address: Address
    networks: tuple[NetworkId, ...]


class NetworkTable:
    """The estate's networks. A range that is malformed contains nothing."""

    def __init__(self, networks: Mapping[str, Network]) -> None:
        self._ranges = {
            network.id: tuple(_ranges(network)) for _, network in sorted(networks.items())
        }
        self._remembered: dict[str, Place] = {}

    def place(self, text: str) -> Place | None:
        """Where the address in `text` is; None where it is malformed."""
        found = self._remembered.get(text)
        if found is None and (address := parse_address(text)) is not None:
            found = Place(address, self.containing(address))
            if len(self._remembered) >= _MAX_REMEMBERED:
                self._remembered.clear()
            self._remembered[text] = found
        return found

    def containing(self, address: Address) -> tuple[NetworkId, ...]:
        """The ids of the networks that contain `address`, sorted."""
        return tuple(
            name for name, ranges in self._ranges.items() if any(address in item for item in ranges)
        )

    def names(self) -> tuple[NetworkId, ...]:
        """The ids of all networks, sorted."""
        return tuple(self._ranges)

    def example(self, network: NetworkId) -> Address | None:
        """The first host address of the network's first range; None where it has no range."""
        ranges = self._ranges.get(network)
        if not ranges:
            return None
        first = ranges[0]
        return first[1] if first.num_addresses > 2 else first[0]  # noqa: PLR2004 - a lone pair


def _ranges(network: Network) -> list[IPv4Network | IPv6Network]:
    found: list[IPv4Network | IPv6Network] = []
    for text in network.ranges:
        try:
            found.append(ip_network(text, strict=False))
        except ValueError:
            continue
    return found
