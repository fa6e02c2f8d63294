"""Open streams: taken over once, decided again when touched, cut when denied."""

from __future__ import annotations

import msgspec
import pytest

from doorward.entrypoints.relay.streams import Streams, most_streams
from doorward.model.device import Device
from doorward.model.estate import Group, Policy, User
from doorward.model.identity import Standing
from doorward.model.ids import DeviceId, GroupId, PolicyId, UserId
from doorward.model.snapshot import Change, change, removal
from tests.fakes.certificates import certificate, header_of, key_of, workload_certificate
from tests.unit.gateway_world import BEARER, SESSION, World, header, hosted, signed_in

DISABLED = change("standing", Standing(id=UserId("alice"), disabled=True))
LAPTOP = header_of(certificate("laptop"))


class Connection:
    """Stands for a relay connection."""

    def __init__(self) -> None:
        self.cut = 0

    def close(self) -> None:
        self.cut += 1


def opened(world: World, **headers: str) -> str:
    return header(world.ask(**(headers or signed_in()), upgrade="websocket"), "doorward-stream")


async def change_world(world: World, *changes: Change) -> int:
    before = world.snapshot
    world.publish(*changes)
    touched = world.streams.touched_by(changes, before)
    await world.streams.decide_again(touched)
    return len(touched)


async def test_a_stream_is_taken_once() -> None:
    world = World()
    stream_id = opened(world)
    assert world.streams.take("guess", Connection().close) is None
    stream = world.streams.take(stream_id, Connection().close)
    assert stream is not None
    assert world.streams.take(stream_id, Connection().close) is None
    world.streams.forget(stream)
    assert len(world.streams) == 0


async def test_one_asker_leaves_room_for_others() -> None:
    world = World()
    world.streams = Streams(world.point, world.clock.elapsed, 8)
    world.authorizer = world.authorizing(world.streams)
    held = [opened(world) for _ in range(2)]
    refused = world.ask(**signed_in(), upgrade="websocket")
    assert (refused.status, len(world.streams)) == (403, 2)
    service = opened(world, authorization=BEARER)
    stream = world.streams.take(held[0], Connection().close)
    assert stream is not None
    world.streams.forget(stream)
    world.streams.forget(stream)
    assert opened(world)
    assert world.ask(**signed_in(), upgrade="websocket").status == 403
    await change_world(world, DISABLED)
    assert [item.id for item in world.streams.all()] == [service]
    await change_world(world, removal("standing", "alice"))
    assert opened(world)


@pytest.mark.parametrize(
    ("descriptors", "streams"), [(1024, 320), (20_000, 6645), (1_048_576, 20_000), (50, 0)]
)
def test_there_are_no_more_streams_than_descriptors_for_them(
    descriptors: int, streams: int
) -> None:
    assert most_streams(descriptors) == streams


async def test_a_pending_stream_expires() -> None:
    world = World()
    stream_id = opened(world)
    world.clock.time += 11
    await world.streams.tick(world.clock.time)
    assert world.streams.take(stream_id, Connection().close) is None


@pytest.mark.parametrize(
    "act",
    [
        removal("session", SESSION.id),
        DISABLED,
        removal("user", "alice"),
        removal("policy", "everyone-wiki"),
        removal("resource", "wiki"),
    ],
)
async def test_whatever_turns_the_answer_cuts_the_stream(act: Change) -> None:
    world = World()
    connection = Connection()
    assert world.streams.take(opened(world), connection.close)
    assert await change_world(world, act) == 1
    assert connection.cut == 1
    assert len(world.streams) == 0
    record = world.log.records[-1]
    assert (record.source, record.outcome) == ("stream", "deny")
    assert record.decision == world.log.records[0].id


async def test_a_change_that_keeps_the_answer_keeps_the_stream() -> None:
    world = World()
    connection = Connection()
    assert world.streams.take(opened(world), connection.close)
    await change_world(world, change("group", Group(id=GroupId("g"), name="G")))
    assert connection.cut == 0
    assert world.log.records[-1].outcome == "allow"


async def test_a_change_that_touches_nobody_decides_nothing_again() -> None:
    world = World()
    opened(world)
    assert await change_world(world, removal("session", "ses_other")) == 0
    assert await change_world(world, change("standing", Standing(id=UserId("carol")))) == 0
    assert await change_world(world, removal("cookie", "0" * 64)) == 0


@pytest.mark.parametrize(
    ("condition", "risky"),
    [
        ("resource.owner.risk >= 50", "bob"),
        ('User::"carol".risk >= 50', "carol"),
        ('Resource::"payroll".owner.risk >= 50', "bob"),
    ],
)
async def test_a_risk_that_is_not_the_askers_cuts_the_stream(condition: str, risky: str) -> None:
    world = World()
    world.publish(
        change("user", User(id=UserId("carol"), name="Carol", email="carol@example.org")),
        change(
            "policy",
            Policy(
                id=PolicyId("careful"),
                text=f'@id("careful") forbid(principal, action, resource) when {{ {condition} }};',
                file="careful.cedar",
                line=1,
            ),
        ),
    )
    connection = Connection()
    assert world.streams.take(opened(world), connection.close)
    await change_world(world, change("standing", Standing(id=UserId(risky), risk=60)))
    assert connection.cut == 1


async def test_a_stream_that_is_still_pending_can_be_revoked() -> None:
    world = World()
    stream_id = opened(world)
    await change_world(world, DISABLED)
    assert world.streams.take(stream_id, Connection().close) is None


async def test_a_revoked_token_cuts_its_streams() -> None:
    world = World()
    connection = Connection()
    assert world.streams.take(opened(world, authorization=BEARER), connection.close)
    await change_world(world, removal("service_token", "dwt_1"))
    assert connection.cut == 1


async def test_a_device_touches_its_streams_by_the_name_in_its_certificate() -> None:
    device = Device(id=DeviceId("laptop"), owner=UserId("alice"), key=key_of("laptop"))
    world = World()
    opened(world, **signed_in(doorward_check_certificate=LAPTOP))
    assert await change_world(world, change("device", device)) == 1
    assert await change_world(world, removal("device", "laptop")) == 1


@pytest.mark.parametrize("act", ["removed", "suspended", "not a host"])
async def test_a_service_s_stream_ends_with_its_host(act: str) -> None:
    world = World()
    mill = hosted(world)
    shown = header_of(workload_certificate("backup", "mill"))
    connection = Connection()
    assert world.streams.take(opened(world, doorward_check_certificate=shown), connection.close)
    device, service = world.snapshot.devices[mill], world.snapshot.services["backup"]
    acts = {
        "removed": removal("device", mill),
        "suspended": change("device", msgspec.structs.replace(device, suspended="lost")),
        "not a host": change("service", msgspec.structs.replace(service, hosts=())),
    }
    assert await change_world(world, acts[act]) == 1
    assert connection.cut == 1
    assert world.log.records[-1].reason == "workload-refused"


async def test_time_alone_cuts_at_the_session_end() -> None:
    world = World()
    connection = Connection()
    assert world.streams.take(opened(world), connection.close)
    await world.streams.tick(world.clock.time + 1)
    assert len(world.log.records) == 1
    world.clock.time = SESSION.expires_at
    await world.streams.tick(world.clock.time)
    assert connection.cut == 1


async def test_a_resource_that_moved_ends_its_streams() -> None:
    world = World()
    connection = Connection()
    assert world.streams.take(opened(world), connection.close)
    wiki = world.snapshot.resources["wiki"]
    moved = type(wiki)(
        id=wiki.id,
        name=wiki.name,
        host=wiki.host,
        upstream="http://127.0.0.1:10",
        label=wiki.label,
        owner=wiki.owner,
    )
    await change_world(world, change("resource", moved))
    assert connection.cut == 1


async def test_an_unwritable_log_cuts() -> None:
    world = World()
    connection = Connection()
    assert world.streams.take(opened(world), connection.close)
    world.log.broken = True
    await world.streams.decide_again(world.streams.all())
    assert connection.cut == 1


async def test_a_new_policy_that_forbids_cuts_many() -> None:
    world = World()
    connections = [Connection() for _ in range(60)]
    for connection in connections:
        assert world.streams.take(opened(world), connection.close)
    forbid = Policy(
        id=PolicyId("no"), text='@id("no")\nforbid(principal, action, resource);', file="f", line=1
    )
    assert await change_world(world, change("policy", forbid)) == 60
    assert {connection.cut for connection in connections} == {1}


async def test_what_the_browser_says_is_use_of_its_session_and_told_once() -> None:
    world = World()
    stream = world.streams.take(opened(world), Connection().close)
    assert stream is not None
    assert world.streams.spoken() == ()
    world.streams.spoke(stream)
    world.streams.spoke(stream)
    assert world.streams.spoken() == (SESSION.id,)
    assert world.streams.spoken() == ()
    world.streams.not_told((SESSION.id,))
    assert world.streams.spoken() == (SESSION.id,)


async def test_a_stream_of_a_service_is_nobodys_session() -> None:
    world = World()
    stream = world.streams.take(opened(world, authorization=BEARER), Connection().close)
    assert stream is not None
    world.streams.spoke(stream)
    assert world.streams.spoken() == ()
