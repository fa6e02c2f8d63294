"""Hosts enrol, are assigned by an operator, and lose their place where another could be them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import msgspec
import pytest

from doorward.administrator.authentication import digest
from doorward.administrator.osquery.assign import assign_host, remove_host, unassign_host
from doorward.administrator.osquery.enrol import (
    ALIVE_SECONDS,
    MAX_OF_ONE_NAME,
    Applicant,
    enrol_host,
    platform_of,
)
from doorward.administrator.osquery.hosts import (
    WRITTEN_AT_ONCE,
    WRITTEN_EVERY_SECONDS,
    KnownHost,
    write_hosts,
)
from doorward.administrator.osquery.listing import listed_hosts
from doorward.administrator.osquery.secrets import new_secret, revoke_secret
from doorward.administrator.ports import Store
from doorward.errors import DoorwardError
from doorward.model.ids import DeviceId
from doorward.model.snapshot import change, removal
from doorward.protocol.osquery import Enrolment
from tests.fakes.osquery_client import CONFIG, ENROLL, READ, RequestFailedError
from tests.fakes.osquery_desk import osquery_on
from tests.fakes.osquery_tables import Machine
from tests.unit.osquery_stand import ADDRESS, UUID, Stand


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    stand = Stand()
    async with stand.running():
        yield stand


async def test_a_host_enrols_as_a_candidate_and_describes_itself(stand: Stand) -> None:
    client = stand.client()
    await client.refresh_config()
    (host,) = await stand.hosts()
    assert (host.state, host.device, host.platform) == ("candidate", None, "linux")
    assert (host.identifier, host.name, host.hardware_uuid) == (UUID, "laptop", UUID)
    assert (host.system, host.osquery_version) == ("Debian GNU/Linux 13 (trixie)", "5.23.1")
    assert (host.address, host.enrolled_at) == (ADDRESS, stand.now)
    assert host.key_hash == digest(client.node_key)
    assert len(client.node_key) >= 43, "256 bits in base64"
    (entry,) = await stand.audit("osquery-enrolled")
    assert client.node_key not in str(entry.detail)
    assert stand.secret not in str(entry.detail)


@pytest.mark.parametrize("secret", ["", "wrong", "\x00", "é" * 300])
async def test_without_a_secret_that_holds_nobody_enrols(stand: Stand, secret: str) -> None:
    client = stand.client()
    client.flags.enroll_secret = secret
    with pytest.raises(RequestFailedError):
        await client.refresh_config()
    assert await stand.hosts() == []
    (entry, *_) = await stand.audit("osquery-refused")
    assert entry.detail["why"] == "osquery-secret-wrong"
    assert entry.detail["identifier"] == UUID
    answer = await stand.http.post(ENROLL, json=client.enrolment())
    assert answer.status_code == 403
    assert answer.json()["error"], "osqueryd takes an answer without it for success"


async def test_a_secret_ends_and_is_revoked(stand: Stand) -> None:
    short = await new_secret(stand.control, stand.act, note="", expires_at=stand.now + 60)
    client = stand.client()
    client.flags.enroll_secret = short.plain
    await client.enroll()
    stand.pass_time(60, client)
    with pytest.raises(RequestFailedError):
        await client.enroll()
    (first,) = [entry.target for entry in await stand.audit("osquery-secret-made")][:1]
    await revoke_secret(stand.control, stand.act, first.partition(":")[2])
    client.flags.enroll_secret = stand.secret
    with pytest.raises(RequestFailedError):
        await client.enroll()
    await client.refresh_config()  # Who enrolled before stays.
    with pytest.raises(DoorwardError, match=r"^osquery-secret-unknown:"):
        await revoke_secret(stand.control, stand.act, "oqs_gone")
    with pytest.raises(DoorwardError, match=r"^osquery-secret-invalid:"):
        await new_secret(stand.control, stand.act, note="", expires_at=stand.now)


async def test_a_removed_host_is_told_and_enrols_again(stand: Stand) -> None:
    client = stand.client()
    await stand.assigned(client)
    await client.refresh_config()
    former, host = client.node_key, (await stand.hosts())[0]
    await remove_host(stand.osquery, stand.act, host.id)
    answer = await stand.http.post(CONFIG, json={"node_key": former})
    assert answer.json()["node_invalid"] is True
    assert "schedule" not in answer.json()
    await client.refresh_config()
    assert client.node_key != former
    (again,) = await stand.hosts()
    assert (again.state, again.device) == ("candidate", None)
    assert again.id != host.id


async def test_enrolling_again_rotates_the_key_and_wants_a_new_assignment(stand: Stand) -> None:
    client = stand.client()
    assigned = await stand.assigned(client)
    await client.refresh_config()
    former = client.node_key
    stand.pass_time(ALIVE_SECONDS, client)
    await client.enroll()
    (host,) = await stand.hosts()
    assert (host.id, host.state, host.device) == (assigned.id, "candidate", None)
    assert host.key_hash == digest(client.node_key) != digest(former)
    (_, entry) = await stand.audit("osquery-enrolled")
    assert entry.detail["former_device"] == "laptop"
    answer = await stand.http.post(CONFIG, json={"node_key": former})
    assert answer.json()["node_invalid"] is True


async def test_an_answer_that_was_lost_makes_no_duplicate(stand: Stand) -> None:
    client = stand.client()
    await client.enroll()
    await client.enroll()
    (host,) = await stand.hosts()
    assert host.state == "candidate"
    await client.refresh_config()


async def test_a_copy_of_a_living_host_is_a_duplicate_and_changes_nothing(stand: Stand) -> None:
    client, copy = stand.client(), stand.client()
    await stand.assigned(client)
    await client.refresh_config()
    stand.pass_time(ALIVE_SECONDS - 1, client, copy)
    await copy.refresh_config()
    original, duplicate = await stand.hosts()
    assert (original.state, original.device) == ("assigned", "laptop")
    assert (duplicate.state, duplicate.device) == ("duplicate", None)
    assert await copy.poll_distributed() == {}
    copy.run_schedule()
    await copy.flush()
    assert stand.taking.taken == []
    await client.refresh_config()
    assert client.enrolments == 1
    assert next(item.host.state for item in await listed_hosts(stand.osquery)) == "duplicate"


async def test_a_host_stays_alive_while_it_is_assigned(stand: Stand) -> None:
    client, copy = stand.client(), stand.client()
    await client.refresh_config()
    await stand.device()
    (host,) = await stand.hosts()
    await assign_host(stand.osquery, stand.act, host.id, DeviceId("laptop"))
    await copy.enroll()
    original, duplicate = await stand.hosts()
    assert (original.state, duplicate.state) == ("assigned", "duplicate")


async def test_liveliness_is_remembered_across_processes(stand: Stand) -> None:
    client = stand.client()
    await client.refresh_config()
    assert await write_hosts(stand.control.store, stand.osquery.hosts) == 1
    assert await write_hosts(stand.control.store, stand.osquery.hosts) == 0
    (host,) = await stand.hosts()
    assert host.last_seen_at == stand.now


async def test_many_hosts_are_written_in_turn_and_not_all_the_time(stand: Stand) -> None:
    hosts, store = stand.osquery.hosts, stand.control.store
    client = stand.client()
    await client.refresh_config()
    known = hosts.known((await stand.hosts())[0].id)
    assert known is not None
    for number in range(WRITTEN_AT_ONCE):
        record = msgspec.structs.replace(known.record, id=f"osh_many_{number}")
        hosts.heard(KnownHost(record), stand.now)
    assert [await write_hosts(store, hosts) for _ in range(3)] == [WRITTEN_AT_ONCE, 1, 0]
    hosts.heard(known, stand.now + WRITTEN_EVERY_SECONDS - 1)
    assert await write_hosts(store, hosts) == 0
    hosts.heard(known, stand.now + WRITTEN_EVERY_SECONDS)
    assert await write_hosts(store, hosts) == 1
    assert (await stand.hosts())[0].last_seen_at == stand.now + WRITTEN_EVERY_SECONDS


@pytest.mark.parametrize("act", ["unassigned", "removed", "enrolled again"])
async def test_what_another_process_did_to_a_host_counts_here_soon(stand: Stand, act: str) -> None:
    """Each process keeps what it knows of a host, and compares it where it writes of it."""
    client = stand.client()
    host = await stand.assigned(client)
    await client.refresh_config()
    other = osquery_on(stand.control, stand.taking)
    hosts, key = stand.osquery.hosts, digest(client.node_key)
    if act == "unassigned":
        await unassign_host(other, stand.act, host.id)
    elif act == "removed":
        await remove_host(other, stand.act, host.id)
    else:
        again = Enrolment(host_identifier=UUID, enroll_secret=stand.secret)
        await enrol_host(other, Applicant(again, ADDRESS), stand.now + ALIVE_SECONDS)
    await write_hosts(stand.control.store, hosts)
    found = await hosts.by_key(stand.control.store, key)
    if act == "unassigned":
        assert found is not None
        assert found.record.device is None
    else:
        assert found is None


async def test_what_a_host_answered_is_kept_where_nothing_changed(stand: Stand) -> None:
    client = stand.client()
    await stand.assigned(client)
    await client.refresh_config()
    hosts, key = stand.osquery.hosts, digest(client.node_key)
    before = await hosts.by_key(stand.control.store, key)
    assert await write_hosts(stand.control.store, hosts) == 1
    assert await hosts.by_key(stand.control.store, key) is before


async def test_what_the_store_refuses_is_written_later(stand: Stand) -> None:
    class Away:
        def transaction(self) -> object:
            raise DoorwardError("store-unavailable", "It is away.")

    await stand.client().refresh_config()
    with pytest.raises(DoorwardError):
        await write_hosts(cast("Store", Away()), stand.osquery.hosts)
    assert await write_hosts(stand.control.store, stand.osquery.hosts) == 1


async def test_a_host_that_is_removed_while_it_is_looked_up_stays_removed(stand: Stand) -> None:
    client = stand.client()
    await client.enroll()
    (host,) = await stand.hosts()
    hosts, store = stand.osquery.hosts, stand.control.store

    class Slow:
        @asynccontextmanager
        async def transaction(self) -> AsyncIterator[object]:
            async with store.transaction() as transaction:
                yield transaction
            if await stand.hosts():
                await remove_host(stand.osquery, stand.act, host.id)

    assert await hosts.by_key(cast("Store", Slow()), digest(client.node_key)) is None
    assert await hosts.by_key(store, digest(client.node_key)) is None


async def test_copies_of_one_name_are_bounded(stand: Stand) -> None:
    for _ in range(MAX_OF_ONE_NAME):
        await stand.client().refresh_config()
    crowd = stand.client()
    with pytest.raises(RequestFailedError):
        await crowd.enroll()
    assert len(await stand.hosts()) == MAX_OF_ONE_NAME
    assert (await stand.audit("osquery-refused"))[-1].detail["why"] == "osquery-crowded"


async def test_one_device_has_one_host(stand: Stand) -> None:
    await stand.assigned(stand.client())
    other = stand.client(identifier="other")
    await other.enroll()
    host = (await stand.hosts())[-1]
    with pytest.raises(DoorwardError, match=r"^osquery-device-taken:"):
        await assign_host(stand.osquery, stand.act, host.id, DeviceId("laptop"))
    with pytest.raises(DoorwardError, match=r"^device-unknown:"):
        await assign_host(stand.osquery, stand.act, host.id, DeviceId("nothing"))
    for act in (unassign_host, remove_host):
        with pytest.raises(DoorwardError, match=r"^osquery-host-unknown:"):
            await act(stand.osquery, stand.act, "osh_gone")
    first = next(item for item in await stand.hosts() if item.device)
    await unassign_host(stand.osquery, stand.act, first.id)
    await assign_host(stand.osquery, stand.act, host.id, DeviceId("laptop"))
    assert [entry.actor for entry in await stand.audit("osquery-assigned")] == ["operator"] * 2


async def test_nothing_is_assigned_by_its_name(stand: Stand) -> None:
    device = await stand.device("laptop")
    client = stand.client()
    await client.turn()
    (item,) = await listed_hosts(stand.osquery)
    assert (item.host.state, item.named_alike) == ("candidate", (device.id,))
    assert stand.taking.taken == []


async def test_a_device_that_is_gone_or_enrolled_anew_is_another(stand: Stand) -> None:
    client = stand.client()
    await stand.assigned(client)
    live = stand.control.live
    other = msgspec.structs.replace(live.current.devices[DeviceId("laptop")], key="00" * 32)
    for changed in (change("device", other), removal("device", "laptop")):
        async with stand.control.store.transaction() as transaction:
            await transaction.snapshot.publish([changed])
        client.run_schedule()
        await client.turn()
        assert stand.taking.taken == []
        (item,) = await listed_hosts(stand.osquery)
        assert item.lost


@pytest.mark.parametrize(
    ("header", "body"), [(True, True), (True, False), (False, True)], ids=["both", "header", "body"]
)
async def test_the_key_is_taken_from_the_header_and_from_the_body(
    stand: Stand, *, header: bool, body: bool
) -> None:
    client = stand.client(node_key_header=header, node_key_body=body)
    await client.turn()
    assert client.enrolments == 1


@pytest.mark.parametrize(
    "header",
    ["NodeKey other", "Bearer {key}", "NodeKey", "{key}", "NodeKey {key}x", "Basic {key}"],
)
async def test_a_header_that_does_not_agree_is_no_key(stand: Stand, header: str) -> None:
    client = stand.client()
    await client.enroll()
    sent = {"Authorization": header.format(key=client.node_key)}
    alone = await stand.http.post(READ, json={}, headers=sent)
    assert alone.json()["node_invalid"] is True
    if header.startswith("NodeKey "):
        both = await stand.http.post(READ, json={"node_key": client.node_key}, headers=sent)
        assert both.json()["node_invalid"] is True


async def test_an_address_that_is_refused_too_often_waits(stand: Stand) -> None:
    client = stand.client()
    await client.enroll()
    for _ in range(120):
        await stand.http.post(CONFIG, json={"node_key": "wrong"})
    answer = await stand.http.post(ENROLL, json=client.enrolment())
    assert (answer.status_code, answer.json()["node_invalid"]) == (429, False)
    elsewhere = {"x-forwarded-for": "203.0.113.9"}
    good = await stand.http.post(CONFIG, json={"node_key": client.node_key}, headers=elsewhere)
    assert "schedule" in good.json()
    assert len(await stand.audit("osquery-refused")) <= 10, "a flood does not fill the audit"


@pytest.mark.parametrize(
    ("bits", "named", "expected"),
    [
        ("9", "debian", "linux"),
        (17, "", "macos"),
        ("2", "", "windows"),
        ("", "darwin", "macos"),
        ("", "windows", "windows"),
        ("", "debian", "other"),
        ("4", "freebsd", "other"),
        ("x", "", "other"),
    ],
)
def test_the_platform_is_read_from_what_osquery_says(
    bits: str | int, named: str, expected: str
) -> None:
    assert platform_of(bits, {"platform": named}) == expected


async def test_a_host_without_details_enrols_as_well(stand: Stand) -> None:
    client = stand.client()
    body = {"enroll_secret": stand.secret, "host_identifier": "plain"}
    client.node_key = (await stand.http.post(ENROLL, json=body)).json()["node_key"]
    await client.refresh_config()
    (host,) = await stand.hosts()
    assert (host.platform, host.name) == ("other", "")
    assert Machine("linux").platform in {
        item["platform"] for item in client.config["schedule"].values()
    }
