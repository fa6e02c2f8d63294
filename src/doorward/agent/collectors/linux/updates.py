"""Security updates that wait, as apt or dnf knows them.

What a package manager has not looked up for a week it does not know: no update is then pending
in its eyes, and the answer is unknown. So it is where no security archive is configured, or no
advisory of security was ever heard of: CentOS Stream publishes none.
"""

from __future__ import annotations

import re
from typing import Final

from doorward.agent.collectors.finding import Scene, ask
from doorward.agent.collectors.updates import Pending
from doorward.agent.machine import Machine
from doorward.agent.unknown import Unknown
from doorward.model.ids import UnixSeconds

APT: Final = ("apt-get", "--simulate", "--ignore-hold", "--quiet", "dist-upgrade")
"""`dist-upgrade`, for `upgrade` leaves out what needs a new package, such as each new kernel."""
DNF: Final = ("dnf", "--quiet", "updateinfo", "list", "--security")
DNF_INSTALLED: Final = ("dnf", "--quiet", "updateinfo", "list", "--security", "--installed")
_HEADINGS: Final = frozenset({"Name", "Last", "Updating", "Repositories"})
_LISTS: Final = "/var/lib/apt/lists"
_STAMPS: Final = (_LISTS, f"{_LISTS}/partial", "/var/lib/apt/periodic/update-success-stamp")
_STALE_SECONDS: Final = 7 * 86_400
_INSTALL: Final = re.compile(r"Inst (\S+) (?:\[[^\]]*\] )?\((\S+) ([^)\[]*)")
_SECURITY: Final = re.compile(r"(?i)[-/]security\b|\bDebian-Security\b|-security-updates\b")
_PACKAGE: Final = re.compile(r"\S+-[^-\s]+-[^-\s]+\.(?:noarch|x86_64|aarch64|i686|ppc64le|s390x)")
_ADVISORY: Final = re.compile(r"[A-Za-z]+[-:]?[A-Za-z0-9:._-]*\d[A-Za-z0-9:._-]*")
_TIMEOUT_SECONDS: Final = 120


def pending_security(scene: Scene) -> tuple[str, Pending | Unknown]:
    """From whichever package manager the system has."""
    machine = scene.machine
    if machine.exists("/usr/bin/apt-get"):
        return "apt", _apt(machine, scene.now)
    if machine.exists("/usr/bin/dnf"):
        return "dnf", _dnf(machine)
    return "none", Unknown("No package manager was found that tells of security updates.")


def _apt(machine: Machine, now: UnixSeconds) -> Pending | Unknown:
    lists = machine.names(_LISTS)
    if isinstance(lists, Unknown):
        return lists
    if not any("security" in name for name in lists):
        return Unknown("apt knows of no archive of security updates.")
    looked_up_at = max(machine.modified_at(stamp) or 0 for stamp in _STAMPS)
    if now - looked_up_at > _STALE_SECONDS:
        return Unknown("apt has not looked for updates for a week: run apt-get update.")
    return ask(machine, APT, parse_apt, timeout_seconds=_TIMEOUT_SECONDS)


def _dnf(machine: Machine) -> Pending | Unknown:
    pending = ask(machine, DNF, parse_dnf, timeout_seconds=_TIMEOUT_SECONDS)
    if pending:
        return pending
    told = ask(machine, DNF_INSTALLED, _tells, timeout_seconds=_TIMEOUT_SECONDS)
    if told is True:
        return pending
    return Unknown("dnf knows of no security advisories.") if told is False else told


def _tells(text: str) -> bool:
    """Whether a list of dnf has a row."""
    return any(words and words[0] not in _HEADINGS for words in map(str.split, text.splitlines()))


def parse_apt(text: str) -> Pending | Unknown:
    """`Inst` lines whose new version comes from a security archive."""
    pending = set()
    for line in text.splitlines():
        if not line.startswith("Inst "):
            continue
        found = _INSTALL.match(line)
        if found is None:
            return Unknown("What apt-get printed is not understood.")
        if _SECURITY.search(found[3]):
            pending.add(f"{found[1]} {found[2]}")
    return frozenset(pending)


def parse_dnf(text: str) -> Pending | Unknown:
    """Rows of `updateinfo list` (dnf 4) and `advisory list` (dnf 5): an advisory and a package."""
    pending = set()
    for line in text.splitlines():
        words = line.split()
        if not words or words[0] in _HEADINGS:
            continue
        packages = [word for word in words[1:] if _PACKAGE.fullmatch(word)]
        if not packages or _ADVISORY.fullmatch(words[0]) is None:
            return Unknown("What dnf printed is not understood.")
        pending.add(packages[0])
    return frozenset(pending)
