"""What a host is told to look at, and what it is asked once more.

The schedule brings each fact often enough while a host runs. A distributed query asks for what is
missing all the same: after a start of doorward, and where an answer was lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from doorward.administrator.osquery.facts.table import PLATFORMS, Query, queries_of
from doorward.administrator.osquery.hosts import KnownHost
from doorward.model.ids import UnixSeconds
from doorward.protocol.osquery import MAX_LINE_BYTES, MAX_LOG_LINES

DUE_AFTER: Final = 2 / 3
"""The part of a fact's lifetime after which it is asked for."""

ASK_AGAIN_SECONDS: Final = 120

WHO: Final = "doorward_who"
"""The name of a query that goes with all others, and tells which machine answers them."""

_MACHINE: Final = "SELECT uuid FROM system_info;"


class ScheduledQuery(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of osquery's schedule. A snapshot holds all rows, each time."""

    query: str
    interval: int
    platform: str
    snapshot: bool = True


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """osquery's configuration, as its `filesystem` plugin would read it."""

    schedule: Mapping[str, ScheduledQuery]
    options: Mapping[str, int]
    node_invalid: bool = False


def configuration_of(known: KnownHost) -> Configuration:
    """The schedule for the host's platform, and bounds that keep its messages small."""
    return Configuration(
        schedule={
            query.name: ScheduledQuery(
                query=f"{query.sql};",
                interval=query.interval_seconds,
                platform=PLATFORMS[query.platform],
            )
            for query in queries_of(known.record.platform)
        },
        options={"logger_tls_max_lines": MAX_LOG_LINES, "logger_tls_max_linesize": MAX_LINE_BYTES},
    )


def due(known: KnownHost, now: UnixSeconds) -> Mapping[str, str]:
    """The queries to hand out now, by name. They count as asked for a while.

    Nothing is due of a host that is no device's, or whose platform is not known: a query for
    another platform could only fail.
    """
    if known.record.state != "assigned" or known.record.platform == "other":
        return {}
    found = [query for query in queries_of(known.record.platform) if _due(known, query, now)]
    if not found:
        return {}
    known.asked.update((query.name, now) for query in found)
    return {WHO: _MACHINE, **{query.name: f"{query.sql};" for query in found}}


def _due(known: KnownHost, query: Query, now: UnixSeconds) -> bool:
    answered, asked = known.answered.get(query.name), known.asked.get(query.name)
    if asked is not None and now < asked + ASK_AGAIN_SECONDS:
        return False
    return answered is None or now >= answered + query.lifetime_seconds * DUE_AFTER
