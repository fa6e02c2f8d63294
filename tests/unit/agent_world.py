"""An agent, enrolled at a control plane of the tests' own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from doorward.agent.channel import Channel
from doorward.agent.control import Control
from doorward.agent.enrolment import Wish, enrol
from doorward.agent.key_choice import TpmUse
from doorward.agent.reporting import Watch
from doorward.agent.runner import Agent
from doorward.agent.software_key import SoftwareKey
from doorward.agent.state import AgentState, StateFolder
from tests.fakes.agent_control import FakeControl
from tests.fakes.machine import RecordedMachine

SS = "ss -H -t -u -l -n"
LISTENING = "tcp LISTEN 0 1 0.0.0.0:22 0.0.0.0:*\n"


@dataclass
class World:
    control: FakeControl
    folder: StateFolder
    machine: RecordedMachine
    notices: list[str]
    http: Control

    def enrol(self, code: str = "let-me-in") -> AgentState:
        wish = Wish(name="laptop", platform="linux", code=code, tpm=TpmUse.OFF)
        return enrol(self.http, self.folder, wish, lambda *_: None, sleep=lambda *_: None)

    def channel(self) -> Channel:
        """As a process that was started anew would have it."""
        key = SoftwareKey.load(self.folder.key)
        return Channel(self.http, key, self.folder, lambda: self.control.now)

    def agent(self) -> Agent:
        return Agent(
            channel=self.channel(),
            key=SoftwareKey.load(self.folder.key),
            folder=self.folder,
            watch=Watch(self.machine, self.folder, "linux"),
            notice=self.notices.append,
            spread=lambda: 0.5,
        )


@contextmanager
def world(folder: Path, control: FakeControl | None = None) -> Iterator[World]:
    control = control or FakeControl()
    machine = RecordedMachine({SS: LISTENING})
    with Control("http://auth.corp.localhost", transport=control.transport()) as http:
        state = StateFolder(folder / "state")
        with state.held():
            yield World(control, state, machine, [], http)
