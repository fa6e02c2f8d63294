"""Facts that are asked in the same way on several platforms."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from doorward.administrator.osquery.facts.reading import (
    ASKED,
    NOTHING,
    UNCLEAR,
    Answer,
    Unknown,
    labelled,
)
from doorward.model.posture import MAX_LIST, FactName
from doorward.protocol.osquery import Row

ACCOUNTS: Final = (
    "SELECT 'asked' AS what, '' AS username UNION ALL "
    "SELECT 'account', username FROM users WHERE uid = 0"
)
LISTENERS: Final = (
    "SELECT 'asked' AS what, '' AS protocol, '' AS port, '' AS address UNION ALL "
    "SELECT DISTINCT 'socket', protocol, port, address FROM listening_ports "
    "WHERE port > 0 AND protocol IN (6, 17)"
)
SSHD: Final = (
    "SELECT 'asked' AS what, '' AS node, '' AS label, '' AS value UNION ALL "
    "SELECT 'server', path, '', '' FROM file "
    "WHERE path IN ('/usr/sbin/sshd', '/usr/local/sbin/sshd', '/usr/bin/sshd') UNION ALL "
    "SELECT 'included', path, '', '' FROM file "
    "WHERE path LIKE '/etc/ssh/sshd_config.d/%.conf' UNION ALL "
    "SELECT 'setting', node, label, value FROM augeas WHERE path = '/etc/ssh/sshd_config'"
)

_PROTOCOLS: Mapping[str, str] = MappingProxyType({"6": "tcp", "17": "udp"})
_MAX_PORT: Final = 65_535
_INCLUDED: Final = "/etc/ssh/sshd_config.d/*.conf"
_ALIASES: Mapping[str, str] = MappingProxyType(
    {"challengeresponseauthentication": "kbdinteractiveauthentication"}
)
_DEFAULTS: Mapping[str, str] = MappingProxyType(
    {
        "permitrootlogin": "prohibit-password",
        "passwordauthentication": "yes",
        "kbdinteractiveauthentication": "yes",
    }
)


def extra_accounts(rows: Sequence[Row]) -> Answer:
    """Accounts with id 0 beside root. Windows gives none that id."""
    if not labelled(rows, ASKED):
        return NOTHING
    return sum(row.get("username") != "root" for row in labelled(rows, "account"))


def listeners(rows: Sequence[Row]) -> Answer:
    """Ports that the network can reach, such as `tcp/22`."""
    if not labelled(rows, ASKED):
        return NOTHING
    found: set[tuple[str, int]] = set()
    for row in labelled(rows, "socket"):
        protocol, port = _PROTOCOLS.get(row.get("protocol", "")), row.get("port", "")
        if protocol is None or not re.fullmatch(r"\d{1,5}", port, re.ASCII):
            return UNCLEAR
        if 0 < int(port) <= _MAX_PORT and not _loopback(row.get("address", "")):
            found.add((protocol, int(port)))
    if len(found) > MAX_LIST:
        return Unknown(f"More than {MAX_LIST} ports are open.")
    return tuple(f"{protocol}/{port}" for protocol, port in sorted(found))


def sshd(rows: Sequence[Row]) -> Mapping[FactName, Answer]:
    """What an OpenSSH server lets in (sshd_config(5)); false where there is none.

    osquery reads the main file only: a file that it includes makes both unknown.
    """
    passwords = ("passwordauthentication", "kbdinteractiveauthentication")
    return {
        "sshd-root-login": _lets_in(rows, ("permitrootlogin",)),
        "sshd-password-login": _lets_in(rows, passwords),
    }


def _lets_in(rows: Sequence[Row], keys: Sequence[str]) -> Answer:
    if not labelled(rows, ASKED):
        return NOTHING
    if not labelled(rows, "server"):
        return False
    settings = labelled(rows, "setting")
    if not settings:
        return Unknown("osquery could not read sshd_config.")
    includes = [row for row in settings if _below(row, "include")]
    named = {row.get("value", "") for row in includes} - {"", _INCLUDED}
    if named or (includes and labelled(rows, "included")):
        return Unknown("sshd_config includes other files, which osquery does not read.")
    return any(value != "no" for key in keys for value in _values(rows, key))


def _values(rows: Sequence[Row], key: str) -> Iterator[str]:
    """What holds for everyone, where the first line wins, and what each `Match` says beside it."""
    found = [
        (row.get("value", "").lower(), "/match" in row.get("node", "").lower())
        for row in labelled(rows, "setting")
        if _ALIASES.get(label := row.get("label", "").lower(), label) == key
    ]
    everyone = [value for value, matched in found if not matched]
    yield everyone[0] if everyone else _DEFAULTS[key]
    yield from (value for value, matched in found if matched)


def _below(row: Row, label: str) -> bool:
    """Whether the row is a setting of that name, or a value below one."""
    return row.get("label", "").lower() == label or f"/{label}" in row.get("node", "").lower()


def _loopback(address: str) -> bool:
    """Whether only this machine reaches an address; what is no address counts as reachable."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return bool((mapped or parsed).is_loopback)
