from __future__ import annotations

import pytest

from doorward.agent.machine import Output
from doorward.model.posture import FactName
from tests.fakes.machine import RecordedMachine, found

ROOT: FactName = "sshd-root-login"
PASSWORD: FactName = "sshd-password-login"
SSHD = "/usr/sbin/sshd"
CONFIG = "/etc/ssh/sshd_config"
CLOSED = "PermitRootLogin no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"


def host(
    config: str, effective: str | Output | None = None, more: dict[str, str] | None = None
) -> RecordedMachine:
    commands = {} if effective is None else {f"{SSHD} -T": effective}
    return RecordedMachine(commands, {SSHD: "", CONFIG: config, **(more or {})})


def both(recorded: RecordedMachine) -> tuple[object, object]:
    return found("linux", recorded, ROOT).value, found("linux", recorded, PASSWORD).value


def test_no_ssh_server_lets_nobody_in() -> None:
    assert both(RecordedMachine()) == (False, False)


def test_a_server_that_is_kept_elsewhere_is_judged_by_its_configuration() -> None:
    assert both(RecordedMachine({}, {CONFIG: "PermitRootLogin yes\n"})) == (True, True)
    assert both(RecordedMachine({}, {CONFIG: CLOSED})) == (False, False)


def test_files_that_cannot_be_found_are_unknown() -> None:
    """Only the last part of a pattern is looked up."""
    assert both(host(f"Include /etc/ssh/*/open.conf\n{CLOSED}")) == (None, None)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (CLOSED, (False, False)),
        ("", (True, True)),
        (CLOSED.replace("RootLogin no", "RootLogin prohibit-password"), (True, False)),
        (CLOSED.replace("Interactive", "interactive").replace("Kbd", "KBD"), (False, False)),
        (CLOSED.replace("KbdInteractive", "ChallengeResponse"), (False, False)),
        ('PermitRootLogin="no"\nPasswordAuthentication = no\n', (False, True)),
        ("# PermitRootLogin no\n", (True, True)),
        (f"{CLOSED}PermitRootLogin yes\n", (False, False)),
        (f"PermitRootLogin yes\n{CLOSED}", (True, False)),
    ],
    ids=[
        "closed",
        "defaults let in",
        "with a key is a way in",
        "case",
        "former name",
        "equals signs, and PAM still asks",
        "comment",
        "the first line wins",
        "the first line wins, open",
    ],
)
def test_the_files_are_read_as_sshd_reads_them(config: str, expected: tuple[bool, bool]) -> None:
    assert both(host(config)) == expected


def test_a_match_block_that_lets_somebody_in_counts() -> None:
    config = f"{CLOSED}Match Address 192.0.2.0/24\n  PasswordAuthentication yes\n"
    assert both(host(config)) == (False, True)
    assert both(host(f"{config}Match all\nPermitRootLogin yes\n")) == (False, True)
    stricter = "PermitRootLogin no\nMatch User backup\n PermitRootLogin no\n"
    assert both(host(stricter)) == (False, True)


def test_included_files_count_where_they_are_included() -> None:
    drop_in = "/etc/ssh/sshd_config.d/50-cloud.conf"
    include = "Include /etc/ssh/sshd_config.d/*.conf\n"
    opened = {drop_in: "PasswordAuthentication yes\n"}
    assert both(host(include + CLOSED, more=opened)) == (False, True)
    assert both(host(CLOSED + include, more=opened)) == (False, False)
    assert both(host(f"{CLOSED}Match User x\nInclude sshd_config.d/*.conf\n", more=opened)) == (
        False,
        True,
    )
    matched = {drop_in: "Match User x\nPermitRootLogin yes\n"}
    assert both(host(include + CLOSED, more=matched)) == (True, False)
    ignored = {"/etc/ssh/sshd_config.d/50-cloud.conf.bak": "PasswordAuthentication yes\n"}
    assert both(host(include + CLOSED, more=ignored)) == (False, False)


def test_files_that_nobody_may_list_are_unknown() -> None:
    recorded = host(f"Include sshd_config.d/*.conf\n{CLOSED}")
    assert both(recorded) == (False, False)
    recorded.closed.add("/etc/ssh/sshd_config.d")
    assert both(recorded) == (None, None)


def test_a_hidden_file_is_not_included_by_a_pattern_that_does_not_say_so() -> None:
    hidden = {"/etc/ssh/sshd_config.d/.closed.conf": CLOSED}
    assert both(host("Include sshd_config.d/*.conf\n", more=hidden)) == (True, True)
    assert both(host("Include sshd_config.d/.*.conf\n", more=hidden)) == (False, False)


def test_a_file_that_is_too_long_is_unknown() -> None:
    assert both(host(CLOSED + "#\n" * 30_000 + "Match all\nPermitRootLogin yes\n")) == (None, None)


def test_files_that_include_themselves_are_unknown() -> None:
    assert both(host(f"Include {CONFIG}\n{CLOSED}")) == (None, None)


def test_a_file_that_cannot_be_read_is_unknown() -> None:
    recorded = RecordedMachine({}, {SSHD: ""})
    assert both(recorded) == (None, None)


EFFECTIVE = CLOSED.lower()


def test_sshd_itself_is_believed_and_match_blocks_are_added() -> None:
    fact = found("linux", host("PermitRootLogin yes\n", EFFECTIVE), ROOT)
    assert (fact.value, fact.method) == (False, "sshd -T")
    matched = "Match Group admins\nPermitRootLogin yes\n"
    assert both(host(matched, EFFECTIVE)) == (True, False)


@pytest.mark.parametrize("effective", [Output(255, "", "no hostkeys"), "port 22\n"])
def test_where_sshd_does_not_tell_the_files_are_read(effective: str | Output) -> None:
    fact = found("linux", host(CLOSED, effective), ROOT)
    assert (fact.value, fact.method) == (False, "sshd_config")
