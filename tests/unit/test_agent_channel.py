from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from doorward.agent.channel import CATCH_UP, Channel
from doorward.agent.control import IdentityEndedError, RefusedError, UnansweredError
from doorward.agent.software_key import SoftwareKey
from doorward.agent.state import StateFolder
from doorward.errors import DoorwardError
from doorward.protocol.agent import DEVICES, Report, Taken
from tests.unit.agent_world import World, world


@pytest.fixture
def enrolled(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        made.enrol()
        yield made


def report(counter: int, nonce: str) -> Report:
    return Report(counter=counter, nonce=nonce, at=0.0, platform="linux", facts=())


def send(channel: Channel) -> Taken:
    return channel.send("reports", report, Taken)


def speaking(world: World) -> Channel:
    """A channel whose first message was answered."""
    channel = world.channel()
    send(channel)
    return channel


def counters(world: World) -> list[int]:
    return [message.counter for message in world.control.accepted]


def bodies(world: World) -> list[bytes]:
    return [body for path, body, _ in world.control.seen if path.endswith("/reports")]


def test_messages_count_up_and_each_holds_the_nonce_of_the_answer_before(enrolled: World) -> None:
    channel = enrolled.channel()
    for _ in range(3):
        send(channel)
    assert counters(enrolled) == [1, 2, 3]
    assert len([path for path, _, _ in enrolled.control.seen if path.endswith("/nonce")]) == 1


def test_a_lost_answer_is_asked_for_again_with_the_same_bytes(enrolled: World) -> None:
    channel = speaking(enrolled)
    enrolled.control.lose_answers = 1
    send(channel)
    first, second = [item for item in enrolled.control.seen if item[0].endswith("/reports")][1:]
    assert first == second
    assert counters(enrolled) == [1, 2]
    send(channel)
    assert counters(enrolled) == [1, 2, 3]


def test_after_two_lost_answers_the_next_message_asks_for_a_nonce(enrolled: World) -> None:
    channel = speaking(enrolled)
    enrolled.control.lose_answers = 2
    with pytest.raises(UnansweredError) as caught:
        send(channel)
    assert caught.value.code == "agent-unanswered"
    send(channel)
    assert counters(enrolled) == [1, 2, 3]


def test_a_message_that_never_arrived_uses_its_counter_up(enrolled: World) -> None:
    channel = speaking(enrolled)
    enrolled.control.lose_messages = 2
    with pytest.raises(UnansweredError):
        send(channel)
    send(channel)
    assert counters(enrolled) == [1, 3]


def test_the_counter_is_on_the_disk_before_the_message_is_sent(enrolled: World) -> None:
    on_disk = []

    def write(counter: int, nonce: str) -> Report:
        state = msgspec.json.decode((enrolled.folder.folder / "state.json").read_bytes())
        on_disk.append(state["counter"])
        return report(counter, nonce)

    enrolled.channel().send("reports", write, Taken)
    assert on_disk == [1]


def test_a_process_that_died_over_a_message_goes_on_with_the_next_counter(enrolled: World) -> None:
    def die(counter: int, nonce: str) -> Report:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        enrolled.channel().send("reports", die, Taken)
    send(enrolled.channel())
    assert counters(enrolled) == [2]


def test_a_stale_nonce_is_replaced_at_once(enrolled: World) -> None:
    channel = enrolled.channel()
    send(channel)
    enrolled.control.lose_nonces()
    send(channel)
    assert counters(enrolled) == [1, 3]
    assert len(set(bodies(enrolled))) == 3


def test_a_state_from_a_backup_catches_up(enrolled: World) -> None:
    send(enrolled.channel())
    backup = (enrolled.folder.folder / "state.json").read_bytes()
    for _ in range(CATCH_UP - 1):
        send(enrolled.channel())
    (enrolled.folder.folder / "state.json").write_bytes(backup)
    send(enrolled.channel())
    assert counters(enrolled) == list(range(1, CATCH_UP + 2))


def test_an_older_state_is_told_that_it_is_behind(enrolled: World) -> None:
    backup = (enrolled.folder.folder / "state.json").read_bytes()
    for _ in range(CATCH_UP + 1):
        send(enrolled.channel())
    (enrolled.folder.folder / "state.json").write_bytes(backup)
    with pytest.raises(RefusedError) as caught:
        send(enrolled.channel())
    assert caught.value.code == "message-replayed"


def test_two_copies_of_one_device_are_both_shut_out(enrolled: World) -> None:
    original, copy = enrolled.channel(), enrolled.channel()
    send(original)
    send(copy)
    for channel in (original, copy):
        with pytest.raises(IdentityEndedError) as caught:
            send(channel)
        assert caught.value.code == "device-cloned"


@pytest.mark.parametrize("code", ["device-suspended", "device-cloned", "device-unknown"])
def test_an_identity_that_ended_is_remembered_and_says_enrol_again(
    enrolled: World, code: str
) -> None:
    channel = enrolled.channel()
    enrolled.control.suspended[channel.state.device] = code
    for anew in (False, True):
        with pytest.raises(IdentityEndedError) as caught:
            send(enrolled.channel() if anew else channel)
        assert caught.value.code == code
        assert "enrol" in caught.value.remedy.lower()
    assert len(enrolled.control.seen) == 2  # the enrolment and one message
    assert enrolled.folder.state().ended == code


@pytest.mark.parametrize(
    "said",
    [
        (500, b'{"code":"internal-error","detail":"x"}'),
        (503, b"<html>no healthy upstream</html>"),
        (429, b'{"code":"too-many-requests","detail":"x"}'),
        (404, b"not here"),
        (302, b""),
        (200, b"[]"),
        (200, b"\xff"),
        (200, b'{"nonce":1}'),
        (200, b"[" * 5000),
        (200, b" " * 300_000),
    ],
)
def test_no_answer_of_a_server_costs_the_identity(enrolled: World, said: tuple[int, bytes]) -> None:
    channel = enrolled.channel()
    enrolled.control.say = said
    with pytest.raises(UnansweredError):
        send(channel)
    enrolled.control.say = None
    send(channel)
    assert enrolled.folder.state().ended == ""


def test_another_refusal_is_told_and_the_next_message_goes_out(enrolled: World) -> None:
    channel = enrolled.channel()
    enrolled.control.say = (400, b'{"code":"message-malformed","detail":"No.","remedy":"x"}')
    with pytest.raises(RefusedError) as caught:
        send(channel)
    assert caught.value.code == "message-malformed"
    enrolled.control.say = None
    send(channel)


def test_two_agents_do_not_share_one_state(enrolled: World) -> None:
    with (
        pytest.raises(DoorwardError) as caught,
        StateFolder(enrolled.folder.folder).held(),
    ):
        raise AssertionError
    assert caught.value.code == "agent-running"


def test_what_is_kept_is_for_its_owner_alone(enrolled: World) -> None:
    folder = enrolled.folder
    assert folder.folder.stat().st_mode & 0o777 == 0o700
    for name in ("identity.key", "state.json"):
        assert (folder.folder / name).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"{}", b"not JSON", b'{"server":1}'])
def test_a_broken_state_is_an_error_that_says_so(enrolled: World, content: bytes) -> None:
    (enrolled.folder.folder / "state.json").write_bytes(content)
    with pytest.raises(DoorwardError) as caught:
        enrolled.channel()
    assert caught.value.code == "agent-state-unusable"


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n", None])
def test_a_broken_key_is_an_error_that_says_so(enrolled: World, content: bytes | None) -> None:
    enrolled.folder.key.unlink()
    if content is not None:
        enrolled.folder.key.write_bytes(content)
    with pytest.raises(DoorwardError) as caught:
        SoftwareKey.load(enrolled.folder.key)
    assert caught.value.code == "agent-key-unusable"


def test_messages_go_to_the_devices_own_path(enrolled: World) -> None:
    send(enrolled.channel())
    paths: list[Any] = [path for path, _, _ in enrolled.control.seen]
    assert paths[-1] == f"{DEVICES}/laptop-1/reports"
