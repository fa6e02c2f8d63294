"""What hosts answer becomes facts of their device: the latest, and only what was asked."""

from __future__ import annotations

import gzip
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from doorward.administrator.osquery.assign import assign_host
from doorward.administrator.osquery.runs import MAX_ROWS, MAX_RUN_CHARACTERS
from doorward.administrator.osquery.schedule import ASK_AGAIN_SECONDS, WHO
from doorward.administrator.osquery.take_results import CLOCK_TOLERANCE_SECONDS, MAX_LINES
from doorward.model.ids import DeviceId
from doorward.model.posture import FACTS, Trust
from doorward.protocol.osquery import MAX_BODY_BYTES
from tests.fakes.osquery_client import (
    ENROLL,
    LOGGER,
    READ,
    WRITE,
    OsqueryClient,
    RequestFailedError,
)
from tests.unit.osquery_stand import Stand


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    stand = Stand()
    async with stand.running():
        yield stand


@pytest.fixture
async def client(stand: Stand) -> OsqueryClient:
    """A host that is assigned and has its schedule."""
    client = stand.client()
    await stand.assigned(client)
    await client.refresh_config()
    return client


def ignored(stand: Stand, client: OsqueryClient) -> int:
    (known,) = list(stand.osquery.hosts._by_key.values())
    return known.ignored


def line(client: OsqueryClient, **changed: Any) -> dict[str, Any]:
    """A line of a log that says that nobody but root has id 0."""
    fields = {
        "name": "doorward_accounts_linux",
        "hostIdentifier": client.flags.host_identifier,
        "unixTime": int(client.now),
        "epoch": 0,
        "counter": 0,
        "action": "snapshot",
        "snapshot": [{"what": "asked", "username": ""}, {"what": "account", "username": "root"}],
    }
    return {name: cell for name, cell in (fields | changed).items() if cell is not None}


async def send(client: OsqueryClient, *lines: object) -> None:
    await client.go(LOGGER, {"log_type": "result", "data": list(lines)})


@pytest.mark.parametrize("platform", ["linux", "darwin", "windows"])
async def test_a_turn_tells_every_fact_as_self_reported(stand: Stand, platform: str) -> None:
    client = stand.client(platform)
    await stand.assigned(client)
    await client.turn()
    assert stand.taking.latest("laptop").keys() == FACTS.keys()
    assert {trust for _, _, trust in stand.taking.taken} == {Trust.SELF_REPORTED}
    assert all(fact.at == stand.now for fact in stand.taking.latest("laptop").values())
    assert not client.results
    assert not client.status


@pytest.mark.parametrize(
    "flags",
    [
        {"snapshots": False, "logger_event_type": True},
        {"snapshots": False, "logger_event_type": False},
        {"logger_tls_compress": True},
        {},
    ],
    ids=["event", "batch", "gzip", "snapshot"],
)
async def test_each_form_of_the_log_tells_the_same(stand: Stand, flags: dict[str, Any]) -> None:
    client = stand.client(**flags)
    await stand.assigned(client)
    await client.refresh_config()
    client.run_schedule()
    await client.flush()
    first = stand.taking.latest("laptop")
    assert first["extra-uid0-accounts"].value == 0
    assert first["disk-encrypted"].value is True
    client.machine.execute("INSERT INTO users VALUES (0, 'toor', '')")
    client.machine.execute("DELETE FROM listening_ports WHERE port = 22")
    stand.pass_time(300, client)
    client.run_schedule()
    await client.flush()
    second = stand.taking.latest("laptop")
    assert second["extra-uid0-accounts"].value == 1
    assert second["listeners"].value == ()
    assert second["extra-uid0-accounts"].at == stand.now


async def test_differences_without_their_beginning_tell_nothing(
    stand: Stand, client: OsqueryClient
) -> None:
    row = {"what": "account", "username": "root"}
    difference = {"diffResults": {"added": [row], "removed": ""}, "action": None, "snapshot": None}
    await send(client, line(client, counter=4, **difference))
    assert stand.taking.taken == []
    first = {"added": [{"what": "asked", "username": ""}, row], "removed": []}
    await send(client, line(client, counter=0, **(difference | {"diffResults": first})))
    assert stand.taking.latest("laptop")["extra-uid0-accounts"].value == 0
    extra = {"added": [{"what": "account", "username": "toor"}], "removed": ""}
    other_epoch = line(client, counter=1, epoch=9, **(difference | {"diffResults": extra}))
    await send(client, other_epoch)
    assert stand.taking.latest("laptop")["extra-uid0-accounts"].value == 0
    await send(client, line(client, counter=1, **(difference | {"diffResults": extra})))
    assert stand.taking.latest("laptop")["extra-uid0-accounts"].value == 1


async def test_the_latest_answer_wins_in_whatever_order_they_come(
    stand: Stand, client: OsqueryClient
) -> None:
    extra = [{"what": "asked"}, {"what": "account", "username": "toor"}]
    newer = line(client)
    older = line(client, unixTime=str(int(client.now) - 60), snapshot=extra)
    await send(client, newer, older)
    await send(client, older)
    assert [fact.value for _, fact, _ in stand.taking.taken] == [0]
    assert ignored(stand, client) == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"unixTime": CLOCK_TOLERANCE_SECONDS + 1},
        {"unixTime": -86_400},
        {"unixTime": "soon"},
        {"unixTime": 1e300},
        {"unixTime": "NaN"},
        {"hostIdentifier": "another"},
        {"name": "pack_of_theirs"},
        {"snapshot": None},
        {"snapshot": [{"what": {"nested": 1}}]},
        {"snapshot": [{"what": "asked"}] * 600},
        {"name": None},
        {"counter": "x"},
    ],
)
async def test_what_is_not_believable_is_counted_and_left_out(
    stand: Stand, client: OsqueryClient, changed: dict[str, Any]
) -> None:
    if isinstance(changed.get("unixTime"), int):
        changed = {"unixTime": client.now + changed["unixTime"]}
    await send(client, line(client, **changed), 7, "text", [])
    assert stand.taking.taken == []
    assert ignored(stand, client) == 4


async def test_a_clock_that_is_a_little_ahead_is_taken_as_now(
    stand: Stand, client: OsqueryClient
) -> None:
    await send(client, line(client, unixTime=client.now + CLOCK_TOLERANCE_SECONDS))
    assert stand.taking.latest("laptop")["extra-uid0-accounts"].at == stand.now


async def test_older_versions_write_numbers_and_empty_lists_as_text(
    stand: Stand, client: OsqueryClient
) -> None:
    old = line(client, unixTime=str(int(client.now)), epoch="0", counter="0", snapshot="")
    await send(client, old)
    assert stand.taking.latest("laptop")["extra-uid0-accounts"].value is None
    await client.go(LOGGER, {"log_type": "result", "data": ""})


async def test_status_lines_are_accepted_and_dropped(stand: Stand, client: OsqueryClient) -> None:
    await client.go(LOGGER, {"log_type": "status", "data": [line(client), {"message": "x"}]})
    assert stand.taking.taken == []
    assert ignored(stand, client) == 0


async def test_lines_beyond_a_bound_are_left_out(stand: Stand, client: OsqueryClient) -> None:
    await send(client, *[line(client)] * (MAX_LINES + 5))
    assert ignored(stand, client) == 5


async def test_only_what_is_missing_is_asked(stand: Stand, client: OsqueryClient) -> None:
    client.run_schedule()
    await client.flush()
    assert await client.poll_distributed() == {}
    stand.pass_time(10 * 60, client)
    asked = await client.poll_distributed()
    assert "doorward_disks_linux" in asked
    assert WHO in asked
    assert "doorward_system_linux" not in asked
    assert stand.taking.latest("laptop")["disk-encrypted"].at == stand.now
    assert await client.poll_distributed() == {}


async def test_what_is_not_answered_is_asked_again_after_a_while(
    stand: Stand, client: OsqueryClient
) -> None:
    first = (await client.go(READ, {}))["queries"]
    assert first
    assert (await client.go(READ, {}))["queries"] == {}
    stand.pass_time(ASK_AGAIN_SECONDS, client)
    assert (await client.go(READ, {}))["queries"] == first


async def test_a_failed_query_makes_its_facts_unknown(stand: Stand, client: OsqueryClient) -> None:
    client.machine.execute("DROP TABLE disk_encryption")
    await client.poll_distributed()
    fact = stand.taking.latest("laptop")["disk-encrypted"]
    assert fact.value is None
    assert fact.why == "osquery could not answer the query."
    assert stand.taking.latest("laptop")["firewall"].value is True


@pytest.mark.parametrize("status", [2, "2", "?", -1])
async def test_any_status_but_0_is_a_failure(
    stand: Stand, client: OsqueryClient, status: object
) -> None:
    await client.go(READ, {})
    rows = [{"what": "asked"}]
    name = "doorward_accounts_linux"
    await client.go(WRITE, {"queries": {name: rows}, "statuses": {name: status}})
    assert stand.taking.latest("laptop")["extra-uid0-accounts"].value is None


async def test_results_that_nobody_asked_for_mean_nothing(
    stand: Stand, client: OsqueryClient
) -> None:
    rows = [{"what": "asked"}]
    sent = {"queries": {"doorward_accounts_linux": rows, "mine": rows}, "statuses": {}}
    await client.go(WRITE, sent)
    assert stand.taking.taken == []
    assert ignored(stand, client) == 2
    await client.go(READ, {})
    await client.go(WRITE, sent)
    assert len(stand.taking.taken) == 1
    await client.go(WRITE, sent)
    assert len(stand.taking.taken) == 1, "an answer counts once"


async def test_a_copy_of_the_disk_holds_the_key_and_is_told_apart(
    stand: Stand, client: OsqueryClient
) -> None:
    client.machine.execute("UPDATE system_info SET uuid = '9999'")
    assert await client.poll_distributed()
    assert stand.taking.taken == []
    assert ignored(stand, client) > 0


async def test_what_is_known_better_refuses_one_fact_alone(
    stand: Stand, client: OsqueryClient
) -> None:
    stand.taking.refuses = {"firewall", "disk-encrypted"}
    await client.turn()
    assert stand.taking.latest("laptop").keys() == FACTS.keys() - stand.taking.refuses


async def test_nothing_of_a_host_that_is_nobodys_is_kept_and_all_of_it_is_asked_later(
    stand: Stand,
) -> None:
    client = stand.client()
    await client.turn()
    assert stand.taking.taken == []
    await stand.device()
    (host,) = await stand.hosts()
    await assign_host(stand.osquery, stand.act, host.id, DeviceId("laptop"))
    await client.poll_distributed()
    assert stand.taking.latest("laptop").keys() == FACTS.keys()


async def test_lines_are_sent_until_they_are_taken(stand: Stand, client: OsqueryClient) -> None:
    client.run_schedule()
    buffered = list(client.results)
    good, client.node_key = client.node_key, "wrong"
    client.flags.enroll_secret = "wrong"
    with pytest.raises(RequestFailedError):
        await client.flush()
    with pytest.raises(RequestFailedError):
        await client.flush()
    assert client.results == buffered
    client.node_key = good
    await client.flush()
    assert client.results == []
    assert stand.taking.taken


async def test_messages_stay_small_by_configuration(client: OsqueryClient) -> None:
    options = client.config["options"]
    most = options["logger_tls_max_lines"] * options["logger_tls_max_linesize"]
    assert most <= MAX_BODY_BYTES // 2
    assert all(entry["snapshot"] for entry in client.config["schedule"].values())


@pytest.mark.parametrize(
    ("content", "encoding", "code"),
    [
        (b"x" * (MAX_BODY_BYTES + 1), "", "request-too-large"),
        (gzip.compress(bytes(64 * 1024 * 1024)), "gzip", "request-too-large"),
        (gzip.compress(b"{}")[:-4], "gzip", "osquery-malformed"),
        (gzip.compress(b"{}") + b"more", "gzip", "osquery-malformed"),
        (b"{}", "gzip", "osquery-malformed"),
        (b"{}", "br", "osquery-malformed"),
        (b"{}", "gzip, gzip", "osquery-malformed"),
        (b"[" * 100_000, "", "osquery-malformed"),
        (b"\xff\xfe", "", "osquery-malformed"),
        (b"", "", "osquery-malformed"),
    ],
    ids=["large", "bomb", "cut", "tail", "plain", "brotli", "twice", "deep", "bytes", "empty"],
)
@pytest.mark.parametrize("path", [LOGGER, WRITE, READ, ENROLL])
async def test_a_bad_body_is_an_error_that_osqueryd_understands(
    stand: Stand, path: str, content: bytes, encoding: str, code: str
) -> None:
    headers = {"content-encoding": encoding} if encoding else {}
    answer = await stand.http.post(path, content=content, headers=headers)
    body = msgspec.json.decode(answer.content)
    assert body["code"] == code
    assert body["error"]
    assert body["node_invalid"] is False
    assert answer.status_code >= 400
    (entry,) = await stand.audit("osquery-refused")
    assert entry.detail["why"] == code


async def test_differences_cost_little_whatever_a_host_sends(
    stand: Stand, client: OsqueryClient
) -> None:
    """Each row that went was compared with each that there was: a message took a quarter minute."""
    full = [{"what": "account", "username": f"u{number}"} for number in range(MAX_ROWS)]
    await send(client, line(client, snapshot=full))
    change: dict[str, list[dict[str, str]]] = {"added": [{}] * 800_000, "removed": []}
    began = time.process_time()
    await send(client, line(client, snapshot=None, counter=1, diffResults=change))
    assert time.process_time() - began < 4
    assert ignored(stand, client) == 1
    gone = {"added": [], "removed": full[1:]}
    await send(client, line(client, snapshot=None, counter=2, diffResults=gone))
    (known,) = list(stand.osquery.hosts._by_key.values())
    assert list(known.runs["doorward_accounts_linux"].rows) == full[:1]


async def test_what_is_held_of_a_host_is_bounded(stand: Stand, client: OsqueryClient) -> None:
    cell = "x" * (MAX_RUN_CHARACTERS // 2)
    await send(client, line(client, snapshot=[]))
    for number in (1, 2):
        columns = {"what": "account", "username": f"{cell}{number}"}
        await send(
            client,
            line(client, snapshot=None, counter=number, action="added", columns=columns),
        )
    assert ignored(stand, client) == 1
    (known,) = list(stand.osquery.hosts._by_key.values())
    assert len(known.runs["doorward_accounts_linux"].rows) == 1
