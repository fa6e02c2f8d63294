"""The agent on this very machine: real commands, a real NSS database, TLS, processes, a TPM."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner, Result

from doorward.adapters import ca
from doorward.agent.certificates import keep, renew
from doorward.agent.channel import Channel
from doorward.agent.collectors.collect import collect
from doorward.agent.collectors.tables import LINUX
from doorward.agent.control import Control, UnansweredError
from doorward.agent.enrolment import Wish, enrol
from doorward.agent.key_choice import TpmUse, kept_key
from doorward.agent.machine import ThisMachine
from doorward.agent.nss import CA_NICKNAME, BrowserCertificates, NssDatabase
from doorward.agent.reporting import Watch, report
from doorward.agent.state import AgentState, LastReport, NoMemory, StateFolder
from doorward.agent.unknown import Unknown
from doorward.entrypoints.cli.agent import agent_app
from doorward.errors import DoorwardError
from doorward.model.ids import DeviceId
from doorward.model.posture import FACTS, fits
from doorward.protocol.agent import Failing, Report
from doorward.protocol.tpm.attest import parse_attest
from doorward.protocol.tpm.binding import quoted_data
from tests.fakes.agent_control import FakeControl
from tests.integration.agent_stand import served
from tests.integration.software_tpm import Foundry, SoftwareTpm
from tests.tools import require_tool


@pytest.mark.skipif(sys.platform != "linux", reason="Linux collectors")
def test_every_fact_is_found_here_or_unknown_with_its_why() -> None:
    with socket.socket() as outside, socket.socket() as inside:
        outside.bind(("0.0.0.0", 0))
        inside.bind(("127.0.0.1", 0))
        outside.listen()
        inside.listen()
        facts = collect(LINUX, ThisMachine(), NoMemory(), time.time())
        ports = [item.getsockname()[1] for item in (outside, inside)]
    assert facts.keys() == FACTS.keys()
    for fact in facts.values():
        assert fits(fact)
        assert (fact.value is None) == bool(fact.why)
        assert "failed to look" not in fact.why
    listeners = facts["listeners"].value
    assert isinstance(listeners, tuple)
    assert [f"tcp/{port}" in listeners for port in ports] == [True, False]
    known = {name for name, fact in facts.items() if fact.value is not None}
    assert known >= {"os-name", "os-version", "extra-uid0-accounts", "agent-version"}


def test_commands_and_files_are_bounded_and_never_raise(tmp_path: Path) -> None:
    machine = ThisMachine()
    slow = machine.run([sys.executable, "-c", "import time; time.sleep(9)"], 0.2)
    assert isinstance(slow, Unknown)
    much = machine.run([sys.executable, "-c", "print('x' * 5_000_000)"], 20)
    assert isinstance(much, Unknown)
    assert isinstance(machine.run(["no-such-command"], 1), Unknown)
    assert isinstance(machine.run(["\x00"], 1), Unknown)
    assert isinstance(machine.read("\x00"), Unknown)
    assert isinstance(machine.read(str(tmp_path)), Unknown)
    (tmp_path / "long").write_bytes(b"x" * 5_000_000)
    assert isinstance(machine.read(str(tmp_path / "long")), Unknown)
    assert machine.modified_at("\x00") is None
    assert machine.names(str(tmp_path / "none")) == ()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[StateFolder]:
    state = StateFolder(tmp_path / "state")
    with state.held():
        yield state


def test_a_browsers_database_holds_one_certificate_the_newest(
    folder: StateFolder, tmp_path: Path
) -> None:
    require_tool("certutil")
    require_tool("pk12util")
    server_ca = tmp_path / "server-ca.pem"
    server_ca.write_bytes(ca.create_authority("server CA", time.time()).certificate)
    control = FakeControl(now=time.time())
    sql = ["-d", f"sql:{tmp_path / 'nss'}"]
    database = NssDatabase(tmp_path / "nss")
    publish = BrowserCertificates(tmp_path / "nss", "doorward laptop-1", server_ca)
    with Control("http://auth.corp.localhost", transport=control.transport()) as http:
        wish = Wish(name="laptop", platform="linux", code=control.code, tpm=TpmUse.OFF)
        key = kept_key(enrol(http, folder, wish, lambda *_: None), folder)
        channel = Channel(http, key, folder, time.time)
        for left in (None, "certificate and key", "key alone"):
            if left == "key alone":
                subprocess.run(["certutil", "-D", *sql, "-n", "doorward laptop-1"], check=True)
            identity = renew(channel, key.public_der)
            keep(folder, identity)
            publish(identity)
    assert database.nicknames().count("doorward laptop-1") == 1
    assert database.nicknames().count(CA_NICKNAME) == 1
    shown = subprocess.run(
        ["certutil", "-L", *sql, "-n", "doorward laptop-1", "-a"], capture_output=True, check=True
    )
    assert b"".join(shown.stdout.split()) == b"".join(folder.certificate.read_bytes().split())
    keys = subprocess.run(["certutil", "-K", *sql], capture_output=True, text=True, check=True)
    assert keys.stdout.count("<") == 1
    trust = subprocess.run(["certutil", "-L", *sql], capture_output=True, text=True, check=True)
    [row] = [line for line in trust.stdout.splitlines() if CA_NICKNAME in line]
    assert row.split()[-1] == "C,,"


def tls_of(authority: ca.KeyPair, folder: Path) -> ssl.SSLContext:
    pair = ca.issue_server(authority, ["auth.corp.localhost"], time.time())
    (folder / "tls.pem").write_bytes(pair.certificate)
    (folder / "tls.key").write_bytes(pair.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "tls.pem", folder / "tls.key")
    return context


def test_only_the_pinned_authority_is_believed(folder: StateFolder, tmp_path: Path) -> None:
    ours, other = (ca.create_authority(name, time.time()) for name in ("ours", "other"))
    (tmp_path / "ours.pem").write_bytes(ours.certificate)
    (tmp_path / "other.pem").write_bytes(other.certificate)
    control = FakeControl(now=time.time())
    wish = Wish(name="laptop", platform="linux", code=control.code, tpm=TpmUse.OFF)
    with served(control, tls_of(ours, tmp_path)) as port:
        server = f"https://auth.corp.localhost:{port}"
        for wrong in (tmp_path / "other.pem", None):
            with (
                Control(server, wrong) as http,
                pytest.raises(UnansweredError, match="not from the CA"),
            ):
                enrol(http, folder, wish, lambda *_: None)
        another = f"https://elsewhere.corp.localhost:{port}"
        with (
            Control(another, tmp_path / "ours.pem") as http,
            pytest.raises(UnansweredError, match="certificate"),
        ):
            enrol(http, folder, wish, lambda *_: None)
        assert control.seen == []
        with Control(server, tmp_path / "ours.pem") as http:
            assert enrol(http, folder, wish, lambda *_: None).device == "laptop-1"


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Result]]:
    monkeypatch.setenv("HOME", str(tmp_path))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    state = str(tmp_path / "state")
    yield lambda *words: CliRunner().invoke(agent_app, [*words, "--state", state])
    for number, handler in handlers.items():
        signal.signal(number, handler)


def code_of(result: Result) -> str:
    assert isinstance(result.exception, DoorwardError), result.output
    return result.exception.code


def test_the_commands_take_a_device_from_enrolment_to_its_end(
    cli: Callable[..., Result], tmp_path: Path
) -> None:
    control = FakeControl(now=time.time())
    file = tmp_path / "code"
    file.write_text(f"{control.code}\n")
    assert code_of(cli("status")) == "agent-not-enrolled"
    with served(control) as port:
        server = f"http://127.0.0.1:{port}"
        arguments = ["enrol", "--server", server, "--code-file", str(file), "--tpm", "off"]
        done = cli(*arguments)
        assert "This device is laptop-1" in done.output
        assert control.code not in done.output
        assert code_of(cli(*arguments)) == "agent-enrolled"
        program = [sys.executable, "-m", "doorward.entrypoints.cli.app", "agent", "run"]
        process = subprocess.Popen([*program, "--state", str(tmp_path / "state")])
        deadline = time.monotonic() + 60
        while len(control.accepted) < 2:
            assert time.monotonic() < deadline, "the agent did not report"
            time.sleep(0.05)
        assert code_of(cli("report")) == "agent-running"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        shown = cli("status", "--json")
        status = json.loads(shown.output)
        assert (shown.exit_code, status["device"], status["ended"]) == (0, "laptop-1", "")
        assert {fact["name"] for fact in status["facts"]} == FACTS.keys()
        assert status["certificate_ends_at"] > time.time()
        assert "https://[*.]corp.test" in cli("browser-policy").output
        control.forget("laptop-1")
        ended = cli("run")
        assert (ended.exit_code, "Enrol it again" in ended.stderr) == (3, True)
        ended = cli("status")
        assert (ended.exit_code, "device-unknown" in ended.output) == (1, True)


def test_what_fails_is_told_with_words_and_link(cli: Callable[..., Result], tmp_path: Path) -> None:
    words, link = "Turn the firewall on.\x1b[2J", "https://help.corp.test/firewall"
    failing = Failing(policy="p", fact="firewall", words=words, link=link, until=0.0)
    folder = StateFolder(tmp_path / "state")
    with folder.held():
        state = AgentState(
            server="https://x", device=DeviceId("d"), trust_domain="x", storage="software"
        )
        folder.save(state)
        folder.keep_report(LastReport(at=time.time(), facts=(), failing=(failing,)))
    shown = cli("status")
    assert shown.exit_code == 1
    assert "Turn the firewall on." in shown.output
    assert link in shown.output
    assert "\x1b" not in shown.output


@pytest.fixture
def tpm(tmp_path: Path) -> Iterator[SoftwareTpm]:
    require_tool("swtpm")
    require_tool("swtpm_setup")
    made = Foundry(tmp_path / "foundry").make("laptop")
    made.on()
    yield made
    made.off()


def test_a_device_with_a_tpm_signs_and_quotes_with_it(
    folder: StateFolder, tpm: SoftwareTpm
) -> None:
    control = FakeControl(now=time.time())
    wish = Wish("laptop", "linux", control.code, TpmUse.REQUIRED, tpm.path)
    with Control("http://auth.corp.localhost", transport=control.transport()) as http:
        state = enrol(http, folder, wish, lambda *_: None)
        assert state.storage == "tpm"
        assert not folder.key.exists()
        request = msgspec.json.decode(control.seen[0][1])
        assert request["tpm"]["ek_certificate"]
        key = kept_key(folder.state(), folder, tpm.path)
        channel = Channel(http, key, folder, time.time)
        watch = Watch(ThisMachine(), NoMemory(), "other")
        now = time.time()
        report(channel, key, watch.platform, watch.look(now), now)
    [sent] = control.accepted
    assert isinstance(sent, Report)
    assert sent.quote is not None
    assert parse_attest(sent.quote.attest).extra_data == quoted_data(sent)
