"""The real Envoy chooses the routes that the property tests say it chooses."""

from __future__ import annotations

import json
import random
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from doorward.adapters.envoy.binary import envoy_command
from doorward.enforcement.envoy.compiler import compile_envoy
from doorward.enforcement.envoy.ticket import scope
from doorward.engine import classify
from doorward.model.areas import AREA_RULES, AREAS
from doorward.model.estate import Action, ActionRule, Resource
from doorward.model.snapshot import Snapshot
from tests.integration.boundary_wire import Wire
from tests.property.route_matching import (
    DOMAIN,
    METHODS,
    SEGMENTS,
    TRICKS,
    envoy_settings,
    resource,
)
from tests.tools import free_ports

TABLES, REQUESTS = 24, 600
_ODD = ("", ".", "..", "%2E%2e", "\xe9", "\xff", "{", '"', "|", "\\", "*", "a\\b", "%41")


@pytest.fixture(scope="module")
def resources() -> dict[str, Resource]:
    chance = random.Random(3)
    held = {f"r{n}": resource(f"r{n}", _table(chance)) for n in range(TABLES)}
    before = (ActionRule(path="/audit/*", action="write"), ActionRule(path="/*", action="read"))
    consoles = {"console": (), "old": before}
    return held | {name: resource(name, table, "control") for name, table in consoles.items()}


@pytest.fixture(scope="module")
def port(resources: dict[str, Resource], tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Envoy with these resources' routes, each of which answers its own name."""
    folder, port = tmp_path_factory.mktemp("routes"), free_ports()
    files = compile_envoy(Snapshot(resources=resources), envoy_settings(str(folder), port), 1)
    bootstrap = folder / "bootstrap.json"
    bootstrap.write_text(json.dumps(_naming(json.loads(files.complete))))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(envoy_command(bootstrap, 1), stdout=log, stderr=log)
    try:
        _wait(port, folder / "log")
        yield port
    finally:
        process.kill()
        process.wait()


def test_what_a_ticket_opens_is_what_the_engine_decides_on(
    port: int, resources: dict[str, Resource]
) -> None:
    chance = random.Random(5)
    opened = 0
    for _ in range(REQUESTS):
        held = resources[f"r{chance.randrange(TABLES)}"]
        method, path = chance.choice(METHODS), _path(chance)
        with Wire(("127.0.0.1", port)) as wire:
            answer = wire.ask(method, path, host=f"{held.host}.{DOMAIN}")
        if answer.status == 400:
            continue
        name = answer.headers["route"][0]
        if name != "asked":
            # The path as the upstream would see it: that is what the engine is asked about.
            arrives = answer.headers["path"][0]
            assert name == scope(held, *classify(held, method, arrives)), (method, path)
            assert not set("%;\\") & set(arrives.split("?")[0]), path
            opened += 1
    assert opened > REQUESTS / 4


def test_the_consoles_routes_are_of_the_areas_that_the_engine_finds(
    port: int, resources: dict[str, Resource]
) -> None:
    console, opened = resources["console"], set()
    for rule in AREA_RULES:
        stem = rule.path.removesuffix("/*")
        for path in (stem, f"{stem}/x", stem.upper(), f"/identity/..{stem}", f"/{stem}"):
            for method in ("GET", "POST"):
                with Wire(("127.0.0.1", port)) as wire:
                    answer = wire.ask(method, path, host=f"console.{DOMAIN}")
                name, arrives = answer.headers["route"][0], answer.headers["path"][0]
                assert name == scope(console, *classify(console, method, arrives)), (method, path)
                opened.add(name)
    assert len(opened) == 2 * len(AREAS) + 2


def test_rules_left_at_a_console_are_asked_about(port: int, resources: dict[str, Resource]) -> None:
    old, routes = resources["old"], []
    for method, path in (("GET", "/AUDIT/x"), ("GET", "/people"), ("POST", "/people")):
        with Wire(("127.0.0.1", port)) as wire:
            routes += wire.ask(method, path, host=f"old.{DOMAIN}").headers["route"]
    assert routes == ["asked", scope(old, "read", "people"), scope(old, "write", "people")]


def test_no_byte_outside_ascii_in_a_path_takes_a_ticket(port: int) -> None:
    for byte in (*range(1, 33), *range(127, 256)):
        with Wire(("127.0.0.1", port)) as wire:
            wire.send(b"GET /a%cb HTTP/1.1\r\nhost: r0.%s\r\n\r\n" % (byte, DOMAIN.encode()))
            status, headers = wire.head()
        assert status in {400, 426} or headers["route"] == ["asked"], byte


def _table(chance: random.Random) -> tuple[ActionRule, ...]:
    actions: tuple[Action, ...] = ("read", "write")
    return tuple(
        ActionRule(
            path="/"
            + "/".join(chance.choices(SEGMENTS, k=chance.randint(1, 2)))
            + chance.choice(("", "/", "/*", "/*")),
            action=chance.choice(actions),
            methods=tuple(chance.sample(METHODS, chance.choice((0, 0, 1, 2)))),
        )
        for _ in range(chance.randint(0, 5))
    )


def _path(chance: random.Random) -> str:
    kind = chance.choice((SEGMENTS, SEGMENTS, SEGMENTS + TRICKS + _ODD))
    parts = chance.choices(kind, k=chance.randint(0, 4))
    text = "/" + "/".join(parts) + chance.choice(("", "/", "?q=1", "?/admin;%2e"))
    return text if chance.random() < 0.9 else "/" + text


def _naming(configuration: dict[str, Any]) -> dict[str, Any]:
    listeners = configuration["static_resources"]["listeners"]
    del listeners[1:]
    configuration["static_resources"]["clusters"] = []
    manager = listeners[0]["filter_chains"][0]["filters"][0]["typed_config"]
    manager["http_filters"] = manager["http_filters"][-1:]
    del manager["access_log"]
    for host in manager["route_config"]["virtual_hosts"]:
        for route in host["routes"]:
            route.pop("route", None)
            route.pop("typed_per_filter_config", None)
            route["direct_response"] = {"status": 200}
            route["response_headers_to_add"] = [
                {"header": {"key": "route", "value": route.get("name", "own")}},
                {"header": {"key": "path", "value": "%REQ(:PATH)%"}},
            ]
    return configuration


def _wait(port: int, log: Path) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(log.read_text())
