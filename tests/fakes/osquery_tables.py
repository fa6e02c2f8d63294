"""Recorded tables of osquery, in a real SQLite: what a query finds is what its SQL finds.

Columns are those of osquery's `specs/`, as far as queries name them. Each `Machine` is healthy at
first; a test changes what is to be wrong with it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

COLUMNS: Mapping[str, str] = {
    "alf": "global_state INTEGER, stealth_enabled INTEGER",
    "augeas": "node TEXT, value TEXT, label TEXT, path TEXT",
    "bitlocker_info": "drive_letter TEXT, conversion_status INTEGER, protection_status INTEGER",
    "deb_packages": "name TEXT, version TEXT, arch TEXT, status TEXT",
    "disk_encryption": (
        "name TEXT, encrypted INTEGER, encryption_status TEXT, user_uuid TEXT, "
        "filevault_status TEXT"
    ),
    "file": "path TEXT, filename TEXT",
    "interface_addresses": "interface TEXT, address TEXT, mask TEXT",
    "iptables": (
        "filter_name TEXT, chain TEXT, policy TEXT, target TEXT, protocol INTEGER, src_ip TEXT, "
        "dst_ip TEXT, iniface TEXT, match TEXT"
    ),
    "kernel_info": "version TEXT, arguments TEXT",
    "listening_ports": "pid INTEGER, port INTEGER, protocol INTEGER, family INTEGER, address TEXT",
    "mounts": "device TEXT, device_alias TEXT, path TEXT, type TEXT, flags TEXT",
    "os_version": "name TEXT, version TEXT, platform TEXT, platform_like TEXT",
    "osquery_info": "version TEXT, build_platform TEXT",
    "registry": "key TEXT, path TEXT, name TEXT, type TEXT, data TEXT",
    "rpm_packages": "name TEXT, version TEXT, release TEXT, arch TEXT",
    "secureboot": (
        "secure_boot INTEGER, setup_mode INTEGER, secure_mode INTEGER, description TEXT"
    ),
    "services": "name TEXT, status TEXT, start_type TEXT",
    "sip_config": "config_flag TEXT, enabled INTEGER, enabled_nvram INTEGER",
    "system_info": "hostname TEXT, uuid TEXT, hardware_serial TEXT",
    "users": "uid BIGINT, username TEXT, shell TEXT",
    "windows_security_center": "firewall TEXT, autoupdate TEXT, antivirus TEXT",
}

_ONLY: Mapping[str, frozenset[str]] = {
    "linux": frozenset(
        {"deb_packages", "iptables", "rpm_packages", "kernel_info", "augeas", "mounts"}
    ),
    "darwin": frozenset({"alf", "sip_config", "augeas", "mounts"}),
    "windows": frozenset({"bitlocker_info", "registry", "services", "windows_security_center"}),
}
_NOT_EVERYWHERE = frozenset.union(*_ONLY.values())

_SSHD = (
    ("PermitRootLogin", "no"),
    ("PasswordAuthentication", "no"),
    ("KbdInteractiveAuthentication", "no"),
)
_AUTO_UPDATE = (
    r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update"
)
_POLICIES = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System"
_RULE = ("filter", "INPUT")

ROWS: Mapping[str, Mapping[str, Sequence[tuple[object, ...]]]] = {
    "linux": {
        "augeas": [
            (f"/files/etc/ssh/sshd_config/{label}", value, label, "/etc/ssh/sshd_config")
            for label, value in _SSHD
        ],
        "deb_packages": [
            ("linux-image-6.12.57+deb13-amd64", "6.12.57-1", "amd64", "install ok installed"),
            ("linux-image-amd64", "6.12.57-1", "amd64", "install ok installed"),
        ],
        "disk_encryption": [
            ("/dev/dm-0", 1, "encrypted", None, None),
            ("/dev/dm-1", 1, "encrypted", None, None),
            ("/dev/nvme0n1p1", 0, "not encrypted", None, None),
        ],
        "file": [("/usr/sbin/sshd", "sshd")],
        "interface_addresses": [
            ("lo", "127.0.0.1", "255.0.0.0"),
            ("lo", "::1", ""),
            ("eth0", "192.0.2.7", "255.255.255.0"),
            ("eth0", "fe80::1%eth0", ""),
        ],
        "iptables": [
            (*_RULE, "DROP", "", 0, "", "", "", ""),
            (*_RULE, "", "ACCEPT", 0, "0.0.0.0", "0.0.0.0", "lo", "no"),
            (*_RULE, "", "ACCEPT", 0, "0.0.0.0", "0.0.0.0", "all", "yes"),
        ],
        "kernel_info": [("6.12.57+deb13-amd64", "quiet")],
        "listening_ports": [
            (700, 22, 6, 2, "0.0.0.0"),
            (700, 22, 6, 10, "::"),
            (801, 5432, 6, 2, "127.0.0.1"),
            (802, 0, 0, 1, ""),
        ],
        "mounts": [
            ("/dev/mapper/root", "/dev/dm-0", "/", "ext4", "rw"),
            ("/dev/mapper/home", "/dev/dm-1", "/home", "ext4", "rw"),
            ("/dev/nvme0n1p1", "/dev/nvme0n1p1", "/boot/efi", "vfat", "rw"),
            ("/dev/loop3", "/dev/loop3", "/snap/core/1", "squashfs", "ro"),
            ("tmpfs", "tmpfs", "/run", "tmpfs", "rw"),
        ],
        "os_version": [("Debian GNU/Linux", "13 (trixie)", "debian", "")],
        "osquery_info": [("5.23.1", "linux")],
        "secureboot": [(1, 0, None, None)],
        "system_info": [("laptop", "4C4C4544-0042", "7XK2")],
        "users": [(0, "root", "/bin/bash"), (1000, "alice", "/bin/bash")],
    },
    "darwin": {
        "alf": [(1, 0)],
        "augeas": [
            (f"/files/etc/ssh/sshd_config/{label}", value, label, "/etc/ssh/sshd_config")
            for label, value in _SSHD
        ],
        "disk_encryption": [
            ("/dev/disk3s1s1", 1, "encrypted", "", "on"),
            ("/dev/disk3s5", 1, "encrypted", "", "on"),
            ("/dev/disk4s1", 0, "not encrypted", "", "off"),
        ],
        "file": [("/usr/sbin/sshd", "sshd")],
        "listening_ports": [(300, 5000, 6, 2, "0.0.0.0")],
        "mounts": [
            ("/dev/disk3s1s1", "/dev/disk3s1s1", "/", "apfs", ""),
            ("/dev/disk3s5", "/dev/disk3s5", "/System/Volumes/Data", "apfs", ""),
            ("/dev/disk4s1", "/dev/disk4s1", "/Volumes/Stick", "apfs", ""),
        ],
        "os_version": [("macOS", "15.7.4", "darwin", "darwin")],
        "osquery_info": [("5.23.1", "darwin")],
        "secureboot": [(None, None, None, "Full Security")],
        "sip_config": [("sip", 1, 1), ("allow_apple_internal", 0, 0)],
        "system_info": [("mac.local", "9A2B11F0-77", "C02X")],
        "users": [(0, "root", "/bin/sh"), (501, "alice", "/bin/zsh")],
    },
    "windows": {
        "bitlocker_info": [("C:", 1, 1)],
        "listening_ports": [(4, 445, 6, 2, "0.0.0.0"), (9, 5353, 17, 2, "127.0.0.1")],
        "os_version": [("Microsoft Windows 11 Pro", "10.0.26200", "windows", "windows")],
        "osquery_info": [("5.23.1", "windows")],
        "registry": [
            (_POLICIES, rf"{_POLICIES}\InactivityTimeoutSecs", "InactivityTimeoutSecs", "", "600"),
            (_AUTO_UPDATE, rf"{_AUTO_UPDATE}\AUState", "AUState", "REG_DWORD", "2"),
        ],
        "secureboot": [(1, 0, None, None)],
        "services": [("sshd", "STOPPED", "DEMAND_START"), ("W32Time", "RUNNING", "AUTO_START")],
        "system_info": [("DESKTOP-1", "00112233-44", "PF3")],
        "users": [(500, "Administrator", ""), (1001, "alice", "")],
        "windows_security_center": [("Good", "Good", "Good")],
    },
}


class Machine:
    """The tables of one machine; `platform` is osquery's word for it."""

    def __init__(self, platform: str) -> None:
        self.platform = platform
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        for table, columns in COLUMNS.items():
            if table in _NOT_EVERYWHERE and table not in _ONLY[platform]:
                continue
            self._database.execute(f"CREATE TABLE {table} ({columns})")
            for row in ROWS[platform].get(table, ()):
                marks = ", ".join("?" * len(row))
                self._database.execute(f"INSERT INTO {table} VALUES ({marks})", row)

    def execute(self, statement: str, *values: object) -> None:
        """Change the machine."""
        self._database.execute(statement, values)

    def query(self, sql: str) -> list[dict[str, str]]:
        """The rows, as osquery tells them: all text, and nothing where there is no value.

        Raises sqlite3.Error where the query cannot be answered, as for a table of another platform.
        """
        cursor = self._database.execute(sql)
        names = [column[0] for column in cursor.description]
        return [
            {name: "" if cell is None else str(cell) for name, cell in zip(names, row, strict=True)}
            for row in cursor
        ]
