"""`doorward agent`: the program on a device, which gives it an identity and tells its health."""

from __future__ import annotations

import os
import platform
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from doorward.entrypoints.cli.options import AsJson
from doorward.entrypoints.cli.output import print_json, print_table, printable
from doorward.entrypoints.explained import describe
from doorward.errors import DoorwardError
from doorward.model.device import Platform
from doorward.model.posture import FACTS, Fact

if TYPE_CHECKING:
    from doorward.agent.runner import Agent
    from doorward.agent.state import StateFolder
    from doorward.protocol.agent import EnrolmentStarted, Failing

agent_app = typer.Typer(no_args_is_help=True, help="The agent, on a device.")

IDENTITY_ENDED = 3
"""Exit status of an agent whose device must be enrolled again: starting it anew helps nothing."""

State = Annotated[
    Path | None,
    typer.Option("--state", help="The agent's own folder.", show_default=False, file_okay=False),
]
Nss = Annotated[
    Path | None,
    typer.Option(
        "--nss",
        help="The browser's NSS database; ~/.pki/nssdb where there is one.",
        show_default=False,
        file_okay=False,
    ),
]
NoNss = Annotated[bool, typer.Option("--no-nss", help="Leave the browser's database alone.")]

_PLATFORMS: dict[str, Platform] = {"linux": "linux", "darwin": "macos", "win32": "windows"}


class Tpm(StrEnum):
    """Whether the key goes into the TPM."""

    AUTO = "auto"
    OFF = "off"
    REQUIRED = "required"


@agent_app.command()
def enrol(
    server: Annotated[str, typer.Option(help="Where people sign in: https://auth.DOMAIN.")],
    ca: Annotated[
        Path | None,
        typer.Option(help="doorward's server CA (PEM); else the system's are believed."),
    ] = None,
    state: State = None,
    name: Annotated[str, typer.Option(help="What to call the device.")] = "",
    code_file: Annotated[
        Path | None, typer.Option(help="A file with an enrolment code, for want of a person.")
    ] = None,
    ask_code: Annotated[
        bool, typer.Option("--ask-code", help="Ask for an enrolment code.")
    ] = False,
    tpm: Annotated[Tpm, typer.Option(help="Whether the key goes into the TPM.")] = Tpm.AUTO,
    again: Annotated[
        bool, typer.Option("--again", help="Replace the identity that this device has.")
    ] = False,
) -> None:
    """Enrol this device: show a code, and wait until its owner has typed it, signed in."""
    from doorward.agent.control import Control
    from doorward.agent.enrolment import Wish, keep_server_ca
    from doorward.agent.enrolment import enrol as begin
    from doorward.agent.key_choice import TpmUse

    folder = _folder(state)
    wish = Wish(
        name=name or platform.node() or "device",
        platform=_platform(),
        code=_code(code_file, ask=ask_code),
        tpm=TpmUse(tpm.value),
    )
    with folder.held():
        if folder.enrolled() and not again:
            raise DoorwardError(
                "agent-enrolled",
                f"This device is {folder.state().device} already.",
                "To give it a new identity, add --again.",
            )
        with Control(server, keep_server_ca(folder, ca)) as control:
            enrolled = begin(control, folder, wish, _show)
    kept = "in the TPM" if enrolled.storage == "tpm" else f"in {folder.key}"
    typer.echo(f"This device is {enrolled.device}; its key is {kept}.")
    typer.echo("Next: doorward agent run.")


def _show(started: EnrolmentStarted, public_key: bytes) -> None:
    from doorward.protocol.enrolled_key import key_words

    typer.echo(f"Open   {printable(started.url)}")
    typer.echo(f"Type   {printable(started.user_code)}")
    typer.echo(f"Words  {key_words(public_key)}")
    typer.echo("Say yes there only if the page shows these words.")
    typer.echo("Waiting for the device's owner …")


@agent_app.command()
def run(
    state: State = None,
    nss: Nss = None,
    no_nss: NoNss = False,
    workload: Annotated[
        list[str] | None,
        typer.Option(help="SERVICE=FOLDER: keep a certificate of this service there; repeatable."),
    ] = None,
) -> None:
    """Keep certificates fresh and report, until told to stop."""
    from doorward.agent.control import IdentityEndedError

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with _agent(_folder(state), nss, no_nss=no_nss) as agent:
        agent.workloads = dict(map(_workload, workload or []))
        try:
            while not stop.is_set():
                stop.wait(agent.step(time.time()))
        except IdentityEndedError as error:
            sys.stderr.write(f"{describe(error)}\n")
            raise typer.Exit(IDENTITY_ENDED) from error


@agent_app.command()
def report(
    state: State = None, nss: Nss = None, no_nss: NoNss = False, as_json: AsJson = False
) -> None:
    """Get a new certificate and report, once; show what fails."""
    with _agent(_folder(state), nss, no_nss=no_nss) as agent:
        now = time.time()
        agent.renew(now)
        agent.watch.look(now)
        taken = agent.report(now)
    if as_json:
        print_json([_failing(item) for item in taken.failing])
        return
    _print_failing(taken.failing)


@agent_app.command()
def status(state: State = None, as_json: AsJson = False) -> None:
    """Show who this device is, what was reported, and what to repair. Asks nobody."""
    from doorward.agent.certificates import kept_until

    folder = _folder(state)
    who, last = folder.state(), folder.last_report()
    failing = last.failing if last else ()
    if as_json:
        print_json(
            {
                "device": who.device,
                "server": who.server,
                "key": who.storage,
                "ended": who.ended,
                "reported_at": last.at if last else None,
                "certificate_ends_at": kept_until(folder),
                "facts": [_fact(fact) for fact in last.facts] if last else [],
                "failing": [_failing(item) for item in failing],
            }
        )
    else:
        typer.echo(f"device       {printable(who.device)} at {printable(who.server)}")
        typer.echo(f"key          {'TPM' if who.storage == 'tpm' else 'software'}")
        typer.echo(f"certificate  {_until(kept_until(folder))}")
        typer.echo(f"reported     {_moment(last.at) if last else 'not yet'}")
        if who.ended:
            typer.echo(f"ended        {printable(who.ended)}: doorward agent enrol --again")
        _print_failing(failing)
    if who.ended or not all(item.advice for item in failing):
        raise typer.Exit(1)


@agent_app.command()
def facts(as_json: AsJson = False) -> None:
    """Look at this machine and print each fact. Tells nobody."""
    from doorward.agent.machine import ThisMachine
    from doorward.agent.reporting import Watch
    from doorward.agent.state import NoMemory

    found = Watch(ThisMachine(), NoMemory(), _platform()).look(time.time()).values()
    if as_json:
        print_json([_fact(fact) for fact in found])
        return
    print_table(
        ("fact", "value", "by"),
        [(FACTS[fact.name].title, _shown(fact), fact.method) for fact in found],
        "There is no fact.",
    )


@agent_app.command("browser-policy")
def browser_policy(state: State = None) -> None:
    """Print Chromium's policy by which it presents the certificate without asking."""
    import json

    from doorward.agent.browser_policy import browser_policy as policy

    typer.echo(json.dumps(policy(_folder(state)), indent=2))


@contextmanager
def _agent(folder: StateFolder, nss: Path | None, *, no_nss: bool) -> Iterator[Agent]:
    """The agent of the enrolled device, which nobody else runs meanwhile."""
    from doorward.agent.channel import Channel
    from doorward.agent.control import Control
    from doorward.agent.key_choice import kept_key
    from doorward.agent.machine import ThisMachine
    from doorward.agent.nss import BrowserCertificates, default_database
    from doorward.agent.reporting import Watch
    from doorward.agent.runner import Agent

    state = folder.state()
    ca = folder.server_ca if folder.server_ca.exists() else None
    database = None if no_nss else nss or default_database()
    nickname = f"doorward {state.device}"
    with folder.held(), Control(state.server, ca) as control:
        key = kept_key(state, folder)
        yield Agent(
            channel=Channel(control, key, folder, time.time),
            key=key,
            folder=folder,
            watch=Watch(ThisMachine(), folder, _platform()),
            publish=[BrowserCertificates(database, nickname, ca)] if database else [],
            notice=lambda line: typer.echo(printable(line), err=True),
        )


def _folder(state: Path | None) -> StateFolder:
    from doorward.agent.state import StateFolder

    return StateFolder((state or _default_state()).absolute())


def _default_state() -> Path:
    """/var/lib/doorward-agent for root, else a folder of the person's own (XDG)."""
    if os.name == "posix" and os.getuid() == 0:
        return Path("/var/lib/doorward-agent")
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "doorward-agent"


def _workload(text: str) -> tuple[str, Path]:
    service, equals, folder = text.partition("=")
    if not service or not equals or not Path(folder).is_dir():
        raise DoorwardError(
            "workload-invalid",
            f"`{printable(text)}` does not name a service and a folder that is there.",
            "Write --workload SERVICE=FOLDER; the folder's owner will own the key.",
        )
    return service, Path(folder).absolute()


def _platform() -> Platform:
    return _PLATFORMS.get(sys.platform, "other")


def _code(file: Path | None, *, ask: bool) -> str:
    """An enrolment code is a secret: it comes from a file or the keyboard, never as an option."""
    if file is None:
        return str(typer.prompt("Enrolment code", hide_input=True)).strip() if ask else ""
    try:
        return file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise DoorwardError(
            "code-unreadable", f"{file} cannot be read.", "Name a file with the code alone in it."
        ) from error


def _until(ends_at: float | None) -> str:
    if ends_at is None:
        return "none"
    return f"until {_moment(ends_at)}" if ends_at > time.time() else f"ended {_moment(ends_at)}"


def _moment(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(at))


def _fact(fact: Fact) -> dict[str, Any]:
    return {
        "name": fact.name,
        "value": fact.value,
        "at": fact.at,
        "method": fact.method,
        "why": fact.why,
    }


def _failing(item: Failing) -> dict[str, Any]:
    return {
        "policy": item.policy,
        "fact": item.fact,
        "words": item.words,
        "link": item.link,
        "until": item.until,
        "advice": item.advice,
    }


def _shown(fact: Fact) -> str:
    if fact.value is None:
        return f"unknown: {fact.why}"
    if isinstance(fact.value, bool):
        return "yes" if fact.value else "no"
    return ", ".join(fact.value) or "none" if isinstance(fact.value, tuple) else str(fact.value)


def _print_failing(failing: tuple[Failing, ...]) -> None:
    if not failing:
        typer.echo("Nothing is known to be wrong with this device.")
    for item in failing:
        grace = f" (by {_moment(item.until)})" if item.until else ""
        title = "Advice:   " if item.advice else "To repair:"
        typer.echo(f"{title} {printable(item.words or item.fact)}{grace}")
        if item.link:
            typer.echo(f"           {printable(item.link)}")
