"""The country of an address, from a file in MaxMind DB format."""

from __future__ import annotations

from pathlib import Path

import pytest

from doorward.adapters.geo import countries
from doorward.errors import DoorwardError


def text(value: str) -> bytes:
    return bytes([2 << 5 | len(value)]) + value.encode()


def table(**fields: bytes) -> bytes:
    return bytes([7 << 5 | len(fields)]) + b"".join(text(k) + v for k, v in fields.items())


def number(value: int) -> bytes:
    return bytes([5 << 5 | 1, value])


def database(folder: Path, found: bytes) -> str:
    """A file of one node: what begins with a 0 bit, below 128.0.0.0, is `found`."""
    tree = (1 + 16).to_bytes(3, "big") + (1).to_bytes(3, "big")
    about = table(
        node_count=number(1),
        record_size=number(24),
        ip_version=number(4),
        database_type=text("Country"),
        build_epoch=number(0),
        description=table(),
        languages=bytes([0, 11 - 7]),
        binary_format_major_version=number(2),
        binary_format_minor_version=number(0),
    )
    path = folder / "country.mmdb"
    path.write_bytes(tree + bytes(16) + found + b"\xab\xcd\xefMaxMind.com" + about)
    return str(path)


def test_an_address_has_the_country_of_its_network(tmp_path: Path) -> None:
    country = countries(database(tmp_path, table(country=table(iso_code=text("DE")))))
    assert country("10.0.0.1") == "DE"
    for unknown in ("192.0.2.1", "2001:db8::1", "", "nowhere"):
        assert country(unknown) is None


@pytest.mark.parametrize(
    "found", [text("DE"), table(country=text("DE")), table(country=table(iso_code=number(7)))]
)
def test_an_entry_of_another_shape_is_no_country(tmp_path: Path, found: bytes) -> None:
    assert countries(database(tmp_path, found))("10.0.0.1") is None


def test_without_a_file_no_country_is_known() -> None:
    assert countries("")("10.0.0.1") is None


@pytest.mark.parametrize("content", [b"not a database", b"\xab\xcd\xefMaxMind.com" + table()])
def test_a_file_of_another_format_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "country.mmdb"
    path.write_bytes(content)
    with pytest.raises(DoorwardError, match="country-database-unreadable"):
        countries(str(path))
