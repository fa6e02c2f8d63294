"""What osquery's tables tell: each query runs on real SQL, and what is doubtful is no value."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import get_args

import pytest

from doorward.administrator.osquery.facts.table import (
    PLATFORMS,
    QUERIES,
    facts_of,
    failed,
    queries_of,
)
from doorward.model.device import Platform
from doorward.model.posture import FACTS, Fact, FactName, FactValue, fits
from tests.fakes.osquery_tables import Machine

AT = 1_790_000_000.0


def found_on(machine: Machine, platform: Platform) -> Mapping[FactName, Fact]:
    """Every fact of the machine."""
    facts = [
        fact
        for query in queries_of(platform)
        for fact in facts_of(query, machine.query(query.sql), AT)
    ]
    assert len({fact.name for fact in facts}) == len(facts), "two queries tell one fact"
    assert all(fits(fact) for fact in facts)
    assert all(fact.why for fact in facts if fact.value is None)
    return {fact.name: fact for fact in facts}


def value(machine: Machine, platform: Platform, name: FactName) -> FactValue | None:
    return found_on(machine, platform)[name].value


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_fact_is_told_or_unknown_on_every_platform(platform: Platform) -> None:
    facts = found_on(Machine(PLATFORMS[platform]), platform)
    assert facts.keys() == FACTS.keys()
    assert all(fact.method.startswith("osquery:") for fact in facts.values())


HEALTHY: Mapping[Platform, Mapping[FactName, FactValue]] = {
    "linux": {
        "disk-encrypted": True,
        "os-name": "debian",
        "os-version": "13",
        "firewall": True,
        "secure-boot": True,
        "sshd-root-login": False,
        "sshd-password-login": False,
        "extra-uid0-accounts": 0,
        "listeners": ("tcp/22",),
        "reboot-needed": False,
    },
    "macos": {
        "disk-encrypted": True,
        "os-name": "macos",
        "os-version": "15.7.4",
        "firewall": True,
        "secure-boot": True,
        "sshd-root-login": False,
        "sshd-password-login": False,
        "extra-uid0-accounts": 0,
        "listeners": ("tcp/5000",),
    },
    "windows": {
        "disk-encrypted": True,
        "os-name": "windows",
        "os-version": "10.0.26200",
        "firewall": True,
        "screen-lock": True,
        "secure-boot": True,
        "sshd-root-login": False,
        "sshd-password-login": False,
        "extra-uid0-accounts": 0,
        "listeners": ("tcp/445",),
        "reboot-needed": False,
    },
}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_healthy_machine(platform: Platform) -> None:
    facts = found_on(Machine(PLATFORMS[platform]), platform)
    told = {name: fact.value for name, fact in facts.items() if fact.value is not None}
    assert told == HEALTHY[platform]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_version_of_osquery_is_not_the_version_of_the_agent(platform: Platform) -> None:
    facts = found_on(Machine(PLATFORMS[platform]), platform)
    for name in ("agent-version", "updates-pending", "updates-age-days", "os-supported"):
        assert facts[name].value is None


_RULE = "INSERT INTO iptables VALUES ('filter', 'INPUT', '', 'ACCEPT', 0, ?, '0.0.0.0', ?, 'no')"
_SETTING = "INSERT INTO augeas VALUES (?, ?, ?, '/etc/ssh/sshd_config')"
_TREE = "/files/etc/ssh/sshd_config"


@pytest.mark.parametrize(
    ("platform", "name", "expected", "statement", "values"),
    [
        (
            "linux",
            "disk-encrypted",
            False,
            "UPDATE disk_encryption SET encrypted = 0 WHERE name = '/dev/dm-1'",
            (),
        ),
        (
            "linux",
            "disk-encrypted",
            None,
            "DELETE FROM disk_encryption WHERE name = '/dev/dm-1'",
            (),
        ),
        (
            "linux",
            "disk-encrypted",
            None,
            "UPDATE disk_encryption SET encryption_status = 'undefined'",
            (),
        ),
        ("linux", "disk-encrypted", None, "DELETE FROM mounts WHERE path = '/'", ()),
        ("linux", "disk-encrypted", None, "DELETE FROM mounts", ()),
        (
            "linux",
            "disk-encrypted",
            None,
            "INSERT INTO mounts VALUES ('tank/home', 'tank/home', '/home', 'zfs', 'rw')",
            (),
        ),
        ("linux", "firewall", None, "UPDATE iptables SET policy = 'ACCEPT' WHERE policy != ''", ()),
        ("linux", "firewall", None, "DELETE FROM iptables", ()),
        ("linux", "firewall", None, _RULE.replace("ACCEPT", "own"), ("0.0.0.0", "all")),
        ("linux", "firewall", True, _RULE.replace("ACCEPT", "LOG"), ("0.0.0.0", "all")),
        ("linux", "firewall", None, _RULE, ("0.0.0.0", "")),
        ("linux", "firewall", True, _RULE, ("10.0.0.0", "")),
        (
            "linux",
            "firewall",
            None,
            "INSERT INTO interface_addresses VALUES ('eth0', '2001:db8::1', '')",
            (),
        ),
        ("linux", "secure-boot", False, "UPDATE secureboot SET secure_boot = 0", ()),
        ("linux", "secure-boot", False, "UPDATE secureboot SET setup_mode = 1", ()),
        ("linux", "secure-boot", None, "UPDATE secureboot SET secure_boot = NULL", ()),
        ("linux", "secure-boot", None, "DELETE FROM secureboot", ()),
        ("linux", "sshd-root-login", False, "DELETE FROM file", ()),
        ("linux", "sshd-root-login", None, "DELETE FROM augeas", ()),
        (
            "linux",
            "sshd-root-login",
            True,
            "UPDATE augeas SET value = 'prohibit-password' WHERE label LIKE 'permit%'",
            (),
        ),
        (
            "linux",
            "sshd-root-login",
            True,
            "DELETE FROM augeas WHERE label = 'PermitRootLogin'",
            (),
        ),
        ("linux", "sshd-password-login", True, "DELETE FROM augeas WHERE label LIKE 'Kbd%'", ()),
        (
            "linux",
            "sshd-password-login",
            False,
            "UPDATE augeas SET label = 'ChallengeResponseAuthentication' WHERE label LIKE 'Kbd%'",
            (),
        ),
        (
            "linux",
            "sshd-root-login",
            True,
            _SETTING,
            (f"{_TREE}/Match[1]/Settings/PermitRootLogin", "yes", "PermitRootLogin"),
        ),
        (
            "linux",
            "sshd-root-login",
            False,
            _SETTING,
            (f"{_TREE}/PermitRootLogin[2]", "yes", "PermitRootLogin"),
        ),
        (
            "linux",
            "sshd-root-login",
            False,
            _SETTING,
            (f"{_TREE}/Include", "/etc/ssh/sshd_config.d/*.conf", "Include"),
        ),
        (
            "linux",
            "sshd-root-login",
            None,
            _SETTING,
            (f"{_TREE}/Include", "/etc/ssh/elsewhere", "Include"),
        ),
        ("linux", "extra-uid0-accounts", 1, "INSERT INTO users VALUES (0, 'toor', '')", ()),
        (
            "linux",
            "listeners",
            ("tcp/22", "udp/53"),
            "INSERT INTO listening_ports VALUES (1, 53, 17, 10, '::')",
            (),
        ),
        (
            "linux",
            "listeners",
            ("tcp/22",),
            "INSERT INTO listening_ports VALUES (1, 53, 17, 10, '::ffff:127.0.0.1')",
            (),
        ),
        (
            "linux",
            "listeners",
            ("tcp/22",),
            "INSERT INTO listening_ports VALUES (1, 70000, 6, 10, '::')",
            (),
        ),
        (
            "linux",
            "listeners",
            None,
            "INSERT INTO listening_ports VALUES (1, 'ssh', 6, 10, '::')",
            (),
        ),
        (
            "linux",
            "reboot-needed",
            True,
            "INSERT INTO file VALUES ('/run/reboot-required', '')",
            (),
        ),
        (
            "linux",
            "reboot-needed",
            True,
            "INSERT INTO deb_packages VALUES ('linux-image-6.12.63+deb13-amd64', '', '', '')",
            (),
        ),
        (
            "linux",
            "reboot-needed",
            False,
            "INSERT INTO deb_packages VALUES ('linux-image-6.12.63+deb13-rt-amd64', '', '', '')",
            (),
        ),
        ("linux", "reboot-needed", None, "DELETE FROM deb_packages", ()),
        ("linux", "os-name", None, "DELETE FROM os_version", ()),
        ("linux", "os-version", None, "UPDATE os_version SET version = 'rolling'", ()),
        (
            "macos",
            "disk-encrypted",
            False,
            "UPDATE disk_encryption SET filevault_status = 'off' WHERE name = '/dev/disk3s5'",
            (),
        ),
        (
            "macos",
            "disk-encrypted",
            None,
            "UPDATE disk_encryption SET filevault_status = 'unknown'",
            (),
        ),
        ("macos", "disk-encrypted", None, "DELETE FROM mounts", ()),
        (
            "macos",
            "secure-boot",
            False,
            "UPDATE secureboot SET description = 'Reduced Security'",
            (),
        ),
        (
            "macos",
            "secure-boot",
            True,
            "UPDATE secureboot SET description = '', secure_mode = 1",
            (),
        ),
        (
            "macos",
            "secure-boot",
            False,
            "UPDATE secureboot SET description = '', secure_mode = 2",
            (),
        ),
        ("macos", "secure-boot", None, "UPDATE secureboot SET description = ''", ()),
        ("macos", "secure-boot", False, "UPDATE sip_config SET enabled = 0", ()),
        ("macos", "secure-boot", None, "DELETE FROM sip_config", ()),
        ("macos", "firewall", False, "UPDATE alf SET global_state = 0", ()),
        ("macos", "firewall", True, "UPDATE alf SET global_state = 2", ()),
        ("macos", "firewall", None, "DELETE FROM alf", ()),
        ("windows", "disk-encrypted", False, "UPDATE bitlocker_info SET protection_status = 0", ()),
        ("windows", "disk-encrypted", None, "UPDATE bitlocker_info SET protection_status = 2", ()),
        ("windows", "disk-encrypted", False, "UPDATE bitlocker_info SET conversion_status = 2", ()),
        ("windows", "disk-encrypted", False, "INSERT INTO bitlocker_info VALUES ('D:', 0, 0)", ()),
        ("windows", "disk-encrypted", None, "DELETE FROM bitlocker_info", ()),
        (
            "windows",
            "firewall",
            False,
            "UPDATE windows_security_center SET firewall = 'Snoozed'",
            (),
        ),
        ("windows", "firewall", None, "UPDATE windows_security_center SET firewall = 'Error'", ()),
        (
            "windows",
            "screen-lock",
            None,
            "UPDATE registry SET data = '3600' WHERE data = '600'",
            (),
        ),
        ("windows", "screen-lock", None, "UPDATE registry SET data = '0' WHERE data = '600'", ()),
        ("windows", "sshd-root-login", None, "UPDATE services SET status = 'RUNNING'", ()),
        ("windows", "sshd-password-login", False, "DELETE FROM services", ()),
        (
            "windows",
            "reboot-needed",
            True,
            "UPDATE registry SET name = 'RebootRequired' WHERE name = 'AUState'",
            (),
        ),
        ("windows", "reboot-needed", None, "DELETE FROM registry", ()),
        (
            "windows",
            "os-name",
            "windows-server",
            "UPDATE os_version SET name = 'Microsoft Windows Server 2025'",
            (),
        ),
    ],
)
def test_what_is_wrong_or_doubtful(
    platform: Platform,
    name: FactName,
    expected: FactValue | None,
    statement: str,
    values: tuple[object, ...],
) -> None:
    machine = Machine(PLATFORMS[platform])
    machine.execute(statement, *values)
    assert value(machine, platform, name) == expected
    assert type(value(machine, platform, name)) is type(expected)


def test_a_file_that_sshd_includes_makes_its_settings_unknown() -> None:
    machine = Machine("linux")
    machine.execute(_SETTING, f"{_TREE}/Include/1", "/etc/ssh/sshd_config.d/*.conf", "1")
    machine.execute("INSERT INTO file VALUES ('/etc/ssh/sshd_config.d/50-cloud.conf', '')")
    assert value(machine, "linux", "sshd-root-login") is None
    assert value(machine, "linux", "sshd-password-login") is None


def test_a_kernel_of_another_distribution_is_compared_as_well() -> None:
    machine = Machine("linux")
    machine.execute("DELETE FROM deb_packages")
    machine.execute("UPDATE kernel_info SET version = '6.17.5-300.fc43.x86_64'")
    machine.execute(
        "INSERT INTO rpm_packages VALUES ('kernel-core', '6.17.5', '300.fc43', 'x86_64')"
    )
    assert value(machine, "linux", "reboot-needed") is False
    machine.execute(
        "INSERT INTO rpm_packages VALUES ('kernel-core', '6.17.10', '300.fc43', 'x86_64')"
    )
    assert value(machine, "linux", "reboot-needed") is True


def test_more_ports_than_are_believable_are_unknown() -> None:
    machine = Machine("linux")
    for port in range(1000, 1300):
        machine.execute("INSERT INTO listening_ports VALUES (1, ?, 6, 2, '192.0.2.7')", port)
    assert value(machine, "linux", "listeners") is None


def test_no_rows_at_all_are_no_answer() -> None:
    for query in QUERIES.values():
        assert all(fact.value is None for fact in facts_of(query, [], AT)), query.name
        assert all(fact.value is None for fact in failed(query, AT))


def test_each_platform_is_asked_only_what_it_has() -> None:
    for query in QUERIES.values():
        Machine(PLATFORMS[query.platform]).query(query.sql)
    with pytest.raises(sqlite3.Error):
        Machine("windows").query(QUERIES["doorward_disks_linux"].sql)
    assert list(queries_of("other")) == list(QUERIES.values())
    assert {query.platform for query in QUERIES.values()} | {"other"} == set(get_args(Platform))


def test_a_fact_survives_two_lost_answers() -> None:
    for query in QUERIES.values():
        assert query.interval_seconds * 3 <= query.lifetime_seconds
        assert "." not in query.name, "older versions take a dot for a path"
