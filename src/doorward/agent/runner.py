"""The agent at work: certificates renewed, facts looked at and reported, until it is told to stop.

Nothing that control or the network does ends it, but the end of the device's identity.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from doorward.agent import certificates
from doorward.agent.certificates import TlsIdentity
from doorward.agent.channel import Channel
from doorward.agent.control import IdentityEndedError
from doorward.agent.keys import DeviceKey
from doorward.agent.reporting import Watch, report, telling
from doorward.agent.state import LastReport, StateFolder
from doorward.errors import DoorwardError
from doorward.model.ids import UnixSeconds
from doorward.model.posture import Fact, FactName
from doorward.protocol.agent import Taken

LOOK_SECONDS: Final = 20
RETRY_SECONDS: Final = 2.0
MAX_RETRY_SECONDS: Final = 300.0
MIN_RENEWAL_SECONDS: Final = 30.0
MAX_INTERVAL_SECONDS: Final = 3600.0
JITTER: Final = 0.1
"""So much of the time until a renewal is due may it come earlier: fleets do not renew as one."""

Notice = Callable[[str], None]


@dataclass(slots=True)
class Task:
    """Something that is due at `at`; failures in a row put it off longer and longer."""

    at: UnixSeconds = 0
    failures: int = 0

    def due(self, now: UnixSeconds) -> bool:
        """Also where the clock was set back: `at` would else be far away."""
        return now >= self.at or self.at - now > MAX_INTERVAL_SECONDS

    def done(self, next_at: UnixSeconds, now: UnixSeconds) -> None:
        self.failures = 0
        self.at = min(next_at, now + MAX_INTERVAL_SECONDS)

    def failed(self, now: UnixSeconds, spread: float) -> None:
        """`spread` is 0 to 1: agents that one outage stopped do not come back as one."""
        wait = min(RETRY_SECONDS * 2**self.failures, MAX_RETRY_SECONDS)
        self.failures = min(self.failures + 1, 16)
        self.at = now + wait * (0.5 + spread / 2)


@dataclass(slots=True)
class Agent:
    """One device at work. `publish` hands out a new certificate; `notice` tells a person.

    `workloads` are the services that run here, with the folder for the certificate of each.
    """

    channel: Channel
    key: DeviceKey
    folder: StateFolder
    watch: Watch
    workloads: Mapping[str, Path] = field(default_factory=dict)
    publish: Sequence[Callable[[TlsIdentity], None]] = ()
    notice: Notice = print
    spread: Callable[[], float] = random.random
    reported: Mapping[FactName, Fact] = field(default_factory=dict)
    looking: Task = field(default_factory=Task)
    reporting: Task = field(default_factory=Task)
    renewing: Task = field(default_factory=Task)
    serving: dict[str, Task] = field(default_factory=dict)

    def step(self, now: UnixSeconds) -> float:
        """Do what is due, and say for how many seconds nothing else is.

        Raises IdentityEndedError.
        """
        if self.renewing.due(now):
            self._try(self.renewing, self.renew, now)
        for service in self.workloads:
            task = self.serving.setdefault(service, Task())
            if task.due(now):
                self._try(task, partial(self.renew_workload, service), now)
        if self.looking.due(now) or self.reporting.due(now):
            facts = self.watch.look(now)
            self.looking.done(now + LOOK_SECONDS, now)
            changed = self.reporting.failures == 0 and telling(self.reported, facts)
            if changed or self.reporting.due(now):
                self._try(self.reporting, self.report, now)
        tasks = (self.looking, self.reporting, self.renewing, *self.serving.values())
        next_at = min(task.at for task in tasks)
        return min(max(next_at - now, 0.1), LOOK_SECONDS)

    def renew(self, now: UnixSeconds) -> None:
        """Get the next certificate and hand it out."""
        identity = certificates.renew(self.channel, self.key.public_der)
        certificates.keep(self.folder, identity)
        self.renewing.done(self._next(identity, now), now)
        for publish in self.publish:
            try:
                publish(identity)
            except DoorwardError as error:
                self.notice(_line(error))

    def renew_workload(self, service: str, now: UnixSeconds) -> None:
        """Get the next certificate of a service."""
        identity = certificates.renew_workload(self.channel, service)
        certificates.keep_workload(self.workloads[service], identity)
        self.serving[service].done(self._next(identity, now), now)

    def _next(self, identity: TlsIdentity, now: UnixSeconds) -> UnixSeconds:
        early = self.spread() * JITTER * max(0.0, identity.renew_at - now)
        return max(identity.renew_at - early, now + MIN_RENEWAL_SECONDS)

    def report(self, now: UnixSeconds) -> Taken:
        """Report the facts as they were seen last."""
        facts = dict(self.watch.facts)
        taken = report(self.channel, self.key, self.watch.platform, facts, now)
        self.reporting.done(now + max(taken.next_in_seconds, 1.0), now)
        self.reported = facts
        self.folder.keep_report(
            LastReport(at=now, facts=tuple(facts.values()), failing=taken.failing)
        )
        return taken

    def _try(self, task: Task, act: Callable[[UnixSeconds], object], now: UnixSeconds) -> None:
        try:
            act(now)
        except IdentityEndedError:
            raise
        except DoorwardError as error:
            if task.failures == 0:
                self.notice(_line(error))
            task.failed(now, self.spread())


def _line(error: DoorwardError) -> str:
    return f"{error.code}: {error.detail} {error.remedy}".rstrip()
