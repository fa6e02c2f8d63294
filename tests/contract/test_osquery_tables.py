"""What is kept of osquery's hosts, on every store."""

from __future__ import annotations

import msgspec

from doorward.administrator.fleet.osquery_ports import OsqueryHost, OsquerySecret
from doorward.administrator.ports import Store
from doorward.model.ids import DeviceId

ROLLOUT = OsquerySecret(id="oqs_2", hash="ab", note="roll-out", created_at=1.5)
SHORT = OsquerySecret(id="oqs_1", hash="cd", note="", created_at=2.5, expires_at=9.5)
LAPTOP = OsqueryHost(
    id="osh_1",
    key_hash="ef",
    secret="oqs_2",
    identifier="4c4c4544",
    state="assigned",
    platform="linux",
    name="laptop",
    hardware_uuid="4c4c4544",
    hardware_serial="7XK2",
    system="Debian GNU/Linux 13",
    osquery_version="5.23.1",
    address="192.0.2.7",
    enrolled_at=3.5,
    device=DeviceId("laptop"),
    device_key="12",
)
COPY = msgspec.structs.replace(
    LAPTOP,
    id="osh_0",
    key_hash="gh",
    state="duplicate",
    enrolled_at=4.5,
    device=None,
    device_key="",
    last_seen_at=5.5,
)


async def test_secrets_are_found_by_their_hash_until_they_are_revoked(store: Store) -> None:
    async with store.transaction() as transaction:
        secrets = transaction.devices.osquery.secrets
        await secrets.put(SHORT)
        await secrets.put(ROLLOUT)
    async with store.transaction() as transaction:
        secrets = transaction.devices.osquery.secrets
        assert await secrets.all() == [ROLLOUT, SHORT]
        assert await secrets.by_hash("cd") == SHORT
        assert await secrets.by_hash("") is None
        assert await secrets.remove(SHORT.id)
        assert not await secrets.remove(SHORT.id)
        assert await secrets.by_hash("cd") is None


async def test_hosts_are_found_by_key_and_by_what_they_call_themselves(store: Store) -> None:
    async with store.transaction() as transaction:
        hosts = transaction.devices.osquery.hosts
        await hosts.put(COPY)
        await hosts.put(LAPTOP)
    rotated = msgspec.structs.replace(LAPTOP, key_hash="ij")
    async with store.transaction() as transaction:
        hosts = transaction.devices.osquery.hosts
        assert await hosts.all() == [COPY, LAPTOP]
        assert await hosts.of_identifier("4c4c4544") == [LAPTOP, COPY]
        assert await hosts.of_identifier("other") == []
        assert await hosts.by_key("ef") == LAPTOP
        await hosts.put(rotated)
        assert await hosts.by_key("ef") is None
        assert await hosts.by_key("ij") == rotated == await hosts.get(LAPTOP.id)
        assert await hosts.remove(COPY.id)
        assert not await hosts.remove(COPY.id)
        assert await hosts.get(COPY.id) is None


async def test_when_a_host_was_heard_of_moves_forward_only(store: Store) -> None:
    async with store.transaction() as transaction:
        hosts = transaction.devices.osquery.hosts
        await hosts.put(COPY)
        await hosts.put(LAPTOP)
        await hosts.seen({LAPTOP.id: 7.5, COPY.id: 1.0, "gone": 8.0})
        await hosts.seen({})
    async with store.transaction() as transaction:
        heard = msgspec.structs.replace(LAPTOP, last_seen_at=7.5)
        assert await transaction.devices.osquery.hosts.all() == [COPY, heard]
