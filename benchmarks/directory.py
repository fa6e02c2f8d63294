"""The directory at scale: `python -m benchmarks.directory`.

A whole doorward (control, gateway, Envoy as processes) on a store of 100,000 people and 10,000
groups. It is loaded when control and gateway start: the time counts from their start until the
gateway enforces the snapshot. Then SCIM filters are asked for through the gateway, one after the
other on one connection, each with a value of its own: the time counts until the whole answer, a
page of up to 100 resources, is there. Last, what it costs to change members of the largest group.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import msgspec
import sqlalchemy
from sqlalchemy import insert

from benchmarks import directory_data as data
from benchmarks.installation import PORTS, Installation
from doorward.adapters.store.directory import columns
from doorward.adapters.store.migrate import upgrade
from doorward.adapters.store.store import open_store
from doorward.adapters.store.tables import (
    directory_address,
    directory_body,
    directory_entry,
    directory_member,
)
from doorward.administrator.directory.entries import Entry, folded
from doorward.administrator.provisioning import projection
from doorward.config import DataFolder, load_control
from doorward.entrypoints.cli.init import initialise
from doorward.entrypoints.scim.documents import body_of, details_of
from doorward.estate import parse_estate
from doorward.model.identity import ServiceToken
from doorward.model.ids import ResourceId, ServiceId, ServiceTokenId
from doorward.model.snapshot import Change, change
from tests.tools import free_ports

ROUNDS = 150
"""How often each kind of filter is asked for."""
_MEMBER_ROUNDS = 30
_READY_SECONDS = 120.0
_BATCH = 5_000
_SECRET = "benchmark-secret-of-the-provisioning-service"
_ESTATE = """\
[[label]]
id = "internal"
name = "Internal"
sensitivity = 10
[[user]]
id = "owner"
name = "Owner"
email = "owner@example.org"
[[service]]
id = "idp"
name = "Identity provider"
[[resource]]
id = "directory"
name = "Directory"
host = "directory"
upstream = "scim"
label = "internal"
owner = "owner"
"""
_POLICY = '@id("idp")\npermit (principal == Service::"idp", action, resource);\n'


def measure(people: int = data.PEOPLE, groups: int = data.GROUPS) -> dict[str, object]:
    """The figures; `scim_filter_p99_ms` is the worst of the filters' own."""
    with tempfile.TemporaryDirectory(prefix="doorward-bench-") as folder:
        root, port = DataFolder(Path(folder) / "data"), free_ports(PORTS)
        initialise(root, domain="doorward.localhost", port=port, organisation="example")
        url = root.store_url(load_control(root.settings))
        _say(f"filling a store with {people} people and {groups} groups")
        seconds = _fill(url, people, groups)
        installation = Installation(root, port, 0, 0, {})
        try:
            load = _load(installation, url)
            with _client(port) as client:
                _say("asking for filters")
                filters = _filters(client, people, groups)
                _say("changing members of the largest group")
                members = _members(client, people)
        finally:
            for process in reversed(installation.processes.values()):
                process.terminate()
            for process in installation.processes.values():
                process.wait(30)
    return {
        "people": people,
        "groups": groups,
        **load,
        "publish_s": round(seconds, 2),
        "scim_filter_p99_ms": max(figures["p99_ms"] for figures in filters.values()),
        "scim_filters": filters,
        "group_member_change_p50_ms": members,
    }


def _fill(url: str, people: int, groups: int) -> float:
    """Write the directory and its projection; the seconds that publishing the latter took."""
    upgrade(url)
    memberships: dict[int, list[str]] = {}
    rows: dict[sqlalchemy.Table, list[dict[str, object]]] = {}
    changes: list[Change] = []
    names: list[str] = []
    for group, document, members in data.groups(groups, people):
        details = _entry(rows, "group", group, document)
        changes.append(change("group", projection.group(group, details, ())))
        for member in members:
            memberships.setdefault(member, []).append(group)
    for number, person in enumerate(data.people(people)):
        details = _entry(rows, "user", person.id, person.document)
        inside = memberships.get(number, [])
        changes.append(change("user", projection.person(person.id, details, inside)))
        names.append(person.id)
    rows[directory_member] = [
        {"group_id": group, "member_id": names[member], "kind": "user"}
        for member, inside in memberships.items()
        for group in inside
    ]
    engine = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        for table, values in rows.items():
            for start in range(0, len(values), _BATCH):
                connection.execute(insert(table), values[start : start + _BATCH])
    engine.dispose()
    return asyncio.run(_publish(url, [*_declared(), *changes]))


def _entry(
    rows: dict[sqlalchemy.Table, list[dict[str, object]]],
    kind: str,
    entry_id: str,
    document: dict[str, object],
) -> projection.Details:
    details = details_of(document)
    entry = Entry(
        kind="user" if kind == "user" else "group",
        id=entry_id,
        body=body_of(document),
        version=1,
        created=1_790_000_000.0 + len(rows.get(directory_entry, ())),
        modified=1_790_000_000.0 + len(rows.get(directory_entry, ())),
        changed_by="service:idp",
    )
    rows.setdefault(directory_entry, []).append(columns(entry, details))
    rows.setdefault(directory_body, []).append({"id": entry_id, "body": entry.body.decode()})
    rows.setdefault(directory_address, []).extend(
        {
            "id": entry_id,
            "position": position,
            "value": folded(address.value),
            "type": folded(address.type),
        }
        for position, address in enumerate(details.addresses)
    )
    return details


def _declared() -> list[Change]:
    files = {"estate.toml": _ESTATE, "policies.cedar": _POLICY}
    now = time.time()
    token = ServiceToken(
        id=ServiceTokenId("dwt_benchmark"),
        service=ServiceId("idp"),
        secret_hash=hashlib.sha256(_SECRET.encode()).hexdigest(),
        resources=(ResourceId("directory"),),
        issued_at=now,
        expires_at=now + 86_400,
    )
    declared = [
        change(kind, document)
        for kind, documents in parse_estate(files).documents.items()
        for document in documents.values()
    ]
    return [*declared, change("service_token", token)]


async def _publish(url: str, changes: list[Change]) -> float:
    store = open_store(url)
    started = time.monotonic()
    async with store.transaction() as transaction:
        await transaction.snapshot.publish(changes)
    seconds = time.monotonic() - started
    await store.close()
    return seconds


def _load(installation: Installation, url: str) -> dict[str, object]:
    """From nothing running to a gateway that enforces all of it, and the store's part alone."""
    _say("loading")
    loaded = asyncio.run(_loaded(url))
    gc.collect()
    started = time.monotonic()
    for name in ("control", "gateway"):
        installation.start(name)
    path = str(installation.folder.api_socket)
    while not Path(path).exists():
        time.sleep(0.05)
    with httpx.Client(transport=httpx.HTTPTransport(uds=path), base_url="http://x") as api:
        while not _well(api):
            if time.monotonic() - started > _READY_SECONDS:
                raise RuntimeError((installation.folder.root / "processes.log").read_text())
            time.sleep(0.05)
    return {
        "directory_load_s": round(time.monotonic() - started, 2),
        "store_load_s": round(loaded, 2),
    }


def _well(api: httpx.Client) -> bool:
    status = api.get("/api/v1/status", timeout=60).json()
    return bool(status["ok"] and status["snapshot"])


async def _loaded(url: str) -> float:
    store = open_store(url)
    started = time.monotonic()
    await store.load()
    seconds = time.monotonic() - started
    await store.close()
    return seconds


def _client(port: int) -> httpx.Client:
    return httpx.Client(
        base_url=f"http://127.0.0.1:{port}/scim/v2",
        headers={
            "host": f"directory.doorward.localhost:{port}",
            "authorization": f"Bearer dwt_benchmark.{_SECRET}",
        },
        timeout=60,
    )


def _filters(client: httpx.Client, people: int, groups: int) -> dict[str, dict[str, float]]:
    chance = random.Random(7)
    some = chance.sample(list(data.people(people)), 500)
    units = [(group, document) for group, document, _ in data.groups(groups, people)]

    def person() -> dict[str, object]:
        return chance.choice(some).document

    kinds: dict[str, tuple[str, Callable[[], str]]] = {
        "userName eq": ("Users", lambda: f'userName eq "{person()["userName"]}"'),
        "externalId eq": ("Users", lambda: f'externalId eq "{person()["externalId"]}"'),
        "emails.value eq": ("Users", lambda: f'emails.value eq "{_address(person())}"'),
        "emails[type eq work]": (
            "Users",
            lambda: f'emails[type eq "work" and value eq "{_address(person())}"]',
        ),
        "displayName co": (
            "Users",
            lambda: f'displayName co "{chance.choice((*data.GIVEN, *data.FAMILY))[:4]}"',
        ),
        "userName sw": ("Users", lambda: f'userName sw "u0{chance.randrange(1000):03d}"'),
        "active eq": ("Users", lambda: f"active eq {chance.choice(('true', 'false'))}"),
        "active and familyName": (
            "Users",
            lambda: f'active eq true and name.familyName eq "{chance.choice(data.FAMILY)}"',
        ),
        "meta.lastModified gt": (
            "Users",
            lambda: f'meta.lastModified gt "2026-09-{chance.randrange(21, 23)}T12:00:00Z"',
        ),
        "groups.value eq": ("Users", lambda: f'groups.value eq "{chance.choice(units)[0]}"'),
        "group displayName eq": (
            "Groups",
            lambda: f'displayName eq "{chance.choice(units)[1]["displayName"]}"',
        ),
        "everyone, sorted": ("Users", lambda: ""),
    }
    figures = {}
    for name, (endpoint, text) in kinds.items():
        times, found = [], 0
        for _ in range(ROUNDS):
            asked = {"filter": text(), "count": "100", "startIndex": "1"}
            if not asked["filter"]:
                asked = {"sortBy": "name.familyName", "count": "100"}
            if endpoint == "Groups":
                asked["excludedAttributes"] = "members"
            started = time.perf_counter()
            answer = client.get(f"/{endpoint}", params=asked)
            times.append((time.perf_counter() - started) * 1000)
            answer.raise_for_status()
            found += len(msgspec.json.decode(answer.content)["Resources"])
        if not found:
            raise RuntimeError(f"nothing was found by {name}")
        cuts = statistics.quantiles(times, n=100, method="inclusive")
        figures[name] = {
            "p50_ms": round(cuts[49], 1),
            "p99_ms": round(cuts[98], 1),
            "found": round(found / ROUNDS, 1),
        }
        _say(f"  {name}: {figures[name]}")
    return figures


def _address(document: dict[str, object]) -> str:
    emails = document["emails"]
    assert isinstance(emails, list)
    return str(emails[0]["value"])


def _members(client: httpx.Client, people: int) -> float:
    """Milliseconds to put one person into the largest group, and to take them out again."""
    group, _, members = next(iter(data.groups(1, people)))
    outside = next(number for number in range(people) if number not in set(members))
    person = f"u{outside:06d}@example.com"
    operations = (
        {"op": "add", "path": "members", "value": [{"value": person}]},
        {"op": "remove", "path": f'members[value eq "{person}"]'},
    )
    times = []
    for number in range(_MEMBER_ROUNDS):
        body = {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [operations[number % 2]],
        }
        started = time.perf_counter()
        client.patch(f"/Groups/{group}", json=body).raise_for_status()
        times.append((time.perf_counter() - started) * 1000)
    return round(statistics.median(times), 1)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    print(json.dumps(measure()))
