"""screen-lock: whether each graphical session locks by itself, within a quarter of an hour.

Asked for every graphical session that logind knows, as the person it belongs to. A machine where
nobody is signed in at a screen is unknown, and so is a desktop that is not in the tables: what
cannot be asked does not pass.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from doorward.agent.collectors.finding import MAX_IDLE_SECONDS, Finding, Scene, ask
from doorward.agent.machine import Machine
from doorward.agent.unknown import Unknown

SESSIONS: Final = ("loginctl", "list-sessions", "--no-legend")
SHOW: Final = ("loginctl", "show-session")
OWN_ID: Final = ("id", "-u")
_PROPERTIES: Final = ("Name", "User", "Type", "Class", "Desktop", "State")
_GRAPHICAL: Final = frozenset({"x11", "wayland", "mir"})
_GSETTINGS: Mapping[str, tuple[str, str]] = {
    "gnome": ("org.gnome.desktop.screensaver", "org.gnome.desktop.session"),
    "ubuntu": ("org.gnome.desktop.screensaver", "org.gnome.desktop.session"),
    "pop": ("org.gnome.desktop.screensaver", "org.gnome.desktop.session"),
    "cinnamon": ("org.cinnamon.desktop.screensaver", "org.cinnamon.desktop.session"),
}
"""The schemas of lock and idle time, by the first word of the desktop's name."""
_KDE: Final = frozenset({"kde", "plasma", "plasmawayland"})
_KREADCONFIG: Final = ("kreadconfig6", "kreadconfig5")
_KDE_DEFAULTS: Final = {"Autolock": "true", "Timeout": "5", "LockGrace": "5"}
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9._-]{0,63}\$?")


class Session(NamedTuple):
    """Somebody signed in at a screen."""

    user: str
    uid: str
    desktop: str


def screen_lock(scene: Scene) -> Finding:
    """Finding over all graphical sessions: True only where each of them locks."""
    sessions = _sessions(scene.machine)
    if isinstance(sessions, Unknown):
        return Finding("loginctl", sessions)
    if not sessions:
        return Finding("loginctl", Unknown("Nobody is signed in at a screen."))
    findings = [_locks(scene.machine, session) for session in sessions]
    open_ones = [finding for finding in findings if finding.answer is False]
    unknown = [finding for finding in findings if isinstance(finding.answer, Unknown)]
    return (open_ones or unknown or findings)[0]


def parse_sessions(text: str) -> list[str]:
    """The ids in what `loginctl list-sessions` prints."""
    ids = [line.split()[0] for line in text.splitlines() if line.split()]
    return [item for item in ids if re.fullmatch(r"[A-Za-z0-9_]{1,32}", item)][:64]


def parse_session(text: str) -> Session | None:
    """A session of a person with a screen; None for one without, and for the greeter's."""
    found = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    graphical = found.get("Type") in _GRAPHICAL and found.get("Class", "").startswith("user")
    if not graphical or found.get("State") == "closed":
        return None
    return Session(found.get("Name", ""), found.get("User", ""), found.get("Desktop", ""))


def parse_gsettings(lock: str, idle: str, delay: str) -> bool | Unknown:
    """`lock-enabled`, `idle-delay` and `lock-delay`, as GVariant text."""
    seconds = [_uint32(text) for text in (idle, delay)]
    if lock.strip() not in {"true", "false"} or None in seconds:
        return Unknown("What gsettings printed is not understood.")
    idle_seconds, delay_seconds = (second or 0 for second in seconds)
    locks = lock.strip() == "true" and idle_seconds > 0
    return locks and idle_seconds + delay_seconds <= MAX_IDLE_SECONDS


def parse_kscreenlocker(autolock: str, timeout: str, grace: str) -> bool | Unknown:
    """`Autolock`, `Timeout` in minutes and `LockGrace` in seconds, of kscreenlockerrc."""
    numbers = [text.strip() for text in (timeout, grace)]
    if autolock.strip() not in {"true", "false"} or not all(map(_small_number, numbers)):
        return Unknown("What kreadconfig printed is not understood.")
    minutes, seconds = map(int, numbers)
    locks = autolock.strip() == "true" and minutes > 0
    return locks and minutes * 60 + seconds <= MAX_IDLE_SECONDS


def _sessions(machine: Machine) -> list[Session] | Unknown:
    ids = ask(machine, SESSIONS, parse_sessions)
    if isinstance(ids, Unknown):
        return ids
    flags = [f"--property={name}" for name in _PROPERTIES]
    sessions = []
    for item in ids:
        text = machine.run((*SHOW, item, *flags), 10)
        if isinstance(text, Unknown):
            return text
        if text.status != 0:
            return Unknown("loginctl does not tell of every session.")
        session = parse_session(text.text)
        if session is not None:
            sessions.append(session)
    return sessions


def _locks(machine: Machine, session: Session) -> Finding:
    desktop = session.desktop.lower()
    first = re.split(r"[:\-_ ]", desktop)[0]
    if _NAME.fullmatch(session.user) is None or not _small_number(session.uid):
        return Finding("loginctl", Unknown("Whose screen it is is not known."))
    if first in _KDE:
        return Finding("kscreenlocker", _kde(machine, session))
    for name in (first, *desktop.split(":")):
        if name in _GSETTINGS:
            return Finding("gsettings", _gsettings(machine, session, *_GSETTINGS[name]))
    return Finding("loginctl", Unknown("How this desktop locks its screen is not known."))


def _gsettings(machine: Machine, session: Session, lock: str, idle: str) -> bool | Unknown:
    keys = ((lock, "lock-enabled"), (idle, "idle-delay"), (lock, "lock-delay"))
    return _asked_as(machine, session, [("gsettings", "get", *key) for key in keys])


def _kde(machine: Machine, session: Session) -> bool | Unknown:
    program = next((item for item in _KREADCONFIG if machine.exists(f"/usr/bin/{item}")), None)
    if program is None:
        return Unknown("kreadconfig is not there.")
    read = (program, "--file", "kscreenlockerrc", "--group", "Daemon")
    commands = [(*read, "--key", key, "--default", value) for key, value in _KDE_DEFAULTS.items()]
    return _asked_as(machine, session, commands)


def _asked_as(
    machine: Machine, session: Session, commands: Sequence[Sequence[str]]
) -> bool | Unknown:
    """What the person's own settings say; root asks in their name."""
    parse = parse_gsettings if commands[0][0] == "gsettings" else parse_kscreenlocker
    prefix = _as_person(machine, session)
    if isinstance(prefix, Unknown):
        return prefix
    texts = []
    for command in commands:
        output = machine.run((*prefix, *command), 10)
        if isinstance(output, Unknown):
            return output
        if output.status != 0:
            return Unknown(f"{command[0]} failed with status {output.status}.")
        texts.append(output.text.strip())
    return parse(*texts)


def _as_person(machine: Machine, session: Session) -> tuple[str, ...] | Unknown:
    """What stands before a command so that it reads the person's settings, not root's."""
    own = ask(machine, OWN_ID, str.strip)
    if own == session.uid:
        return ()
    if own != "0":
        return Unknown("Somebody else is signed in at a screen, whose settings cannot be read.")
    home = ask(machine, ("getent", "passwd", session.uid), parse_home)
    if isinstance(home, Unknown):
        return home
    bus = f"DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/{session.uid}/bus"
    return ("runuser", "-u", session.user, "--", "env", f"HOME={home}", bus)


def parse_home(text: str) -> str | Unknown:
    """The home folder in a line of passwd(5)."""
    fields = text.strip().split(":")
    home = fields[5] if len(fields) == 7 else ""  # noqa: PLR2004
    return home if home.startswith("/") else Unknown("A person's home folder is not known.")


def _uint32(text: str) -> int | None:
    found = re.fullmatch(r"(?:uint32 )?(\d{1,10})", text.strip(), re.ASCII)
    return int(found[1]) if found else None


def _small_number(text: str) -> bool:
    return re.fullmatch(r"\d{1,10}", text, re.ASCII) is not None
