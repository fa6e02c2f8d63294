from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from doorward.agent.control import Control, RefusedError, UnansweredError, checked_origin
from doorward.agent.enrolment import Wish, enrol, keep_server_ca
from doorward.agent.key_choice import TpmUse, new_key
from doorward.agent.software_key import SoftwareKey
from doorward.agent.state import StateFolder
from doorward.errors import DoorwardError
from doorward.protocol.agent import EnrolmentRequest, EnrolmentStarted
from tests.fakes.agent_control import FakeControl
from tests.unit.agent_world import world

WISH = Wish(name="laptop", platform="linux", tpm=TpmUse.OFF)


def test_the_owner_gets_a_code_to_type_and_the_agent_asks_until_it_was(tmp_path: Path) -> None:
    shown: list[EnrolmentStarted] = []
    slept: list[float] = []
    with world(tmp_path, FakeControl(polls_until_approved=2)) as made:
        state = enrol(
            made.http, made.folder, WISH, lambda *told: shown.append(told[0]), sleep=slept.append
        )
        assert [item.user_code for item in shown] == ["WDJB-MJHT"]
        assert slept == [3.0, 3.0]  # as control said, each time
        assert state == made.folder.state()
        assert (state.device, state.trust_domain, state.counter) == ("laptop-1", "corp.test", 0)
        key = SoftwareKey.load(made.folder.key)
        assert key.public_der == made.control.devices["laptop-1"].public_key


def test_with_a_code_nobody_is_asked(tmp_path: Path) -> None:
    with world(tmp_path) as made:
        made.enrol(code="let-me-in")
        assert made.control.polls == []


def test_a_wrong_code_leaves_nothing_behind(tmp_path: Path) -> None:
    with world(tmp_path) as made:
        with pytest.raises(RefusedError):
            made.enrol(code="guess")
        assert not made.folder.enrolled()
        assert not made.folder.key.exists()


def test_a_new_enrolment_has_a_new_key_and_the_former_one_stays_until_it_counts(
    tmp_path: Path,
) -> None:
    with world(tmp_path) as made:
        first = made.enrol()
        former = made.folder.key.read_bytes()
        with pytest.raises(RefusedError):
            made.enrol(code="guess")
        assert (made.folder.state(), made.folder.key.read_bytes()) == (first, former)
        second = made.enrol()
        keys = [device.public_key for device in made.control.devices.values()]
        assert first.device != second.device
        assert len(set(keys)) == 2


def test_polls_bridge_an_outage_and_give_up_on_a_long_one(tmp_path: Path) -> None:
    with world(tmp_path) as made:

        def outage(_: float) -> None:
            made.control.lose_messages = 3

        state = enrol(made.http, made.folder, WISH, lambda *_: None, sleep=_once(outage))
        assert state.device == "laptop-1"

        def long_outage(_: float) -> None:
            made.control.lose_messages = 9

        made.control.polls.clear()
        with pytest.raises(UnansweredError):
            enrol(made.http, made.folder, WISH, lambda *_: None, sleep=_once(long_outage))


def _once(act: Callable[[float], None]) -> Callable[[float], None]:
    left = [act]

    def sleep(seconds: float) -> None:
        if left:
            left.pop()(seconds)

    return sleep


def test_what_is_sent_is_what_was_wished(tmp_path: Path) -> None:
    with world(tmp_path) as made:
        made.enrol()
        request = msgspec.json.decode(made.control.seen[0][1], type=EnrolmentRequest)
        assert (request.name, request.platform, request.tpm) == ("laptop", "linux", None)


def test_without_a_tpm_the_key_is_software_unless_one_is_required(tmp_path: Path) -> None:
    missing = tmp_path / "no-tpm"
    assert isinstance(new_key(TpmUse.AUTO, missing), SoftwareKey)
    with pytest.raises(DoorwardError) as caught:
        new_key(TpmUse.REQUIRED, missing)
    assert caught.value.code == "tpm-missing"


@pytest.mark.parametrize(
    "server",
    [
        "http://auth.corp.test",
        "https://auth.corp.test/path",
        "https://user@auth.corp.test",
        "https://auth.corp.test?x=1",
        "ftp://auth.corp.test",
        "auth.corp.test",
        "https://",
        "https://auth.corp.test:0",
        "https://auth.corp.test:port",
        "https://[",
    ],
)
def test_a_server_that_is_none_is_refused(server: str) -> None:
    with pytest.raises(DoorwardError) as caught:
        checked_origin(server)
    assert caught.value.code == "server-invalid"


def test_plain_http_is_for_this_machine() -> None:
    for server in ("http://127.0.0.1:8080", "http://auth.doorward.localhost:8080"):
        assert checked_origin(server) == server
    assert checked_origin("https://auth.corp.test:8443/") == "https://auth.corp.test:8443"


def test_the_servers_ca_is_pinned_once_and_kept(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "state")
    ca = tmp_path / "ca.pem"
    ca.write_text("not a certificate")
    with folder.held():
        assert keep_server_ca(folder, None) is None
        kept = keep_server_ca(folder, ca)
        assert keep_server_ca(folder, None) == kept
        with pytest.raises(DoorwardError) as caught:
            Control("https://auth.corp.test", kept)
        assert caught.value.code == "ca-invalid"
        assert isinstance(caught.value.__cause__, ssl.SSLError)
        with pytest.raises(DoorwardError, match="ca-invalid"):
            keep_server_ca(folder, tmp_path / "none.pem")
