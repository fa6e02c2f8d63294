"""SPIFFE IDs are read in their one canonical form only."""

from __future__ import annotations

import pytest

from doorward.model.ids import DeviceId
from doorward.model.spiffe import (
    SpiffeId,
    device_named_by,
    device_spiffe_id,
    is_device_id,
    parse_spiffe_id,
)

KEY = "ab" * 32


@pytest.mark.parametrize(
    "text",
    [
        "",
        "spiffe://corp.test",
        "spiffe://corp.test/",
        "spiffe://CORP.test/device",
        "SPIFFE://corp.test/device",
        "spiffe://corp.test/device/",
        "spiffe://corp.test//device",
        "spiffe://corp.test/./device",
        "spiffe://corp.test/../device",
        "spiffe://corp.test:443/device",
        "spiffe://user@corp.test/device",
        "spiffe://corp.test/device?x",
        "spiffe://corp.test/device#x",
        "spiffe://corp.test/d%65vice",
        "spiffe://corp.test/device\n",
        "spiffe://corp.test/device,spiffe://corp.test/other",
        "https://corp.test/device",
        f"spiffe://{'a' * 256}/device",
        f"spiffe://corp.test/{'a' * 2048}",
    ],
)
def test_what_is_not_canonical_is_refused(text: str) -> None:
    assert parse_spiffe_id(text) is None
    assert device_named_by(text) is None


def test_an_id_is_what_it_was_written_as() -> None:
    text = "spiffe://corp.test/ns/Prod/app_1"
    assert parse_spiffe_id(text) == SpiffeId("corp.test", ("ns", "Prod", "app_1"))
    assert str(parse_spiffe_id(text)) == text


def test_a_device_is_named_with_its_key() -> None:
    name = device_spiffe_id("corp.test", DeviceId("laptop-1"), KEY)
    assert str(name) == f"spiffe://corp.test/device/laptop-1/{KEY}"
    assert device_named_by(str(name)) == ("laptop-1", KEY)


@pytest.mark.parametrize(
    "text",
    [
        "spiffe://corp.test/device/laptop",
        "spiffe://corp.test/device/laptop/short",
        f"spiffe://corp.test/device/laptop/{KEY.upper()}",
        f"spiffe://corp.test/device/laptop/{KEY}/more",
        f"spiffe://corp.test/service/laptop/{KEY}",
        f"spiffe://corp.test/device/-laptop/{KEY}",
    ],
)
def test_other_names_are_no_device(text: str) -> None:
    assert device_named_by(text) is None


def test_a_device_id_fits_into_a_path() -> None:
    assert is_device_id("dev_01J-x.y")
    assert not any(is_device_id(text) for text in ("", "a b", "a/b", "a@b", ".", "a" * 129))
