"""sshd-root-login, sshd-password-login: what an OpenSSH server accepts (sshd_config(5)).

`sshd -T` tells what holds for everyone, where it may be run; else the files are read. Either way
the files are read for `Match` blocks: what one of them allows to somebody counts as allowed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Final, NamedTuple

from doorward.agent.collectors.finding import Collector, Finding, Scene, ask
from doorward.agent.machine import Machine
from doorward.agent.unknown import Unknown

_MAX_INCLUDES: Final = 16
_MAX_LINES: Final = 20_000
_WILD: Final = re.compile(r"[*?\[]")
_ALIASES: Final = {"challengeresponseauthentication": "kbdinteractiveauthentication"}
_DEFAULTS: Mapping[str, str] = {
    "permitrootlogin": "prohibit-password",
    "passwordauthentication": "yes",
    "kbdinteractiveauthentication": "yes",
}


class Setting(NamedTuple):
    """One line of the configuration; `conditional` below a `Match`."""

    key: str
    value: str
    conditional: bool


_Judge = Callable[[Sequence[Setting]], bool]


@dataclass(frozen=True, slots=True)
class SshServer:
    """Where a platform keeps its OpenSSH server."""

    programs: tuple[str, ...]
    config: str


OPENSSH: Final = SshServer(
    ("/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"), "/etc/ssh/sshd_config"
)


def root_login(server: SshServer = OPENSSH) -> Collector:
    """A collector of whether root may sign in, in whatever way."""
    return _collector(server, root_allowed)


def password_login(server: SshServer = OPENSSH) -> Collector:
    """A collector of whether a password opens a session, typed to sshd or by way of PAM."""
    return _collector(server, password_allowed)


def root_allowed(settings: Sequence[Setting]) -> bool:
    """Whether root may sign in; `prohibit-password` lets it in with a key."""
    return any(value != "no" for value in _values(settings, "permitrootlogin"))


def password_allowed(settings: Sequence[Setting]) -> bool:
    """Whether a password is taken, which keyboard-interactive asks for as well (RFC 4256)."""
    keys = ("passwordauthentication", "kbdinteractiveauthentication")
    return any(value != "no" for key in keys for value in _values(settings, key))


def _collector(server: SshServer, judge: _Judge) -> Collector:
    def collect(scene: Scene) -> Finding:
        machine = scene.machine
        program = next((path for path in server.programs if machine.exists(path)), None)
        if program is None and not machine.exists(server.config):
            return Finding("sshd", answer=False)
        files = _settings(machine, server.config, 0)
        if isinstance(files, Unknown):
            return Finding("sshd_config", files)
        effective = ask(machine, (program, "-T"), parse_effective) if program else None
        if effective is None or isinstance(effective, Unknown):
            return Finding("sshd_config", judge(files))
        matched = [setting for setting in files if setting.conditional]
        return Finding("sshd -T", judge([*effective, *matched]))

    return collect


def parse_effective(text: str) -> list[Setting] | Unknown:
    """What `sshd -T` prints: every setting, once."""
    settings = [Setting(key, value, conditional=False) for key, value in parse_lines(text)]
    keys = {setting.key for setting in settings}
    return settings if keys >= _DEFAULTS.keys() else Unknown("What sshd -T printed is too little.")


def parse_lines(text: str) -> Iterator[tuple[str, str]]:
    """Keys and values, keys in lower case; comments and empty lines left out."""
    for line in text.splitlines()[:_MAX_LINES]:
        words = line.strip().replace("=", " ", 1).split(None, 1)
        if words and not words[0].startswith("#"):
            key = words[0].lower()
            value = words[1].strip().strip('"') if len(words) > 1 else ""
            yield _ALIASES.get(key, key), value


def _settings(machine: Machine, path: str, depth: int) -> list[Setting] | Unknown:
    """All settings of a file and those that it includes, in their order."""
    if depth > _MAX_INCLUDES:
        return Unknown("Files of sshd include each other too deeply.")
    text = machine.read(path)
    if isinstance(text, Unknown):
        return text
    if text.count("\n") > _MAX_LINES:
        return Unknown("The configuration of sshd is longer than can be looked through.")
    settings: list[Setting] = []
    conditional = False
    for key, value in parse_lines(text):
        if key == "match":
            conditional = value.lower() != "all"
        elif key == "include":
            included = _included(machine, value, depth)
            if isinstance(included, Unknown):
                return included
            settings += (
                item._replace(conditional=conditional or item.conditional) for item in included
            )
        else:
            settings.append(Setting(key, value.split(" ")[0].lower(), conditional))
        if len(settings) > _MAX_LINES:
            return Unknown("The configuration of sshd is longer than can be looked through.")
    return settings


def _included(machine: Machine, patterns: str, depth: int) -> list[Setting] | Unknown:
    """The settings of the files that an Include names."""
    settings: list[Setting] = []
    for pattern in patterns.split():
        if _WILD.search(pattern.rpartition("/")[0]):
            return Unknown("sshd includes files of folders that cannot be told.")
        files = _matching(machine, pattern.strip('"'))
        if isinstance(files, Unknown):
            return files
        for file in files:
            found = _settings(machine, file, depth + 1)
            if isinstance(found, Unknown):
                return found
            settings += found
    return settings


def _matching(machine: Machine, pattern: str) -> list[str] | Unknown:
    """The files that an Include names, in the order in which sshd reads them (glob(7))."""
    path = PurePosixPath("/etc/ssh", pattern)
    names = machine.names(str(path.parent))
    if isinstance(names, Unknown):
        return names
    hidden = path.name.startswith(".")
    return [
        str(path.parent / name)
        for name in names
        if fnmatchcase(name, path.name) and name.startswith(".") == hidden
    ]


def _values(settings: Sequence[Setting], key: str) -> list[str]:
    """What holds for everyone, where the first line wins, and whatever a Match says beside it."""
    everyone = [item.value for item in settings if item.key == key and not item.conditional]
    somebody = [item.value for item in settings if item.key == key and item.conditional]
    return [everyone[0] if everyone else _DEFAULTS[key], *somebody]
