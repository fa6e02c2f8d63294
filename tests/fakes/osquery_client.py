"""A client that behaves like osqueryd: its enrolment, retries, buffers and forms of logs.

What it imitates is osquery's `remote/utility.h` (TLSRequestHelper), `tls_enroll.cpp`,
`tls_logger.cpp` and `distributed.cpp`: it reads the body of every answer whatever its status,
takes `error` and `node_invalid` for failure and everything else for success, forgets its key on
`node_invalid` and enrols again with the next request, and sends buffered lines until they are
taken.
"""

from __future__ import annotations

import gzip
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec

from tests.fakes.osquery_tables import Machine

ENROLL, CONFIG = "/osquery/v1/enroll", "/osquery/v1/config"
LOGGER = "/osquery/v1/log"
READ, WRITE = "/osquery/v1/distributed/read", "/osquery/v1/distributed/write"

_PLATFORM_TYPES = {"linux": 0x09, "darwin": 0x11, "windows": 0x02}
_DETAILS = ("os_version", "osquery_info", "system_info")


class RequestFailedError(Exception):
    """What osqueryd logs as a failed request, and tries again later."""


@dataclass
class Flags:
    """Flags of osqueryd. `node_key_header` is what version 5.24 and later do by themselves."""

    enroll_secret: str
    host_identifier: str
    node_key_header: bool = True
    node_key_body: bool = True
    logger_tls_compress: bool = False
    logger_event_type: bool = True
    snapshots: bool = True
    attempts: int = 3


@dataclass
class OsqueryClient:
    """One osqueryd on `machine`, which speaks by `http`."""

    http: httpx.AsyncClient
    machine: Machine
    flags: Flags
    now: float
    node_key: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    results: list[dict[str, Any]] = field(default_factory=list)
    status: list[dict[str, Any]] = field(default_factory=list)
    enrolments: int = 0
    _ran: dict[str, float] = field(default_factory=dict)
    _before: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    _counters: dict[str, int] = field(default_factory=dict)

    async def enroll(self) -> None:
        """Ask for a node key, up to so many times."""
        for _ in range(self.flags.attempts):
            self.enrolments += 1
            answer = await self._post(ENROLL, self.enrolment())
            key = answer.get("node_key") or answer.get("id") or ""
            if isinstance(key, str) and key:
                self.node_key = key
                return
        raise RequestFailedError("no node key returned")

    def enrolment(self) -> dict[str, Any]:
        """The body of an enrolment."""
        details = {}
        for table in _DETAILS:
            rows = self.machine.query(f"SELECT * FROM {table}")
            details[table] = rows[0] if rows else {}
        return {
            "enroll_secret": self.flags.enroll_secret,
            "host_identifier": self.flags.host_identifier,
            "platform_type": str(_PLATFORM_TYPES[self.machine.platform]),
            "host_details": details,
        }

    async def go(self, path: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """One request as TLSRequestHelper makes it."""
        if not self.node_key:
            await self.enroll()
        body = dict(params)
        if self.flags.node_key_body:
            body["node_key"] = self.node_key
        headers = {}
        if self.flags.node_key_header:
            headers["Authorization"] = f"NodeKey {self.node_key}"
        compress = self.flags.logger_tls_compress and path == LOGGER
        answer = await self._post(path, body, headers, compress=compress)
        if answer.get("node_invalid") is True:
            self.node_key = ""
            raise RequestFailedError("invalid node key")
        if "error" in answer:
            raise RequestFailedError(str(answer["error"]))
        return answer

    async def _post(
        self,
        path: str,
        body: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
        *,
        compress: bool = False,
    ) -> dict[str, Any]:
        content = msgspec.json.encode(body)
        sent = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": "osquery/5.23.1",
            **(headers or {}),
        }
        if compress:
            sent["Content-Encoding"], content = "gzip", gzip.compress(content)
        response = await self.http.post(path, content=content, headers=sent)
        try:
            answer = msgspec.json.decode(response.content)
        except msgspec.DecodeError as error:
            raise RequestFailedError("the answer is no JSON") from error
        if not isinstance(answer, dict):
            raise RequestFailedError("the answer is no object")
        return answer

    async def refresh_config(self) -> None:
        """Fetch the configuration; a changed one begins the schedule anew."""
        failure = RequestFailedError("never asked")
        for _ in range(self.flags.attempts):
            try:
                self.config = await self.go(CONFIG, {})
            except RequestFailedError as error:
                failure = error
            else:
                return
        raise failure

    def run_schedule(self) -> None:
        """Run what is due of the schedule, and buffer its lines."""
        for name, entry in self.config.get("schedule", {}).items():
            if entry.get("platform") not in {None, "all", self.machine.platform}:
                continue
            if self.now < self._ran.get(name, 0.0) + entry["interval"]:
                continue
            self._ran[name] = self.now
            try:
                rows = self.machine.query(entry["query"])
            except sqlite3.Error as error:
                self.status.append({"severity": "2", "message": f"{name}: {error}", "line": "1"})
                continue
            if entry.get("snapshot") and self.flags.snapshots:
                self.results.append(self._line(name, snapshot=rows, action="snapshot", counter=0))
            else:
                self._differential(name, rows)

    def _differential(self, name: str, rows: list[dict[str, str]]) -> None:
        first = name not in self._before
        before = self._before.get(name, [])
        counter = self._counters[name] = 0 if first else self._counters[name] + 1
        self._before[name] = rows
        added = [row for row in rows if row not in before]
        removed = [row for row in before if row not in rows]
        if self.flags.logger_event_type:
            for action, changed in (("removed", removed), ("added", added)):
                for row in changed:
                    line = self._line(name, columns=row, action=action, counter=counter)
                    self.results.append(line)
        elif added or removed:
            change = {"added": added or "", "removed": removed or ""}
            self.results.append(self._line(name, diffResults=change, counter=counter))

    def _line(self, name: str, *, counter: int, **fields: object) -> dict[str, Any]:
        return {
            "name": name,
            "hostIdentifier": self.flags.host_identifier,
            "calendarTime": "Mon Sep 21 14:13:20 2026 UTC",
            "unixTime": int(self.now),
            "epoch": 0,
            "counter": counter,
            "numerics": False,
            **fields,
        }

    async def flush(self) -> None:
        """Send buffered lines, and forget those that were taken."""
        most = int(self.config.get("options", {}).get("logger_tls_max_lines", 1024))
        for kind, buffered in (("result", self.results), ("status", self.status)):
            while buffered:
                await self.go(LOGGER, {"log_type": kind, "data": buffered[:most]})
                del buffered[:most]

    async def poll_distributed(self) -> dict[str, str]:
        """Fetch distributed queries, run them, and send what they found."""
        queries: dict[str, str] = (await self.go(READ, {}))["queries"]
        found: dict[str, list[dict[str, str]]] = {}
        statuses: dict[str, int] = {}
        messages: dict[str, str] = {}
        for name, sql in queries.items():
            try:
                found[name], statuses[name], messages[name] = self.machine.query(sql), 0, ""
            except sqlite3.Error as error:
                found[name], statuses[name], messages[name] = [], 1, str(error)
        if queries:
            sent = {"queries": found, "statuses": statuses, "messages": messages}
            await self.go(WRITE, sent)
        return queries

    async def turn(self) -> None:
        """What osqueryd does in a while: configuration, schedule, log, distributed queries."""
        await self.refresh_config()
        self.run_schedule()
        await self.flush()
        await self.poll_distributed()
