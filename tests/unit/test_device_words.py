"""What pages say of devices: every state, every kind of finding, every value."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest

from doorward.administrator.fleet.health import DeviceHealth, Finding, HealthChange, KnownFact
from doorward.administrator.fleet.ports import KeyStorage
from doorward.entrypoints.pages.device_words import (
    BADGES,
    PLATFORMS,
    PROOFS,
    STANDINGS,
    STORAGES,
    SUSPENSIONS,
    facts_in_words,
    findings_in_words,
    name_of,
    standings_of,
    told_of,
    value_in_words,
)
from doorward.entrypoints.pages.health_strip import DAYS, WIDTH, strip_of
from doorward.model.device import Device, Platform, Suspension
from doorward.model.ids import ComplianceId, DeviceId, UserId
from doorward.model.posture import FACTS, Fact, Trust

NOW = 1_795_435_200.0
DAY = 86_400
LAPTOP = Device(id=DeviceId("laptop"), owner=UserId("alice"), key="ab" * 32)
FAILING = Finding(
    policy=ComplianceId("base"),
    policy_name="Base",
    fact="disk-encrypted",
    state="failing",
    since=NOW - DAY,
    until=None,
    enforced=True,
    words="Encrypt the disk.",
    link="https://help.example.org/disk",
)


def device(**fields: Any) -> Device:
    return msgspec.structs.replace(LAPTOP, **fields)


def known(*findings: Finding, seen: float | None = NOW - 60, silent: bool = False) -> DeviceHealth:
    return DeviceHealth(
        device=LAPTOP.id, known=(), findings=findings, last_seen_at=seen, silent=silent
    )


@pytest.mark.parametrize(
    ("found", "silent", "standings"),
    [
        (device(healthy=True), False, ("healthy",)),
        (device(healthy=False), False, ("unhealthy",)),
        (device(healthy=None), False, ("unknown",)),
        (device(healthy=None), True, ("unknown", "silent")),
        (device(healthy=False), True, ("unhealthy", "silent")),
        (device(healthy=True, suspended="lost"), True, ("suspended",)),
        (device(suspended="cloned"), False, ("suspended",)),
    ],
)
def test_a_device_stands_so(found: Device, silent: bool, standings: tuple[str, ...]) -> None:
    assert standings_of(found, silent=silent) == standings


@pytest.mark.parametrize(
    ("found", "health", "words"),
    [
        (device(healthy=True), known(), "It meets the health rules"),
        (device(healthy=False), known(FAILING), "do not open on it until that is put right"),
        (device(healthy=False, reason="Stolen once."), known(), "organisation: Stolen once."),
        (device(), known(seen=None), "It has never said how well it is"),
        (device(), known(), "Not all that your organisation asks for is known"),
        (device(), known(silent=True), "It has said nothing for more than a quarter of an hour"),
        (device(suspended="lost"), known(), "It was reported lost, so it counts as none"),
        (device(suspended="cloned"), None, "one of them is a copy, so it counts as none"),
        (device(healthy=True), None, "It meets the health rules"),
    ],
)
def test_its_person_is_told_so(found: Device, health: DeviceHealth | None, words: str) -> None:
    assert words in told_of(found, health)


def test_there_are_words_for_everything() -> None:
    assert set(BADGES) == set(STANDINGS)
    assert set(PLATFORMS) == set(get_args(Platform))
    assert set(STORAGES) == set(get_args(KeyStorage))
    assert set(SUSPENSIONS) == set(get_args(Suspension)) - {""}
    assert set(PROOFS) == set(Trust)


def test_a_device_is_called_by_its_name_or_else_by_its_id() -> None:
    assert name_of(LAPTOP) == "laptop"
    assert name_of(device(name="Alice's")) == "Alice's"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("disk-encrypted", True, "on"),
        ("firewall", False, "off"),
        ("reboot-needed", True, "yes"),
        ("sshd-root-login", False, "no"),
        ("updates-pending", 76, "76"),
        ("os-version", "12.7", "12.7"),
        ("listeners", ("tcp/22", "tcp/443"), "tcp/22, tcp/443"),
        ("listeners", (), "none"),
        ("screen-lock", None, "unknown"),
    ],
)
def test_values_are_words(name: Any, value: Any, words: str) -> None:
    assert value_in_words(name, value) == words


def test_a_fact_says_how_it_was_found_how_far_it_is_proved_and_how_long_it_is_good() -> None:
    fact = Fact(name="firewall", value=True, at=NOW - 60, method="nft")
    unknown = Fact(name="screen-lock", value=None, at=NOW, method="agent", why="Nothing tells.")
    first, second = facts_in_words(
        [KnownFact(fact=fact, trust=Trust.QUOTED), KnownFact(fact=unknown, trust=Trust.SIGNED)]
    )
    assert (first.title, first.value, first.method) == ("Firewall", "on", "nft")
    assert first.proof == "vouched for by its security chip"
    assert first.lasts_until == NOW - 60 + FACTS["firewall"].lifetime_seconds
    assert (second.known, second.value, second.why) == (False, "unknown", "Nothing tells.")


def test_what_counts_stands_before_what_is_only_advice() -> None:
    grace = msgspec.structs.replace(FAILING, state="grace", until=NOW + DAY)
    unknown = msgspec.structs.replace(FAILING, state="unknown")
    advice = [
        msgspec.structs.replace(FAILING, state=state, enforced=False)
        for state in ("failing", "grace", "unknown")
    ]
    found = findings_in_words([*advice, grace, unknown, FAILING])
    weights = [item.weight for item in found]
    assert weights == ["failing", "unknown", "grace", "advice", "advice", "advice"]
    assert found[2].until == NOW + DAY
    assert {item.badge.title for item in found[3:]} == {"Advice"}
    assert (found[0].words, found[0].link) == (FAILING.words, FAILING.link)


def change(days_ago: float, *, healthy: bool | None) -> HealthChange:
    return HealthChange(device=LAPTOP.id, at=NOW - days_ago * DAY, healthy=healthy, findings="")


def test_a_strip_shows_each_span_from_left_to_right() -> None:
    strip = strip_of(
        [change(3, healthy=None), change(6, healthy=False), change(15, healthy=True)], NOW
    )
    assert [(item.kind, item.x, item.width) for item in strip.spans] == [
        ("healthy", 500, 300),
        ("unhealthy", 800, 100),
        ("unknown", 900, 100),
    ]
    assert strip.shares == (("healthy", 60), ("unhealthy", 20), ("unknown", 20))


@pytest.mark.parametrize(
    ("changes", "spans"),
    [
        ([], []),
        ([change(400, healthy=True)], [("healthy", 0, WIDTH)]),
        ([change(-1, healthy=True)], []),
        (
            [change(0.0001, healthy=False), change(DAYS + 1, healthy=True)],
            [("healthy", 0, WIDTH), ("unhealthy", WIDTH, 1)],
        ),
    ],
)
def test_a_strip_at_its_ends(
    changes: list[HealthChange], spans: list[tuple[str, int, int]]
) -> None:
    found = strip_of(changes, NOW).spans
    assert [(item.kind, item.x, item.width) for item in found] == spans
