"""Facts of a device: their types, and how long they are good."""

from __future__ import annotations

import pytest

from doorward.model.posture import FACTS, Fact, FactName, FactValue, fact_at, fits


def fact(name: FactName, value: FactValue | None, at: float = 1000.0) -> Fact:
    return Fact(name=name, value=value, at=at, method="test")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("disk-encrypted", 1),
        ("disk-encrypted", "yes"),
        ("updates-pending", True),
        ("updates-pending", -1),
        ("os-name", 7),
        ("os-name", "x" * 257),
        ("listeners", "tcp/22"),
        ("listeners", ("x",) * 257),
        ("listeners", ("x" * 257,)),
    ],
)
def test_a_value_of_another_type_or_size_does_not_fit(name: FactName, value: FactValue) -> None:
    assert not fits(fact(name, value))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("disk-encrypted", False),
        ("disk-encrypted", None),
        ("updates-pending", 0),
        ("os-version", "12.4"),
        ("listeners", ()),
    ],
)
def test_a_value_of_its_type_fits(name: FactName, value: FactValue) -> None:
    assert fits(fact(name, value))


def test_a_fact_is_unknown_once_its_lifetime_has_passed() -> None:
    known = fact("disk-encrypted", value=True)
    end = 1000.0 + FACTS["disk-encrypted"].lifetime_seconds
    assert fact_at(known, end - 0.001) is known
    assert fact_at(known, end).value is None
    assert fact_at(known, end).why
