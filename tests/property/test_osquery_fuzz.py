"""Whatever is sent to osquery's endpoints has its answer, and what is refused changes nothing."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorward.administrator.osquery.facts.table import QUERIES, facts_of
from doorward.entrypoints.fleet.osquery import HANDLERS
from doorward.entrypoints.fleet.osquery_body import inflated
from doorward.errors import DoorwardError
from doorward.model.posture import MAX_TEXT, fits
from doorward.protocol.osquery import ENROL, LOG, MAX_BODY_BYTES, READ, WRITE
from tests.fakes.osquery_tables import COLUMNS
from tests.unit.osquery_stand import UUID, Stand

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
    | st.sampled_from(["", "0", "1", "1790000000", "-1", "1e999", "NaN"])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(["what", "asked", *COLUMNS, "path", "value", "label", "node", "username"])
CELLS = st.sampled_from(["asked", "account", "root", "socket", "setting", "server", "", "0", "1"])
ROWS = st.lists(st.dictionaries(NAMES, CELLS | TEXT, max_size=6), max_size=5)
PATHS = st.sampled_from(sorted(HANDLERS))
QUERY = st.sampled_from(sorted(QUERIES))
REAL = {
    ENROL: {"enroll_secret": "", "host_identifier": UUID, "host_details": {"system_info": {}}},
    LOG: {"log_type": "result", "data": [{"name": "doorward_accounts_linux", "unixTime": 1}]},
    WRITE: {"queries": {"doorward_accounts_linux": []}, "statuses": {"doorward_accounts_linux": 0}},
    READ: {"node_key": ""},
}


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """A real message with something of it replaced, added or gone."""
    message: dict[str, Any] = dict(draw(st.sampled_from(list(REAL.values()))))
    for name in draw(st.lists(st.sampled_from([*message, "extra"]), max_size=3)):
        if draw(st.booleans()):
            message.pop(name, None)
        else:
            message[name] = draw(JSON)
    return message


BODIES = st.one_of(
    st.binary(max_size=200),
    JSON.map(msgspec.json.encode),
    mutated().map(msgspec.json.encode),
    mutated()
    .map(msgspec.json.encode)
    .flatmap(lambda body: st.integers(0, len(body)).map(lambda end: body[:end])),
)


@settings(max_examples=120)
@given(path=PATHS, body=BODIES, compressed=st.booleans(), key=st.none() | TEXT)
def test_a_stranger_changes_nothing(
    path: str, body: bytes, compressed: bool, key: str | None
) -> None:
    async def sent() -> None:
        stand = Stand()
        async with stand.running():
            headers = {"content-encoding": "gzip"} if compressed else {}
            if key is not None:
                headers["authorization"] = "NodeKey " + key.encode().hex()
            content = gzip.compress(body) if compressed else body
            answer = await stand.http.post(path, content=content, headers=headers)
            found = msgspec.json.decode(answer.content)
            assert found["error"], "osqueryd takes an answer without it for success"
            assert found["code"].startswith(("osquery-", "request-"))
            assert await stand.hosts() == []
            assert stand.taking.taken == []

    asyncio.run(sent())


LINES = st.fixed_dictionaries(
    {"name": QUERY | TEXT, "unixTime": st.just(1_790_000_000) | JSON},
    optional={
        "snapshot": ROWS | JSON,
        "columns": st.dictionaries(NAMES, CELLS, max_size=4) | JSON,
        "action": st.sampled_from(["added", "removed", "snapshot"]) | JSON,
        "diffResults": st.fixed_dictionaries({}, optional={"added": ROWS, "removed": ROWS}) | JSON,
        "counter": st.integers(0, 2) | JSON,
        "epoch": st.integers(0, 1) | JSON,
        "hostIdentifier": st.just(UUID) | TEXT,
    },
)
MESSAGES = st.one_of(
    st.tuples(
        st.just(LOG),
        st.fixed_dictionaries(
            {"log_type": st.just("result") | JSON, "data": st.lists(LINES, max_size=4) | JSON}
        ),
    ),
    st.tuples(
        st.just(WRITE),
        st.fixed_dictionaries(
            {},
            optional={
                "queries": st.dictionaries(QUERY | TEXT, ROWS | JSON, max_size=4) | JSON,
                "statuses": st.dictionaries(QUERY | TEXT, st.integers() | JSON, max_size=4) | JSON,
            },
        ),
    ),
)


@settings(max_examples=60)
@given(messages=st.lists(MESSAGES, max_size=5))
def test_a_host_makes_facts_that_fit_and_nothing_else(
    messages: list[tuple[str, dict[str, Any]]],
) -> None:
    async def sent() -> None:
        stand = Stand()
        async with stand.running():
            client = stand.client()
            await stand.assigned(client)
            await client.go(READ, {})
            for path, message in messages:
                body = {**message, "node_key": client.node_key}
                answer = await stand.http.post(path, content=msgspec.json.encode(body))
                found = msgspec.json.decode(answer.content)
                assert found == {"node_invalid": False} or found["code"] == "osquery-malformed"
            for device, fact, _ in stand.taking.taken:
                assert device == "laptop"
                assert fits(fact)
                assert len(fact.why) <= MAX_TEXT
                assert fact.at <= stand.now

    asyncio.run(sent())


@settings(max_examples=300)
@given(query=QUERY, rows=ROWS | st.lists(st.dictionaries(NAMES, TEXT, max_size=6), max_size=4))
def test_every_reader_answers_whatever_rows_it_is_given(
    query: str, rows: list[dict[str, str]]
) -> None:
    facts = facts_of(QUERIES[query], rows, 0.0)
    assert {fact.name for fact in facts} >= set(QUERIES[query].facts)
    assert all(fits(fact) and (fact.value is not None or fact.why) for fact in facts)
    assert all(len(fact.why) <= MAX_TEXT for fact in facts)


@settings(max_examples=10)
@given(mebibytes=st.integers(5, 16))
def test_a_bomb_is_never_inflated(mebibytes: int) -> None:
    bomb = gzip.compress(bytes(mebibytes * 1024 * 1024))
    with pytest.raises(DoorwardError, match=r"^request-too-large:"):
        inflated(bomb)
    assert inflated(gzip.compress(bomb)) == bomb, "what it holds is inflated once"
    assert len(bomb) < MAX_BODY_BYTES
