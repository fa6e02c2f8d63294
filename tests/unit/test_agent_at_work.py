from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from doorward.agent.browser_policy import browser_policy
from doorward.agent.certificates import TlsIdentity
from doorward.agent.control import IdentityEndedError
from doorward.agent.reporting import SLOW_SECONDS
from doorward.agent.runner import JITTER, LOOK_SECONDS, MAX_RETRY_SECONDS, Agent, Task
from doorward.errors import DoorwardError
from doorward.model.posture import FACTS
from doorward.protocol.agent import CertificateRequest, Failing, Report
from tests.unit.agent_world import LISTENING, SS, World, world

OPEN_MORE = f"{LISTENING}tcp LISTEN 0 1 0.0.0.0:23 0.0.0.0:*\n"


@pytest.fixture
def enrolled(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        made.enrol()
        yield made


class Clock:
    """Runs an agent step by step, and control's clock with it."""

    def __init__(self, world: World, agent: Agent) -> None:
        self._world = world
        self.agent = agent

    def run(self, seconds: float) -> None:
        end = self._world.control.now + seconds
        while self._world.control.now < end:
            wait = self.agent.step(self._world.control.now)
            assert 0 < wait <= LOOK_SECONDS
            self._world.control.now += wait


def reports(world: World) -> list[Report]:
    return [item for item in world.control.accepted if isinstance(item, Report)]


def requests(world: World) -> list[CertificateRequest]:
    return [item for item in world.control.accepted if isinstance(item, CertificateRequest)]


def test_the_first_step_gets_a_certificate_and_reports_every_fact(enrolled: World) -> None:
    enrolled.agent().step(enrolled.control.now)
    [sent] = reports(enrolled)
    assert {fact.name for fact in sent.facts} == FACTS.keys()
    assert sent.platform == "linux"
    assert len(requests(enrolled)) == 1
    assert enrolled.notices == []


def test_reports_go_out_when_control_wants_them(enrolled: World) -> None:
    enrolled.control.next_in_seconds = 60.0
    Clock(enrolled, enrolled.agent()).run(250)
    times = [item.at for item in reports(enrolled)]
    assert len(times) == 5
    assert all(59 < later - earlier < 61 for earlier, later in pairwise(times))


def test_a_changed_fact_is_reported_at_once(enrolled: World) -> None:
    clock = Clock(enrolled, enrolled.agent())
    clock.run(60)
    assert len(reports(enrolled)) == 1
    enrolled.machine.commands[SS] = OPEN_MORE
    clock.run(LOOK_SECONDS + 1)
    latest = reports(enrolled)[-1]
    assert len(reports(enrolled)) == 2
    assert ("tcp/22", "tcp/23") in [fact.value for fact in latest.facts]


def test_a_clients_udp_port_waits_for_the_next_report(enrolled: World) -> None:
    clock = Clock(enrolled, enrolled.agent())
    clock.run(60)
    enrolled.machine.commands[SS] = f"{LISTENING}udp UNCONN 0 0 0.0.0.0:50123 0.0.0.0:*\n"
    clock.run(60)
    assert len(reports(enrolled)) == 1
    enrolled.machine.commands[SS] = f"{LISTENING}udp UNCONN 0 0 0.0.0.0:5353 0.0.0.0:*\n"
    clock.run(LOOK_SECONDS + 1)
    assert len(reports(enrolled)) == 2


def test_slow_facts_are_looked_at_now_and_then_and_after_packages_changed(enrolled: World) -> None:
    agent = enrolled.agent()
    enrolled.machine.files["/usr/bin/dnf"] = ""
    clock = Clock(enrolled, agent)

    def looks() -> int:
        return sum(line.startswith("dnf ") for line in enrolled.machine.asked)

    clock.run(300)
    assert looks() == 1
    enrolled.machine.modified["/var/lib/rpm/rpmdb.sqlite"] = 1.0
    clock.run(60)
    assert looks() == 2
    clock.run(SLOW_SECONDS + 60)
    assert looks() == 3


def test_certificates_are_renewed_before_half_life_with_a_new_key(enrolled: World) -> None:
    clock = Clock(enrolled, enrolled.agent())
    clock.run(30)
    first = enrolled.folder.certificate.read_bytes()
    clock.run(1800 * (1 - JITTER) - 60)
    assert len(requests(enrolled)) == 1
    clock.run(1800 * JITTER + 60)
    assert len(requests(enrolled)) == 2
    keys = {
        x509.load_der_x509_csr(item.csr)
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        for item in requests(enrolled)
    }
    enrolled_keys = {device.public_key for device in enrolled.control.devices.values()}
    assert len(keys | enrolled_keys) == 3
    assert enrolled.folder.certificate.read_bytes() != first


def test_services_on_the_device_get_certificates_of_their_own(
    enrolled: World, tmp_path: Path
) -> None:
    agent = enrolled.agent()
    agent.workloads = {"billing": tmp_path, "elsewhere": tmp_path / "none"}
    clock = Clock(enrolled, agent)
    clock.run(30)
    certificate = x509.load_pem_x509_certificate((tmp_path / "certificate.pem").read_bytes())
    key = serialization.load_pem_private_key((tmp_path / "key.pem").read_bytes(), password=None)
    assert key.public_key() == certificate.public_key()
    assert (tmp_path / "key.pem").stat().st_mode & 0o777 == 0o600
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    assert uris == ["spiffe://corp.test/service/billing"]
    assert [line.partition(":")[0] for line in enrolled.notices] == ["workload-not-here"]
    assert len(reports(enrolled)) == 1
    clock.run(1800)
    renewed = x509.load_pem_x509_certificate((tmp_path / "certificate.pem").read_bytes())
    assert renewed.serial_number != certificate.serial_number


def test_the_files_belong_together_and_the_key_is_private(enrolled: World) -> None:
    enrolled.agent().step(enrolled.control.now)
    certificate = x509.load_pem_x509_certificate(enrolled.folder.certificate.read_bytes())
    key = serialization.load_pem_private_key(
        enrolled.folder.certificate_key.read_bytes(), password=None
    )
    assert key.public_key() == certificate.public_key()
    assert enrolled.folder.certificate_key.stat().st_mode & 0o777 == 0o600


def test_a_clock_that_runs_ahead_does_not_renew_all_the_time(enrolled: World) -> None:
    agent = enrolled.agent()
    ahead = enrolled.control.now + 7200
    for second in range(20):
        if agent.renewing.due(ahead + second):
            agent.renew(ahead + second)
    assert len(requests(enrolled)) == 1


def test_a_clock_that_was_set_back_stops_nothing() -> None:
    task = Task()
    task.done(10_300.0, 10_000.0)
    assert not task.due(10_000.0)
    assert task.due(100.0)


def test_another_devices_certificate_is_refused(enrolled: World) -> None:
    enrolled.control.forged_uri = "spiffe://corp.test/device/other/" + "0" * 64
    with pytest.raises(DoorwardError) as caught:
        enrolled.agent().renew(enrolled.control.now)
    assert caught.value.code == "certificate-unusable"
    assert not enrolled.folder.certificate.exists()


def test_an_outage_is_told_once_and_ends_by_itself(enrolled: World) -> None:
    clock = Clock(enrolled, enrolled.agent())
    clock.run(30)
    enrolled.control.say = (503, b"no healthy upstream")
    enrolled.control.next_in_seconds = 300.0
    clock.run(900)
    assert len(reports(enrolled)) == 1
    assert len(enrolled.notices) == 1
    enrolled.control.say = None
    clock.run(MAX_RETRY_SECONDS + LOOK_SECONDS)
    assert len(reports(enrolled)) >= 2


def test_retries_come_later_and_later_and_not_too_late() -> None:
    task = Task()
    waits = []
    for _ in range(30):
        task.failed(0.0, 1.0)
        waits.append(task.at)
    assert waits[:4] == [2.0, 4.0, 8.0, 16.0]
    assert max(waits) == MAX_RETRY_SECONDS


def test_a_device_that_counts_no_more_ends_the_agent(enrolled: World) -> None:
    agent = enrolled.agent()
    agent.step(enrolled.control.now)
    enrolled.control.forget(agent.channel.state.device)
    enrolled.control.now += 301
    with pytest.raises(IdentityEndedError):
        agent.step(enrolled.control.now)


def test_what_fails_is_kept_for_the_person(enrolled: World) -> None:
    failing = Failing(
        policy="laptops", fact="firewall", words="Turn it on.", link="https://x.test", until=0.0
    )
    enrolled.control.failing = (failing,)
    enrolled.agent().step(enrolled.control.now)
    last = enrolled.folder.last_report()
    assert last is not None
    assert last.failing == (failing,)
    assert {fact.name for fact in last.facts} == FACTS.keys()


def test_a_browser_that_cannot_be_told_costs_nothing_else(enrolled: World) -> None:
    agent = enrolled.agent()
    told: list[TlsIdentity] = []

    def broken(identity: TlsIdentity) -> None:
        raise DoorwardError("nss-failed", "No.", "Yes.")

    agent.publish = [broken, told.append]
    agent.step(enrolled.control.now)
    assert len(told) == 1
    assert len(reports(enrolled)) == 1
    assert enrolled.notices == ["nss-failed: No. Yes."]


def test_the_browsers_policy_names_the_domain_and_the_issuer(enrolled: World) -> None:
    with pytest.raises(DoorwardError) as caught:
        browser_policy(enrolled.folder)
    assert caught.value.code == "agent-uncertified"
    enrolled.agent().step(enrolled.control.now)
    policy: dict[str, Any] = browser_policy(enrolled.folder)
    [rule] = policy["AutoSelectCertificateForUrls"]
    assert rule == (
        '{"pattern": "https://[*.]corp.test", '
        '"filter": {"ISSUER": {"CN": "doorward device CA corp.test"}}}'
    )
