from __future__ import annotations

from typing import Any

import pytest

from doorward.agent.collectors.linux.screen_lock import SESSIONS
from doorward.agent.machine import Output
from tests.fakes.machine import RecordedMachine, found

FLAGS = " ".join(f"--property={n}" for n in ("Name", "User", "Type", "Class", "Desktop", "State"))


def session(desktop: str, *, kind: str = "wayland", of: str = "user", user: str = "alice") -> str:
    return f"Name={user}\nUser=1000\nType={kind}\nClass={of}\nDesktop={desktop}\nState=active\n"


def machine(*sessions: str, own: str = "1000", **commands: str) -> RecordedMachine:
    ids = "".join(f"  {number} 1000 alice seat0\n" for number in range(len(sessions)))
    shown = {f"loginctl show-session {n} {FLAGS}": text for n, text in enumerate(sessions)}
    return RecordedMachine({" ".join(SESSIONS): ids, "id -u": f"{own}\n", **shown, **commands})


def gnome(lock: str, idle: str, delay: str, prefix: str = "") -> dict[str, str]:
    schema = "org.gnome.desktop"
    return {
        f"{prefix}gsettings get {schema}.screensaver lock-enabled": lock,
        f"{prefix}gsettings get {schema}.session idle-delay": idle,
        f"{prefix}gsettings get {schema}.screensaver lock-delay": delay,
    }


def locks(recorded: RecordedMachine) -> Any:
    return found("linux", recorded, "screen-lock").value


@pytest.mark.parametrize(
    ("lock", "idle", "delay", "expected"),
    [
        ("true\n", "uint32 300\n", "uint32 0\n", True),
        ("true", "uint32 600", "uint32 300", True),
        ("true", "uint32 600", "uint32 301", False),
        ("true", "uint32 0", "uint32 0", False),
        ("false", "uint32 300", "uint32 0", False),
        ("yes", "uint32 300", "uint32 0", None),
        ("true", "soon", "uint32 0", None),
    ],
)
def test_gnome_locks_within_a_quarter_of_an_hour(
    lock: str, idle: str, delay: str, expected: bool | None
) -> None:
    for desktop in ("gnome", "ubuntu:GNOME", "gnome-classic"):
        assert locks(machine(session(desktop), **gnome(lock, idle, delay))) is expected


def test_a_session_of_which_nothing_is_told_makes_it_unknown() -> None:
    recorded = machine(
        session("gnome"), session("gnome"), **gnome("true", "uint32 300", "uint32 0")
    )
    assert locks(recorded) is True
    recorded.commands[f"loginctl show-session 1 {FLAGS}"] = Output(1, "")
    assert locks(recorded) is None


def test_root_asks_in_the_persons_name_with_their_home() -> None:
    prefix = (
        "runuser -u alice -- env HOME=/home/alice "
        "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus "
    )
    commands = gnome("true", "uint32 300", "uint32 0", prefix)
    passwd = {"getent passwd 1000": "alice:x:1000:1000::/home/alice:/bin/sh\n"}
    assert locks(machine(session("gnome"), own="0", **commands, **passwd)) is True
    assert locks(machine(session("gnome"), own="0", **commands)) is None


def test_somebody_elses_screen_is_unknown_to_an_ordinary_user() -> None:
    commands = gnome("true", "uint32 300", "uint32 0")
    assert locks(machine(session("gnome"), own="1001", **commands)) is None


@pytest.mark.parametrize(
    ("autolock", "timeout", "expected"),
    [("true", "5", True), ("true", "20", False), ("false", "5", False), ("true", "x", None)],
)
def test_kde_locks_by_kscreenlocker(autolock: str, timeout: str, expected: bool | None) -> None:
    read = "kreadconfig6 --file kscreenlockerrc --group Daemon --key"
    recorded = machine(
        session("KDE"),
        **{
            f"{read} Autolock --default true": autolock,
            f"{read} Timeout --default 5": timeout,
            f"{read} LockGrace --default 5": "5",
        },
    )
    assert locks(recorded) is None
    recorded.files["/usr/bin/kreadconfig6"] = ""
    assert locks(recorded) is expected


def test_every_session_must_lock() -> None:
    settings = gnome("true", "uint32 300", "uint32 0")
    assert locks(machine(session("gnome"), session("sway"), **settings)) is None
    opened = gnome("false", "uint32 300", "uint32 0")
    assert locks(machine(session("sway"), session("gnome"), **opened)) is False


@pytest.mark.parametrize(
    "sessions",
    [
        [],
        [session("", kind="tty")],
        [session("gnome", of="greeter")],
        [session("sway")],
        [session("gnome", user="$(reboot)")],
    ],
    ids=["nobody", "text", "greeter", "another desktop", "no name"],
)
def test_what_cannot_be_asked_is_unknown(sessions: list[str]) -> None:
    assert locks(machine(*sessions, **gnome("true", "uint32 300", "uint32 0"))) is None


def test_no_logind_is_unknown() -> None:
    assert locks(RecordedMachine()) is None
