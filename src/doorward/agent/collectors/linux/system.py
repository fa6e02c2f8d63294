"""os-name, os-version, os-supported: what os-release(5) says."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Final

from doorward.agent.collectors.finding import Finding, Scene, read
from doorward.agent.collectors.os_support import supported
from doorward.agent.collectors.versions import version
from doorward.agent.machine import Machine
from doorward.agent.unknown import Unknown

METHOD: Final = "os-release"
_PLACES: Final = ("/etc/os-release", "/usr/lib/os-release")
_ID: Final = re.compile(r"[a-z0-9._-]{1,64}")
_POINT_RELEASE: Final = "/etc/debian_version"


def os_name(scene: Scene) -> Finding:
    """Finding of ID, such as `debian`."""
    return Finding(METHOD, name_of(_release(scene.machine)))


def os_version(scene: Scene) -> Finding:
    """Finding of VERSION_ID; on Debian with the point release."""
    return Finding(METHOD, _version(scene.machine))


def os_supported(scene: Scene) -> Finding:
    """Finding from the table of `os_support`, or SUPPORT_END."""
    release = _release(scene.machine)
    name, found = name_of(release), _version(scene.machine)
    if isinstance(name, Unknown):
        return Finding(METHOD, name)
    text = "" if isinstance(found, Unknown) else found
    return Finding(METHOD, supported(name, text, scene.now, release.get("SUPPORT_END", "")))


def parse_os_release(text: str) -> dict[str, str]:
    """The assignments, without the shell's quotes; lines that are none are left out."""
    found = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and name and not name.startswith("#"):
            found[name] = _unquoted(value)
    return found


def name_of(release: Mapping[str, str]) -> str | Unknown:
    """The ID, where it is one."""
    name = release.get("ID", "")
    return name if _ID.fullmatch(name) else Unknown("os-release does not name the system.")


def version_of(release: Mapping[str, str], point_release: str) -> str | Unknown:
    """The version; `point_release` is /etc/debian_version, which Debian moves with each of them."""
    stated = version(release.get("VERSION_ID", ""))
    if release.get("ID") == "debian" and isinstance(stated, str):
        exact = version(point_release)
        if isinstance(exact, str) and exact.split(".")[0] == stated:
            return exact
    return stated


def _release(machine: Machine) -> dict[str, str]:
    place = next((place for place in _PLACES if machine.exists(place)), _PLACES[0])
    found = read(machine, place, parse_os_release)
    return {} if isinstance(found, Unknown) else found


def _version(machine: Machine) -> str | Unknown:
    point_release = machine.read(_POINT_RELEASE)
    text = "" if isinstance(point_release, Unknown) else point_release
    return version_of(_release(machine), text)


def _unquoted(value: str) -> str:
    try:
        return "".join(shlex.split(value)[:1])
    except ValueError:
        return ""
