"""Whatever a command prints or a file holds, a fact is a fitting value or unknown with its why."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doorward.agent.collectors import sshd
from doorward.agent.collectors.collect import collect
from doorward.agent.collectors.linux import (
    accounts,
    disk,
    firewall,
    listeners,
    nftables,
    reboot,
    screen_lock,
    secure_boot,
    system,
    updates,
)
from doorward.agent.collectors.macos import network as mac_network
from doorward.agent.collectors.macos import protection as mac_protection
from doorward.agent.collectors.macos import screen_lock as mac_screen_lock
from doorward.agent.collectors.macos import updates as mac_updates
from doorward.agent.collectors.os_support import supported
from doorward.agent.collectors.tables import TABLES
from doorward.agent.collectors.windows import network as windows_network
from doorward.agent.collectors.windows import protection as windows_protection
from doorward.agent.collectors.windows import screen_lock as windows_screen_lock
from doorward.agent.collectors.windows import system as windows_system
from doorward.agent.machine import Output
from doorward.agent.unknown import Unknown
from doorward.model.posture import FACTS, fits
from tests.fakes.machine import NOW, RecordedMachine, Remembered

PARSERS: Sequence[Callable[[str], Any]] = (
    disk.parse_lsblk,
    disk.parse_mounts,
    system.parse_os_release,
    updates.parse_apt,
    updates.parse_dnf,
    nftables.refuses_unasked,
    firewall.parse_iptables,
    firewall.parse_ufw,
    firewall.parse_firewalld,
    accounts.parse_passwd,
    listeners.parse_ss,
    lambda text: listeners.parse_proc_net(text, "tcp"),
    secure_boot.parse_variable,
    lambda text: reboot.newer_kernel(text, [text, "6.1.0-1-amd64"]),
    screen_lock.parse_sessions,
    screen_lock.parse_session,
    screen_lock.parse_home,
    lambda text: screen_lock.parse_gsettings(text, text, text),
    lambda text: screen_lock.parse_kscreenlocker("true", text, text),
    sshd.parse_effective,
    lambda text: list(sshd.parse_lines(text)),
    mac_protection.parse_fdesetup,
    mac_protection.parse_socketfilterfw,
    mac_protection.parse_bputil,
    mac_protection.parse_csrutil,
    mac_updates.parse_softwareupdate,
    mac_screen_lock.parse_delay,
    mac_screen_lock.parse_seconds,
    mac_network.parse_remote_login,
    mac_network.parse_netstat,
    mac_network.parse_user_ids,
    windows_protection.parse_bitlocker,
    windows_protection.parse_profiles,
    windows_protection.parse_flag,
    windows_screen_lock.parse_screen_lock,
    windows_system.parse_system,
    windows_system.parse_updates,
    windows_system.parse_reboot,
    windows_network.parse_sockets,
    windows_network.parse_password_login,
    lambda text: supported(text, text, NOW, text),
)

WORDS = st.sampled_from(
    [
        *("tcp", "LISTEN", "0", "0A", "*:22", "[::]:22", "127.0.0.1:1", "00000000:0016", "٣", "²"),
        *(
            "root:x:0:0::/:/bin/sh",
            "Inst",
            "(1",
            "Debian-Security:12/x-security)",
            "=",
            "ID=debian",
        ),
        *(
            "Match",
            "Include",
            "PermitRootLogin",
            "yes",
            "-P",
            "INPUT",
            "-A",
            "-j",
            "DROP",
            "ACCEPT",
        ),
        *("Status:", "active", "Default:", "deny", "(incoming)", "/dev/sda1", "/", "ext4", "rw"),
        *("\x00", "\ufffd", "9" * 40, "-1", "uint32", "true", "*", "Label:", "Recommended: YES"),
        *("VERSION_ID=99999999999999999999", "SUPPORT_END=9999-99-99", '"', "'", "\\040", "\\777"),
    ]
)
LINES = st.lists(st.lists(WORDS, max_size=8).map(" ".join), max_size=8).map("\n".join)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("nftables", "chain", "rule", "expr", "hook", "family", "table", "name"),
                    *("policy", "type", "jump", "target", "drop", "blockdevices", "children"),
                    *("kname", "path", "uuid", "Protocol", "Port", "Address", "Name", "People"),
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
).map(json.dumps)
NESTED = st.integers(1, 3000).map(lambda depth: "[" * depth + "]" * depth)
TEXT = st.text(max_size=400) | LINES | JSON | NESTED


@settings(max_examples=400)
@given(text=TEXT)
def test_no_parser_raises(text: str) -> None:
    for parse in PARSERS:
        parse(text)


class Babbling(RecordedMachine):
    """Every command is there, every file too, and each says what comes next."""

    def __init__(self, texts: Sequence[str], status: int) -> None:
        super().__init__()
        self._texts = texts
        self._status = status
        self._next = 0

    def run(self, argv: Sequence[str], timeout_seconds: float) -> Output | Unknown:
        return Output(self._status, self._said(), self._said())

    def read(self, path: str) -> str | Unknown:
        return self._said()

    def exists(self, path: str) -> bool:
        return True

    def names(self, folder: str) -> tuple[str, ...]:
        return (*self._said().split()[:4], "x_security_InRelease")

    def modified_at(self, path: str) -> float | None:
        return NOW

    def _said(self) -> str:
        self._next += 1
        return self._texts[self._next % len(self._texts)]


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(texts=st.lists(TEXT, min_size=1, max_size=7), status=st.sampled_from([0, 0, 0, 1]))
def test_every_fact_fits_or_is_unknown_with_its_why(texts: list[str], status: int) -> None:
    for table in TABLES.values():
        facts = collect(table, Babbling(texts, status), Remembered(), NOW)
        assert facts.keys() == FACTS.keys()
        for fact in facts.values():
            assert fits(fact)
            assert (fact.value is None) == bool(fact.why)
            assert "failed to look" not in fact.why, fact
